import Host
import Names

/// The firewall inside of a network's namespace, as a file for `nft -f` that may be loaded again and again: what is open
/// stays open.
///
/// Kept without conntrack where frames are bridged: not every kernel can track them there. Sets whose elements time out
/// remember what the cloudpipe began.
struct SpaceRules {
  let record: NetworkRecord

  var text: String {
    let rules = """
      table inet project {
      \(input)
      \(forward)
      \(translation)
      }
      table bridge project {
      \(fromPorts)
      \(toCloudpipe)
      }

      """
    return Self.skeleton + "flush table inet project\nflush table bridge project\n" + rules
  }

  /// What isn't there of it, in words for people.
  static func faults(in space: NetworkSpace) async -> [String] {
    let words = Array(space.entering.dropFirst()) + ["nft", "list", "tables"]
    let tables = (try? await Command("nsenter", words).run())?.split(separator: "\n").map(String.init) ?? []
    return ["inet project", "bridge project"].filter { !tables.contains("table \($0)") }.map {
      "the network's firewall table \($0) is gone: 'cpbuild restart' makes it again"
    }
  }

  private static let skeleton = """
    table inet project {
      chain input { type filter hook input priority filter; policy drop;
      }
      chain forward { type filter hook forward priority filter; policy drop;
      }
      chain prerouting { type nat hook prerouting priority dstnat;
      }
      chain postrouting { type nat hook postrouting priority srcnat;
      }
    }
    table bridge project {
      set flows {
        typeof ip saddr . ip daddr . meta l4proto . th sport . th dport
        size 65536
        flags dynamic,timeout
      }
      set flows6 {
        typeof ip6 saddr . ip6 daddr . meta l4proto . th sport . th dport
        size 65536
        flags dynamic,timeout
      }
      chain from_cloudpipe {
      }
      chain from_machines {
      }
      chain to_cloudpipe {
      }
      chain prerouting { type filter hook prerouting priority filter;
      }
      chain postrouting { type filter hook postrouting priority filter;
      }
    }

    """

  private var input: String {
    """
      chain input {
        ct state established,related accept
        iifname "lo" accept
        meta l4proto { icmp, ipv6-icmp } accept
        iifname "project" udp dport { 53, 67, 547 } accept
        iifname "project" tcp dport 53 accept
        iifname "project" ip daddr 169.254.169.254 tcp dport 80 accept
      }
    """
  }

  private var forward: String {
    """
      chain forward {
        ct state established,related accept
        ip daddr { 127.0.0.0/8, 169.254.0.0/16, \(record.hostAddress) } drop
        iifname "project" oifname "uplink" accept
        iifname "uplink" oifname "project" ct status dnat accept
      }
    """
  }

  private var translation: String {
    let inward = record.forward.map {
      "iifname \"uplink\" ip daddr \(record.spaceAddress) udp dport 1194 dnat ip to \($0.instance):1194"
    }
    return """
        chain prerouting {
          \(inward ?? "")
        }
        chain postrouting {
          oifname "uplink" masquerade
        }
      """
  }

  /// What comes from a port can't pass for the gateway, and hands out neither addresses nor routes; what comes from the
  /// cloudpipe's passes for no other machine, and what comes from a machine's for nobody but itself.
  private var fromPorts: String {
    """
      chain prerouting {
        ether saddr \(record.gatewayMAC) drop
        udp sport { 67, 547 } drop
        icmpv6 type nd-router-advert drop
        \(notTheirs(gatewayAddresses6))
        iifname "cloudpipe" jump from_cloudpipe
        iifname "\(NetworkSpace.machinePrefix)*" jump from_machines
      }
      chain from_machines {
        \(machines)
      }
      chain from_cloudpipe {
        ether type != { arp, ip, ip6 } drop
        \(othersMACs.isEmpty ? "" : "ether saddr { \(othersMACs) } drop")
        arp saddr ip != { \(cloudpipeAddresses) } drop
        ip saddr != { \(cloudpipeAddresses) } drop
        \(record.cloudpipe.map { "ip daddr 169.254.169.254 ip saddr != \($0.address) drop" } ?? "")
        meta l4proto udp update @flows { ip saddr . ip daddr . meta l4proto . th sport . th dport timeout 3m }
        meta l4proto tcp update @flows { ip saddr . ip daddr . meta l4proto . th sport . th dport timeout 1h }
        meta l4proto udp update @flows6 { ip6 saddr . ip6 daddr . meta l4proto . th sport . th dport timeout 3m }
        meta l4proto tcp update @flows6 { ip6 saddr . ip6 daddr . meta l4proto . th sport . th dport timeout 1h }
      }
    """
  }

