import Glibc
public import Host

/// For `cpbuild doctor`: whether packets get from this machine's interfaces to its networks and back.
public struct ForwardingCheck: Check {
  public init() {}

  public var name: String { "ip forwarding" }

  public func examine() async -> Finding {
    guard let setting = KernelSetting.value(of: "net/ipv4/ip_forward") else {
      return .warning(
        "the kernel has no IPv4 forwarding", remedy: "use a kernel that routes, for instances to be reached")
    }
    let firewalls = geteuid() == 0 ? await ForeignFirewall.faults() : []
    if let fault = firewalls.first {
      return .warning(
        fault, remedy: "'nft insert rule TABLE CHAIN iifname \"cpb*\" accept' and the same with oifname, for that chain"
      )
    }
    return .ok(
      setting == "1"
        ? "on for the whole machine"
        : "off, and switched on for interfaces alone while there are networks; nothing else is forwarded then")
  }
}
