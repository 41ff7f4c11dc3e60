import Clouds
public import Foundation
import Names
public import State

/// How a network's cloudpipe is doing at this moment.
public struct CloudpipeStatus: Sendable {
  public let network: Network
  /// The cloudpipe's own in the network.
  public let address: Address
  public let port: PublicPort?
  public let instance: Instance?
  /// The machines that are plugged into the network, ordered by name.
  public let machines: [AttachedMachine]
  /// Nil where the network has no cloudpipe.
  public let state: InstanceState?
  /// Why it is in this state, in words for people; nil when it runs.
  public let reason: String?
  /// When it was booted last.
  public let since: Date?
  /// What doesn't work of what serves it, though it may run.
  public let faults: [String]

  public var id: NetworkID { network.id }
}

extension Launcher {
  /// Looks at a cloudpipe: asks the cloud, and the VPN whether it answers. What is seen is noted for lists.
  ///
  /// - Throws: ``LaunchError/notLaunched(_:)`` for a network that isn't there, `StateError`, what the cloud throws.
  public func status(of id: NetworkID) async throws -> CloudpipeStatus {
    let found = try await state.read { transaction in
      (
        network: try transaction.networks.find(id), instance: try transaction.instances.find(id),
        port: try transaction.publicPorts.find(id), launch: try transaction.launches.open(id),
        machines: try AttachedMachine.all(in: id, transaction)
      )
    }
    guard let network = found.network else { throw LaunchError.notLaunched(id) }
    let address = try await state.read { try $0.addresses.cloudpipe(of: id) }
    func status(
      _ state: InstanceState?, _ reason: String?, _ condition: InstanceCondition? = nil
    ) -> CloudpipeStatus {
      CloudpipeStatus(
        network: network, address: address, port: found.port, instance: found.instance, machines: found.machines,
        state: state, reason: reason,
        since: condition?.since, faults: condition?.faults ?? [])
    }
    guard let instance = found.instance, found.port != nil || found.launch == nil else {
      return found.launch == nil ? status(nil, nil) : status(.pending, "a launch is under way")
    }
    let condition = try await clouds.cloud(of: id).condition(of: id)
    let (state, reason) =
      instance.hasLostKeys
      ? (.down, "\(LaunchError.keysLost(id))")
      : try await judge(found.port, address, condition, isLocal: instance.cloud == .local)
    if state != instance.state {
      try await self.state.write { transaction in
        if try transaction.instances.find(id) != nil { try transaction.instances.update(id, state: state, at: now()) }
      }
    }
    return status(state, reason, condition)
  }

  /// How often one that gives no answer is asked.
  private static let questions = 3

  private func judge(
    _ port: PublicPort?, _ address: Address, _ condition: InstanceCondition, isLocal: Bool
  ) async throws -> (InstanceState, String?) {
    guard let port else { return (.invalid, "it has no public address: 'cpbuild launch' gives it one") }
    do {
      if isLocal { _ = try PublicAddress.choose(port.address, host: try await host()) }
    } catch let error as LaunchError {
      return (.invalid, "\(error); 'cpbuild change \(port.projectId) --ip ADDRESS' moves it")
    }
    switch condition.state {
    case .absent: return (.down, "its instance isn't there: 'cpbuild restart' boots it")
    case .stopped: return (.down, condition.faults.first ?? "its instance ended: 'cpbuild restart' boots it")
    case .running: break
    }
    let forward = PublicForward(
      network: NetworkID(project: port.projectId, name: port.network), address: port.address, port: port.port,
      instance: address.address)
    // A busy instance answers late.
    for _ in 0..<Self.questions {
      if try await probe(forward) { return (.running, nil) }
    }
    if let since = condition.since, now().timeIntervalSince(since) < patience / .seconds(1) {
      return (.pending, "it is booting")
    }
    return (.down, condition.faults.first ?? "its VPN doesn't answer: 'cpbuild log' shows what it says")
  }
}
