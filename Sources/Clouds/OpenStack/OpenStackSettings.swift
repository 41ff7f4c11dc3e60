/// What an operator decides once for a cloud: section `clouds` of the configuration.
public struct OpenStackSettings: Hashable, Sendable {
  /// How users reach a cloudpipe from outside.
  public enum PublicAccess: String, Hashable, Sendable, CaseIterable {
    /// A floating address of its own, at OpenVPN's own port.
    case floating
    /// One floating address for all, and a high port for each (Neutron's port forwarding), as nova's cloudpipe had it.
    case shared
  }

  /// Where floating addresses come from; nil: the only network to the outside that there is.
  public var externalNetwork: String?
  /// The network that projects get their cloudpipe on when none is named; nil: the only one that there is.
  public var network: String?
  public var flavor: String?
  /// An image's id, `ami-…` or Glance's own.
  public var image: String?
  public var publicAccess = PublicAccess.floating

  public init() {}
}
