import Foundation
import Launching
import Names
import Payload
import State
import SystemPackage
import Trust

/// A cloudpipe that is configured by a payload of the product's own making, and the built program with its state.
final class Product {
  let project: GuestScriptTests.Project
  private let scratch: Scratch
  private let acme: ProjectID
  private let network: NetworkID
  private let home: Home
  private let binary: String

  private static let remote = "192.0.2.1:4194"

  /// The state begins ten days ago, so that there can be a CRL that has ended.
  init(keyType: String) async throws {
    // Beside the test bundle, in the folder that SwiftPM builds into.
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments.first ?? ""
    binary = FilePath(bundle).removingLastComponent().appending("cpbuild").string
    acme = try ProjectID("acme")
    network = NetworkID(project: acme, name: .standard)
    project = try GuestScriptTests.Project()
    do { scratch = try Scratch() } catch {
      project.end()
      throw error
    }
    home = Home(FilePath(scratch.path("home")))
    do { try await prepare(keyType) } catch {
      end()
      throw error
    }
  }

  private func prepare(_ keyType: String) async throws {
    try home.prepare()
    try Data("trust: {key-type: \(keyType)}\n".utf8).write(to: URL(filePath: "\(home)/cpbuild.yaml"))
    try await withKeeper(daysAgo: 10) { try await $0.prepare(acme) }
    try publishCRL()
  }

  func end() {
    project.end()
    scratch.remove()
  }

  /// Runs the program.
  func cpbuild(_ arguments: [String]) throws -> Outcome {
    try Shell.run(["env", "CPBUILD_HOME=\(home)", binary] + arguments)
  }

  /// Lets a user in with `cpbuild user add`, and gives the profile.
  func add(_ user: String, to name: String = "acme", _ options: [String] = []) throws -> String {
    let file = scratch.path("\(UUID().uuidString).ovpn")
    let arguments = ["user", "add", name, user, "--remote", Self.remote, "--out", file] + options
    let outcome = try cpbuild(arguments)
    guard outcome.succeeded else { throw CommandFailed(command: arguments, outcome: outcome) }
    return try String(contentsOfFile: file, encoding: .utf8)
  }

  /// Boots the cloudpipe, as far as its payload is concerned, or boots it again with the newest one.
  func boot() async throws {
    let settings = try Settings(
      project: acme, mode: .routed(pool: IPv4Network("10.8.0.0/24"), pool6: nil),
      crlLocation: CRLLocation("http://169.254.169.254/cloudpipe/crl.pem"), maxClients: 5)
    var userData = ""
    try await withKeeper { userData = try await $0.payload(for: network, settings: settings).encoded(times: 1) }
    try Data(userData.utf8).write(to: URL(filePath: "\(web)/latest/user-data"))
    try project.guest.check("/usr/local/lib/cloudpipe/configure test 20")
  }

  /// The cloudpipe's own certificate and key, by what they are called in a profile.
  func serverCredentials() async throws -> [String: String] {
    var parts: [String: String] = [:]
    try await withKeeper {
      let credentials = try await $0.serverCredentials(of: network)
      let key = credentials.key.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
      parts = ["cert": credentials.certificate, "key": key]
    }
    return parts
  }

  /// Has the cloudpipe go by a CRL that ended a week ago, as when nobody renewed it.
  func outdateCRL() async throws {
    try await withKeeper(daysAgo: 9) { _ = try await $0.renewCRLs(of: acme) }
    try project.guest.copy("\(home.projects)/acme/crl.pem", to: "/etc/openvpn/server/crl.pem")
  }

  /// Has the project's CRL list so many more certificates.
  func revokeOthers(_ count: Int) async throws {
    try await withKeeper { [acme] keeper in
      let moment = Date()
      try await keeper.state.write { state in
        guard let authority = try state.authorities.active(of: acme) else { return }
        for _ in 0..<count {
          let serial = try State.SerialNumber(bytes: Trust.SerialNumber.random().octets)
          try state.revocations.insert(
            State.Revocation(
              authorityId: authority.id, serial: serial, reason: .superseded, revokedAt: moment,
              expiresAt: moment + 86_400))
        }
      }
      _ = try await keeper.renewCRLs(of: acme)
    }
  }

  /// The service that hands out the payload hands out the exported CRLs, always the newest.
  private func publishCRL() throws {
    try FileManager.default.createDirectory(atPath: "\(web)/cloudpipe", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: "\(web)/cloudpipe/crl.pem", withDestinationPath: "\(home.projects)/acme/crl.pem")
  }

  private var web: String { project.gateway.scratch.path("web") }

  private func withKeeper(daysAgo days: Double = 0, _ body: (TrustKeeper) async throws -> Void) async throws {
    let state = try await StateStore.open(home)
    defer { try? state.close() }
    try await body(
      TrustKeeper(state: state, configuration: Configuration.read(in: home), clock: { Date() - days * 86_400 }))
  }
}
