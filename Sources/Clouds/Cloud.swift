public import Foundation
public import Names
public import State

/// Where cloudpipes run. Two exist: this machine, and OpenStack.
///
/// What is asked for twice is made once, so that a launch that was killed can be taken up where it stopped. What makes a
/// thing leaves it whole or not there; what removes one is content when there is none.
public protocol Cloud: Sendable {
  var kind: CloudKind { get }
  /// What an operator calls it; `local` for this machine.
  var name: String { get }

  /// The cloud's own flavor of that name, or its standard one; nil where flavors are what the configuration says.
  func flavor(named name: String?) async throws -> Flavor?
  /// The image of that id in the cloud itself, or its standard one; nil where images are those of this machine.
  ///
  /// - Parameter current: the id of the image that was built last, which is what is launched where nothing else is said.
  func image(_ wanted: String?, current: String?) async throws -> CloudImage?

  /// Takes a place in a network that is there already; what is asked for twice is taken once. Nil where networks are
  /// made by ``makeNetwork(_:)``.
  func claimNetwork(_ wish: NetworkWish) async throws -> NetworkClaim?
  func releaseNetwork(_ id: NetworkID) async throws

  /// Takes a public address of the cloud's own: `address`, or any. Nil where public addresses are this machine's.
  ///
  /// - Parameter ports: those that may be handed out where several networks share an address.
  func claimAddress(
    for id: NetworkID, _ address: IPv4Address?, ports: ClosedRange<PortNumber>
  ) async throws -> AddressClaim?
  func releaseAddress(of id: NetworkID) async throws
  /// What a port has to be among for ``claimAddress(for:_:ports:)`` to give it; nil where any will do.
  func publicPorts(among ports: ClosedRange<PortNumber>) -> ClosedRange<PortNumber>?

  /// Makes the public half of a project's key pair known, for instances to let its holder in.
  func makeKeyPair(_ keyPair: CloudKeyPair) async throws
  func removeKeyPair(_ keyPair: CloudKeyPair) async throws
  /// Whose the key pairs are that ``makeKeyPair(_:)`` makes, and nobody else sees; nil where there is one user only.
  var user: String? { get async throws }

  /// Makes a security group with exactly these rules.
  func makeSecurityGroup(_ group: SecurityGroup) async throws
  func removeSecurityGroup(named name: String) async throws
  /// Whether there is one of that name that cpbuild made, this one or another.
  func hasSecurityGroup(named name: String) async throws -> Bool

  /// Makes the network, or sees to it that the one that is named has what a cloudpipe needs; starts what serves it.
  func makeNetwork(_ network: NetworkPlan) async throws
  /// Nothing of the network is left afterwards: no process, no namespace, no bridge, no file.
  func removeNetwork(_ id: NetworkID) async throws

  /// Plugs a machine of the plan into the network, or finds it plugged in. ``makeNetwork(_:)`` does the same where it can,
  /// and removes what isn't in its plan any more.
  func attach(_ machine: NetworkPlan.Reservation, to network: NetworkPlan) async throws

  /// Boots a network's cloudpipe, or finds the one that runs; it may be under way yet when this returns.
  ///
  /// - Returns: what the cloud knows the instance by, its handle; never a secret.
  func boot(_ instance: InstancePlan) async throws -> [String: String]
  /// Boots it anew with this plan; address, port and certificates stay.
  func restart(_ instance: InstancePlan) async throws -> [String: String]
  /// Waits until the instance runs that ``boot(_:)`` or ``restart(_:)`` gave the handle of.
  func awaitBoot(_ handle: [String: String]) async throws
  /// - Parameter handle: what it is known by as far as anybody here remembers, for it may not be found by its mark while a
  ///   part of the cloud is down.
  func removeInstance(of id: NetworkID, knownAs handle: [String: String]) async throws

  /// Who has public ports of this machine's `address`, beside the cloudpipes of this state, in words for people: they
  /// aren't to be forwarded. None where addresses are the cloud's own.
  func holders(of address: IPv4Address) async throws -> [PortNumber: String]
  /// Forwards a public address and port to port 1194/udp of the network's cloudpipe, instead of any it had before.
  func publish(_ forward: PublicForward) async throws
  func unpublish(_ id: NetworkID) async throws

  /// How the network's cloudpipe and all that serves it are doing, as far as the cloud can see: whether the VPN answers
  /// is not among it.
  func condition(of id: NetworkID) async throws -> InstanceCondition
  /// What the instance said on its serial console since it was booted last, its end when it is long.
  func console(of id: NetworkID) async throws -> String
  /// The same, as much of it as the cloud keeps.
  func wholeConsole(of id: NetworkID) async throws -> String
  /// How often the console may be looked at by somebody who waits for more.
  var consoleInterval: Duration { get }
  /// How to reach the instance's ssh from here.
  func way(to id: NetworkID) async throws -> WayToInstance

  /// Something was asked for here, and nobody heard whether it was made.
  var hasUnheard: Bool { get }
  /// How long after it was asked for a thing may still be made, though nobody waits for it any more.
  var lateness: TimeInterval { get }
}

/// For clouds that do what they are asked for before they return, whose things nobody else's cpbuild sees, and whose
/// consoles are this machine's.
extension Cloud {
  public func hasSecurityGroup(named name: String) async throws -> Bool { false }
  public func holders(of address: IPv4Address) async throws -> [PortNumber: String] { [:] }
  public var user: String? { nil }
  public func wholeConsole(of id: NetworkID) async throws -> String { try await console(of: id) }
  public var consoleInterval: Duration { .milliseconds(200) }
  public var hasUnheard: Bool { false }
  public var lateness: TimeInterval { 0 }
}

extension Cloud {
  /// For clouds that plug in their machines themselves.
  public func attach(_ machine: NetworkPlan.Reservation, to network: NetworkPlan) async throws {
    throw AttachmentRefusal(kind: kind)
  }
}

/// In an instance's handle: the user who made it, and the key pair that it was made with.
public enum InstanceOwner {
  public static let key = "user"
}

/// A cloud has ways of its own to put a machine into a network.
public struct AttachmentRefusal: Error, Equatable, Sendable, CustomStringConvertible {
  public let kind: CloudKind

  public init(kind: CloudKind) { self.kind = kind }

  public var description: String {
    "the \(kind.rawValue) cloud plugs in its machines itself: boot them there in the cloudpipe's network, which "
      + "'cpbuild show' names"
  }
}
