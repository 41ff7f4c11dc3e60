import Clouds
import Foundation
import Host
import ImageBuilding
import Names
import Payload
public import State

extension Launcher {
  /// Launches a cloudpipe, or finds it running and answering.
  ///
  /// What a launch made that fails or is interrupted is undone before this throws; a cloudpipe that was there before
  /// stays, and is down.
  ///
  /// - Parameter waits: until the VPN answers.
  /// - Throws: ``LaunchError``, `StateError`, `HostError`, `CancellationError`.
  public func launch(_ request: LaunchRequest, waits: Bool = true) async throws -> Launched {
    let lock = try await lock(request.id)
    let site = try await site(request.id, lock)
    try await settle(at: site)
    if let running = try await running(request, at: site) {
      if waits { try await awaitAnswer(of: running, at: site) }
      return running
    }
    return try await bringUp(request, at: site, isRestart: false, waits: waits)
  }

  /// Boots a cloudpipe anew; address, port and certificates stay. What doesn't work of its network is mended.
  ///
  /// - Parameter warm: whether from a saved state; nil: as it was launched.
  /// - Throws: ``LaunchError``, `StateError`, `HostError`, `CancellationError`.
  public func restart(_ id: NetworkID, waits: Bool = true, warm: Bool? = nil) async throws -> Launched {
    let lock = try await lock(id)
    let site = try await site(id, lock)
    try await settle(at: site)
    let instance = try await instance(id)
    var request = request(of: instance)
    request.startsWarm = warm ?? request.startsWarm
    return try await bringUp(request, at: site, isRestart: true, waits: waits)
  }

  /// The request that makes again what an instance was.
  func request(of instance: Instance) -> LaunchRequest {
    var request = LaunchRequest(instance.id)
    request.image = instance.handle[BootStep.image] ?? instance.imageId
    request.flavor = instance.handle[BootStep.flavor]
    request.startsWarm = instance.handle[BootStep.warm] != nil
    return request
  }

  /// - Throws: ``LaunchError/notLaunched(_:)``.
  func instance(_ id: NetworkID) async throws -> Instance {
    guard let instance = try await state.read({ try $0.instances.find(id) }) else { throw LaunchError.notLaunched(id) }
    return instance
  }

  private func running(_ request: LaunchRequest, at site: LaunchSite) async throws -> Launched? {
    let id = request.id
    let found = try await state.read { transaction -> (Instance, PublicPort, Address)? in
      guard let instance = try transaction.instances.find(id), let port = try transaction.publicPorts.find(id) else {
        return nil
      }
      try request.check(against: try transaction.networks.get(id))
      return (instance, port, try transaction.addresses.cloudpipe(of: id))
    }
    guard let (instance, port, address) = found, instance.state != .down,
      case let condition = try await site.cloud.condition(of: id), condition.state == .running, condition.faults.isEmpty
    else { return nil }
    let forward = PublicForward(network: id, address: port.address, port: port.port, instance: address.address)
    return Launched(id: id, wasRunning: true, forward: forward, imageID: instance.imageId)
  }

  /// Nothing is undone where it gives none: it is in use, or is booting yet.
  private func awaitAnswer(of running: Launched, at site: LaunchSite) async throws {
    let name = StepName.answer.rawValue
    let begin = ContinuousClock.now
    report(.stageStarted(name: name, detail: nil))
    do {
      try await AnswerStep(forward: running.forward, patience: patience, probe: probe).make(at: site)
    } catch let error as LaunchError {
      try await state.write { try $0.instances.update(site.id, state: .down, at: now()) }
      let console = LaunchError.tail(of: try? await site.cloud.console(of: site.id))
      throw LaunchError.down(site.id, reason: "\(error)", console: console, cause: error)
    }
    report(.stageFinished(name: name, seconds: (ContinuousClock.now - begin) / .seconds(1), cached: false))
  }

  /// Goes through the steps, under a journal that is open or opened now.
  ///
  /// - Parameter isRecovery: the journal is a killed command's, and stays open where this is cancelled.
  func bringUp(
    _ request: LaunchRequest, at site: LaunchSite, isRestart: Bool, waits: Bool, isRecovery: Bool = false
  ) async throws -> Launched {
    // What can be known to be wrong is said before anything is written.
    async let found = ImageChoice.find(request.image, out: out, state: state, cloud: site.cloud)
    async let known = site.cloud.flavor(named: request.flavor)
    async let port: Void = portStep(of: request).check(at: site)
    async let owned: Void = checkOwned(at: site)
    let (image, flavor) = (try await found, try await known ?? flavor(request.flavor))
    try await port
    try await owned
    let journal = try await LaunchJournal.open(at: site)
    do {
      let launched = try await steps(
        of: request, image: image, flavor: flavor, journal: journal, isRestart: isRestart, waits: waits)
      try await journal.end(.done)
      return launched
    } catch {
      if isRecovery { try Task.checkCancellation() }
      let console = LaunchError.tail(of: try? await site.cloud.console(of: site.id))
      let isUndone: Bool
      do { isUndone = try await giveUp(journal) } catch let obstacle {
        throw LaunchError.notUndone(site.id, failure: error, obstacle: obstacle)
      }
      guard case LaunchError.step(let step, let id, let reason, _, let cause) = error else { throw error }
      throw isUndone
        ? LaunchError.step(step, of: id, reason: reason, console: console, cause: cause)
        : LaunchError.down(id, reason: "the step '\(step)' failed: \(reason)", console: console, cause: cause)
    }
  }

