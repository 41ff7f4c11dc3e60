public import Names
public import State

/// A cloudpipe that runs in a cloud, or ran there, as far as the cloud itself tells of it.
public struct FoundCloudpipe: Sendable {
  public let id: NetworkID
  /// Its place in its network.
  public let place: NetworkClaim
  /// How many addresses are kept for bridged clients.
  public let keptClients: Int
  public let publicAddress: IPv4Address?
  public let publicPort: PortNumber?
  /// The project's key pair in the cloud.
  public let keyPair: CloudKeyPair?
  /// What it was booted from, or the cloud's standard image where that isn't known any more.
  public let image: CloudImage
  /// A flavor's name; nil where there is no instance.
  public let flavor: String?
  /// What the cloud knows the instance by; nil where there is none.
  public let handle: [String: String]?
  /// What a launch had it keep (``InstancePlan/memo``); empty where there is no instance.
  public let memo: String
}

/// All that is cpbuild's in a cloud.
public struct FoundCloudpipes: Sendable {
  /// Ordered by project and network.
  public let cloudpipes: [FoundCloudpipe]
  /// What is of no cloudpipe, and how it is removed, each in words for people.
  public let strays: [String]
}
