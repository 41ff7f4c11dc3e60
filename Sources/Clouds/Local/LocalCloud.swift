public import State
public import SystemPackage

/// This machine as a cloud: QEMU, a network namespace with a bridge for each network, dnsmasq, nftables.
public struct LocalCloud: Sendable {
  public let home: Home
  /// This program itself, which is also the metadata service.
  public let executable: FilePath

  public init(home: Home, executable: FilePath) {
    self.home = home
    self.executable = executable
  }

  public func space(of id: NetworkID) -> NetworkSpace { NetworkSpace(home: home, id: id) }
}
