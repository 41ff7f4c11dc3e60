import Clouds
import Foundation
import Glibc
import Host
import Launching
import Names
import Payload
import State
import SystemPackage

/// A cloudpipe's life in a minute, in a home of its own.
struct Demo: Sendable {
  let home: Home
  let out: FilePath
  let report: @Sendable (ProgressEvent) -> Void

  private static let user = "visitor"
  private static let page = "Hello from inside of the project's network.\n"
  /// How long a session may take to end, and a refused user tries, in seconds.
  private static let patience = 10

  /// Runs all of it, and removes all of it again unless it is to be kept; also when it fails or is interrupted.
  ///
  /// - Throws: ``DemoError``, and what any part throws.
  func run(keeping: Bool) async throws -> DemoReport {
    try await clear()
    do {
      let report = try await perform(keeping: keeping)
      if !keeping { try await clear() }
      return report
    } catch {
      if !keeping { await Task { try? await clear() }.value }
      throw error
    }
  }

  private func perform(keeping: Bool) async throws -> DemoReport {
    let id = try network()
    let open = try await open()
    defer { try? open.store.close() }
    let launcher = try open.launcher(out: out, report: report)
    let places = DemoPlaces(home: home, network: id)
    var request = LaunchRequest(id)
    request.publicAddress = try await places.makeUser()
    let wanted = request
    var diary = Diary(report: report)

    let launched = try await diary.note("launch") {
      let launched = try await launcher.launch(wanted)
      return (launched, "the VPN of \(id) answers at \(launched.forward.address):\(launched.forward.port)")
    }
    let machine = try await diary.note("web server") {
      try await places.makeWeb()
      let machine = try await launcher.attach(AttachRequest(try MachineName("web"), to: id, port: places.webPort))
      return (machine, "at http://\(machine.address)/ in the project's network alone")
    }
    try places.serve(Self.page)
    let url = "http://\(machine.address)/"
    try await diary.note("without VPN") {
      guard try await places.fetch(url, seconds: 2) == nil else { throw DemoError.open(url) }
      return ((), "the page can't be reached")
    }

    let profile = home.path.appending("\(Self.user).ovpn")
    let user = try UserName(Self.user)
    let users = try open.users()
    try await diary.note("user add") {
      try await users.add(
        user, to: id.project, ProjectUsers.Admission(),
        delivery: ProfileDelivery(out: profile, zip: nil, replacing: true)
      ) { _ in }
      return ((), "a profile for \(user)")
    }
    let client = DemoClient(places: places, profile: profile, log: home.path.appending("client.log"))
    try await diary.note("connect") { ((), try await client.connect()) }
    defer { client.end() }
    try await diary.note("fetch") {
      guard try await places.fetch(url, seconds: 10) == Self.page else { throw DemoError.unreachable(url) }
      return ((), "the page, through the tunnel")
    }
    try await diary.note("user list") {
      let list = try await users.list(of: id.project)
      guard let session = list.users.first?.sessions.first else { throw DemoError.unseen(list.silent.map(\.why)) }
      return ((), "connected from \(session.remote); seen once the instance has booted to its end")
    }
    try await diary.note("revoke") {
      let done = try await users.revoke(user, .project(id.project))
      guard done.allSatisfy(\.isEffective) else { throw DemoError.notRevoked("\(done.map(\.cloudpipes))") }
      try await client.waitForEnd(seconds: Self.patience)
      return ((), "the cloudpipe confirmed the CRL, and the session ended")
    }
    try await diary.note("reconnect") {
      try await client.isRefused(seconds: Self.patience)
      return ((), "refused")
    }
    return DemoReport(image: launched.imageID, lines: diary.lines)
  }

  /// Removes whatever a demo made, one that was kept or killed too.
  ///
  /// - Throws: `StateError`, `HostError`, what the cloud throws.
  func clear() async throws {
    try await DemoPlaces(home: home, network: try network()).remove()
    guard access(home.path.string, F_OK) == 0 else { return }
    let open = try await open()
    let launcher = try open.launcher(out: out)
    try await launcher.recover()
    for project in try await open.store.read({ try $0.projects.all() }) {
      for id in try await open.store.networks(of: project.id) { try await launcher.terminate(id) }
    }
    try open.store.close()
    try Folder.remove(home.path)
  }

  private func network() throws -> NetworkID { NetworkID(project: try ProjectID("demo"), name: .standard) }

  private func open() async throws -> OpenState {
    try Folder.make(home.path, mode: 0o700)
    let store = try await StateStore.open(home)
    let configuration = Configuration()
    return OpenState(
      store: store, trust: TrustKeeper(state: store, configuration: configuration), configuration: configuration)
  }
}

/// What was done, how long it took, and what was seen.
private struct Diary {
  let report: @Sendable (ProgressEvent) -> Void
  private(set) var lines: [DemoReport.Line] = []

  init(report: @escaping @Sendable (ProgressEvent) -> Void) { self.report = report }

  mutating func note<Value: Sendable>(
    _ what: String, _ body: () async throws -> (Value, String)
  ) async throws -> Value {
    let name = "demo: \(what)"
    report(.stageStarted(name: name, detail: nil))
    let begin = ContinuousClock.now
    let (value, saw) = try await body()
    let seconds = (ContinuousClock.now - begin).inSeconds
    report(.stageFinished(name: name, seconds: seconds, cached: false))
    lines.append(DemoReport.Line(what: what, seconds: seconds, saw: saw))
    return value
  }
}

/// What a demo sees that it must not.
enum DemoError: Error, Equatable, CustomStringConvertible {
  case open(String)
  case unreachable(String)
  case client(String, log: String)
  case notRevoked(String)
  case unseen([String])

  var description: String {
    switch self {
    case .open(let url): "\(url) can be reached without the VPN"
    case .unreachable(let url): "\(url) can't be reached through the tunnel"
    case .client(let what, let log): "\(what)\nthe end of the client's log:\n\(log)"
    case .unseen(let why): "who is connected isn't known: \(why.joined(separator: "; "))"
    case .notRevoked(let why): "the cloudpipe didn't take the new CRL: \(why)"
    }
  }
}