  /// The security group, and what has to get through for the port to work at all: neighbours, addresses, answers, and
  /// ssh from the gateway, which is how cpbuild itself gets in.
  private var toCloudpipe: String {
    """
      chain postrouting {
        oifname "cloudpipe" jump to_cloudpipe
      }
      chain to_cloudpipe {
        ether type arp accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert, destination-unreachable, packet-too-big, \
    time-exceeded, parameter-problem, echo-reply } accept
        icmp type { destination-unreachable, time-exceeded, parameter-problem, echo-reply } accept
        udp sport 67 udp dport 68 accept
        udp sport 547 udp dport 546 accept
        ip frag-off & 0x1fff != 0 accept
        ip saddr \(record.plan.gateway) tcp dport 22 accept
        ip daddr . ip saddr . meta l4proto . th dport . th sport @flows accept
        ip6 daddr . ip6 saddr . meta l4proto . th dport . th sport @flows6 accept
        \((record.group?.rules ?? []).flatMap(rules).joined(separator: "\n    "))
        drop
      }
    """
  }

  private func rules(_ rule: SecurityGroup.Rule) -> [String] {
    let source = rule.source.prefixLength == 0 ? "" : "ip saddr \(rule.source) "
    switch rule.transport {
    case .icmp:
      let version4 = "\(source)ip protocol icmp accept"
      return source.isEmpty ? [version4, "icmpv6 type echo-request accept"] : [version4]
    case .udp, .tcp:
      let ports = rule.ports.map { " dport \($0.lowerBound)-\($0.upperBound)" } ?? ""
      guard let address = record.cloudpipe?.address else { return [] }
      let match = ports.isEmpty ? "meta l4proto \(rule.transport.rawValue)" : "\(rule.transport.rawValue)\(ports)"
      return ["\(source)ip daddr \(address) \(match) accept"]
    }
  }

  /// Each machine has its own MAC address and IPv4 address, and in IPv6 none of the gateway's or the cloudpipe's.
  private var machines: String {
    let machines = record.plan.reservations.dropFirst().filter { $0.port != nil }
    if machines.isEmpty { return "drop" }
    func pairs(_ values: (NetworkPlan.Reservation) -> [String]) -> String {
      machines.flatMap { machine in values(machine).map { "\"\(MachinePorts.name(of: machine))\" . \($0)" } }
        .joined(separator: ", ")
    }
    let (macs, addresses) = (pairs { [$0.mac.text] }, pairs { [$0.address.text, "0.0.0.0"] })
    return """
      iifname . ether saddr != { \(macs) } drop
          ether type != { arp, ip, ip6 } drop
          ether type arp iifname . arp saddr ether != { \(macs) } drop
          ether type arp iifname . arp saddr ip != { \(addresses) } drop
          ether type ip iifname . ip saddr != { \(addresses) } drop
          \(notTheirs(cloudpipeAddresses6))
      """
  }

  /// Drops what claims one of these addresses: as its sender, or as the target of a neighbour advertisement (RFC 4861,
  /// 4.4: behind the first eight bytes).
  private func notTheirs(_ addresses: [IPv6Address]) -> String {
    if addresses.isEmpty { return "" }
    let targets = addresses.map { "0x" + String($0.bits, radix: 16) }.joined(separator: ", ")
    return """
      ip6 saddr { \(addresses.map(\.text).joined(separator: ", ")) } drop
          icmpv6 type nd-neighbor-advert @th,64,128 { \(targets) } drop
      """
  }

  private var gatewayAddresses6: [IPv6Address] {
    let own = (try? MACAddress(record.gatewayMAC)).map { [IPv6Address.linkLocal.withInterface(of: $0)] } ?? []
    return own + [record.plan.cidr6?.address(at: 1)].compactMap(\.self)
  }

  /// Those that it gives itself (RFC 4862, 5.3 and 5.5).
  private var cloudpipeAddresses6: [IPv6Address] {
    guard let mac = record.cloudpipe?.mac else { return [] }
    let prefixes = [.linkLocal] + [record.plan.cidr6].compactMap { $0?.prefixLength == 64 ? $0?.address : nil }
    return prefixes.map { $0.withInterface(of: mac) }
  }

  private var othersMACs: String {
    record.plan.reservations.dropFirst().map { $0.mac.text }.joined(separator: ", ")
  }

  private var cloudpipeAddresses: String {
    (["0.0.0.0"] + [record.cloudpipe?.address.text].compactMap(\.self)
      + [record.plan.clients.map { "\($0.lowerBound)-\($0.upperBound)" }].compactMap(\.self)).joined(separator: ", ")
  }
}

extension IPv6Address {
  fileprivate static let linkLocal = IPv6Address(bits: UInt128(0xfe80) << 112)

  /// The address of this /64 whose interface identifier comes from a MAC address: RFC 4291, appendix A.
  fileprivate func withInterface(of mac: MACAddress) -> IPv6Address {
    let (high, low) = (mac.bits >> 24, mac.bits & 0xff_ffff)
    let identifier = (high << 40 | 0xff_fe00_0000 | low) ^ 0x0200_0000_0000_0000
    return IPv6Address(bits: bits | UInt128(identifier))
  }
}