  /// A launch would take another's things for its own, its cloudpipe as well, and remove them when it fails.
  private func checkOwned(at site: LaunchSite) async throws {
    let project = site.id.project
    guard try await state.read({ try $0.networks.all(of: project).isEmpty }),
      try await site.cloud.hasSecurityGroup(named: LaunchedNames.shared(of: project))
    else { return }
    // Another launch of this state's has written itself down before it made anything.
    let isOurs = try await state.read { transaction in
      try !transaction.networks.all(of: project).isEmpty
        || transaction.launches.allOpen().contains { $0.projectId == project }
    }
    guard isOurs else { throw LaunchError.foreign(project, cloud: site.cloud.name) }
  }

  private func portStep(of request: LaunchRequest) -> PortStep {
    PortStep(address: request.publicAddress, port: request.port, defaults: defaults, host: host)
  }

  private func flavor(_ name: String?) throws -> Flavor {
    let name = name ?? Flavor.tiny.name
    if let flavor = defaults.flavors[name] { return flavor }
    if name == Flavor.tiny.name { return .tiny }
    throw LaunchError.noFlavor(name, known: defaults.flavors.keys.sorted())
  }

  private func steps(
    of request: LaunchRequest, image: ImageChoice, flavor: Flavor, journal: LaunchJournal, isRestart: Bool,
    waits: Bool
  ) async throws -> Launched {
    let id = request.id
    let image = try await journal.make(ImageStep(choice: image))
    let crl = try await journal.make(TrustStep())
    let keyPair = try await journal.make(KeyPairStep())
    let group = try await journal.make(SecurityGroupStep())
    let place = try await journal.make(NetworkStep(request: request, defaults: defaults, host: host))
    _ = try await journal.make(CloudNetworkStep(network: place.network))
    let crlLocation = try crlLocation(at: journal.site)
    let payload = try await journal.make(PayloadStep(network: place.network, crlLocation: crlLocation))
    guard let mac = place.cloudpipe.mac else { throw StateError.notFound(kind: "MAC address of", id: "\(id)") }
    let plan = InstancePlan(
      network: id, name: LaunchedNames.instance(of: id), image: image, flavor: flavor,
      address: place.cloudpipe.address, mac: mac, securityGroup: group, keyPair: keyPair, payload: payload, crl: crl,
      startsWarm: request.startsWarm, memo: NetworkMemo(place.network).text)
    let handle = try await journal.make(BootStep(plan: plan, isRestart: isRestart, crlLocation: crlLocation))
    let port = try await journal.make(portStep(of: request))
    let forward = PublicForward(
      network: id, address: port.address, port: port.port, instance: place.cloudpipe.address)
    _ = try await journal.make(PublishStep(forward: forward, handle: handle))
    if waits { try await journal.make(AnswerStep(forward: forward, patience: patience, probe: probe)) }
    return Launched(id: id, wasRunning: false, forward: forward, imageID: image.id)
  }

  private func crlLocation(at site: LaunchSite) throws -> CRLLocation? {
    site.cloud.kind == .local ? crlLocation : try publishedCRL(site.id.project)
  }

  /// Undoes what a failed launch made, even when it failed because its task was cancelled.
  ///
  /// - Returns: whether it did: a cloudpipe that was there before stays.
  private func giveUp(_ journal: LaunchJournal) async throws -> Bool {
    try await Task {
      if try await journal.isOfAnEarlierCloudpipe {
        let id = journal.site.id
        try await state.write { try $0.instances.update(id, state: .down, at: now()) }
        try await journal.end(.failed)
        return false
      }
      try await undo(journal)
      return true
    }.value
  }
}

extension LaunchError {
  /// How many lines of a console are shown.
  private static let consoleLines = 20

  /// The end of an instance's console; nil where it said nothing.
  fileprivate static func tail(of console: String?) -> String? {
    let lines = console?.split(whereSeparator: \.isNewline).suffix(consoleLines) ?? []
    return lines.isEmpty ? nil : lines.joined(separator: "\n")
  }
}
