public import Clouds
public import Foundation
import Glibc
import Host
public import Names
public import State
public import SystemPackage

/// A cloud whose things are files in a folder, so that they outlive the process that made them as real ones do, and whose
/// every call can be made to fail, to take its time, or to be the last thing that its process does.
public struct CloudDouble: Cloud {
  public enum Fault: String, Sendable, CaseIterable {
    case failure
    /// Half of the call is done, and it doesn't come back.
    case hang
    /// `kill -9` of this process, before or after the call did what it does.
    case killBefore, killAfter
  }

  public struct Refusal: Error, CustomStringConvertible {
    public let call: String
    public init(call: String) { self.call = call }
    public var description: String { "the cloud refuses to \(call)" }
  }

  public let kind = CloudKind.local
  public var name = CloudKind.local.rawValue
  public let folder: FilePath
  public var faults: [String: Fault]
  public var hasUnheard = false
  public var lateness: TimeInterval = 0
  /// Of every address.
  public var holders: [PortNumber: String] = [:]
  public var consoleInterval = Duration.milliseconds(200)
  /// What is said on every console, to each who looks; nil for lines that name the instance.
  public var said: (@Sendable () -> String)?

  public init(folder: FilePath, faults: [String: Fault] = [:]) {
    self.folder = folder
    self.faults = faults
  }

  /// All that there is, by what it is.
  public var things: [String] { get throws { try Folder.names(in: folder).filter { !$0.hasPrefix(".") } } }

  private func perform(_ call: String, _ body: () throws -> Void) async throws {
    switch faults[call] {
    case .failure: throw Refusal(call: call)
    case .killBefore: kill(getpid(), SIGKILL)
    case .hang, .killAfter, nil: break
    }
    try Task.checkCancellation()
    try body()
    switch faults[call] {
    case .killAfter: kill(getpid(), SIGKILL)
    case .hang: try await Task.sleep(for: .seconds(3600))
    default: break
    }
  }

  private func path(_ kind: String, _ name: String) -> FilePath {
    folder.appending("\(kind) \(name.replacing("/", with: "+"))")
  }
  private func make(_ kind: String, _ name: String, _ text: String) throws {
    try Folder.make(folder)
    try AtomicFile.write(text, to: path(kind, name))
  }
  private func remove(_ kind: String, _ name: String) throws { try Folder.remove(path(kind, name)) }

  public func makeKeyPair(_ keyPair: CloudKeyPair) async throws {
    try await perform("makeKeyPair") { try make("key", keyPair.name, keyPair.publicKey) }
  }
  public func removeKeyPair(_ keyPair: CloudKeyPair) async throws {
    try await perform("removeKeyPair") { try remove("key", keyPair.name) }
  }
  public func makeSecurityGroup(_ group: SecurityGroup) async throws {
    try await perform("makeSecurityGroup") { try make("group", group.name, "\(group.rules.count)") }
  }
  public func removeSecurityGroup(named name: String) async throws {
    try await perform("removeSecurityGroup") { try remove("group", name) }
  }
  public func makeNetwork(_ network: NetworkPlan) async throws {
    try await perform("makeNetwork") { try make(network) }
  }
  public func attach(_ machine: NetworkPlan.Reservation, to network: NetworkPlan) async throws {
    try await perform("attach") { try make(network) }
  }
  /// Its CIDR, and the machines that are plugged in.
  private func make(_ network: NetworkPlan) throws {
    let machines = network.reservations.filter { $0.port != nil }.map { " \($0.name)=\($0.address)" }
    try make("network", "\(network.id)", network.cidr.text + machines.joined())
  }
  public func removeNetwork(_ id: NetworkID) async throws {
    try await perform("removeNetwork") { try remove("network", "\(id)") }
  }
  public func boot(_ instance: InstancePlan) async throws -> [String: String] {
    try await perform("boot") {
      try make("instance", "\(instance.network)", "\(instance.address) \(instance.mac) \(instance.image.id)")
    }
    return ["name": instance.name]
  }
  public func restart(_ instance: InstancePlan) async throws -> [String: String] {
    try await perform("restart") { try make("instance", "\(instance.network)", "restarted") }
    return ["name": instance.name]
  }
  public func removeInstance(of id: NetworkID, knownAs handle: [String: String]) async throws {
    try await perform("removeInstance") { try remove("instance", "\(id)") }
  }
  public func holders(of address: IPv4Address) async throws -> [PortNumber: String] { holders }
  public func publish(_ forward: PublicForward) async throws {
    try await perform("publish") {
      try make("forward", "\(forward.network)", "\(forward.address):\(forward.port) to \(forward.instance)")
    }
  }
  public func unpublish(_ id: NetworkID) async throws {
    try await perform("unpublish") { try remove("forward", "\(id)") }
  }
  public func condition(of id: NetworkID) async throws -> InstanceCondition {
    InstanceCondition(state: access(path("instance", "\(id)").string, F_OK) == 0 ? .running : .absent)
  }
  public func wholeConsole(of id: NetworkID) async throws -> String {
    if let said { return said() }
    return try await console(of: id)
  }
  public func console(of id: NetworkID) async throws -> String {
    access(path("instance", "\(id)").string, F_OK) == 0 ? "one line\nthe last line of \(id)\n" : ""
  }
  public func way(to id: NetworkID) async throws -> WayToInstance {
    WayToInstance(prefix: [], address: IPv4Address(bits: 0x7f00_0001))
  }

  /// What a thing says of itself; nil where there is none.
  public func text(_ kind: String, _ id: NetworkID) -> String? {
    try? String(contentsOfFile: path(kind, "\(id)").string, encoding: .utf8)
  }
}
