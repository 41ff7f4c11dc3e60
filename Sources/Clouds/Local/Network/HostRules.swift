import Names

/// cpbuild's own table on the host: one a home, with what all of the home's networks need there. A file for `nft -f` that
/// replaces the rules in one step and keeps which interfaces were opened.
struct HostRules {
  struct Member {
    let record: NetworkRecord
    let port: String
  }

  let table: String
  let members: [Member]

  var text: String {
    """
    table inet \(table) {
      # Interfaces whose forwarding was off before cpbuild needed it.
      set opened { type ifname;
      }
      chain early { type filter hook prerouting priority raw;
      }
      chain prerouting { type nat hook prerouting priority dstnat;
      }
      chain output { type nat hook output priority -100;
      }
      chain postrouting { type nat hook postrouting priority srcnat;
      }
      chain forward { type filter hook forward priority filter;
      }
    }
    flush table inet \(table)
    table inet \(table) {
      chain early {
        iifname "cpb*" ip daddr 127.0.0.0/8 drop
      }
      chain prerouting {
        \(inward)
      }
      chain output {
        \(inward)
      }
      chain postrouting {
        \(members.flatMap(postrouting).joined(separator: "\n    "))
      }
      chain forward {
        iifname "cpb*" oifname "cpb*" ct status ! dnat drop
        iifname != "cpb*" oifname "cpb*" ct state new ct status ! dnat drop
        iifname @opened oifname != "cpb*" ct state new ct status ! dnat drop
      }
    }

    """
  }

  /// A public address and port become the namespace's, which hands on to its cloudpipe.
  private var inward: String {
    let elements = members.compactMap { member in
      member.record.forward.map { "\($0.address) . \($0.port) : \(member.record.spaceAddress) . 1194" }
    }
    return elements.isEmpty ? "" : "dnat ip to ip daddr . udp dport map { \(elements.joined(separator: ", ")) }"
  }

  /// Outward, the host's address stands for the namespace's. Inward, the host's end of the way stands for whoever
  /// couldn't be answered otherwise: the host's own loopback, and those whose address is also one of the network's.
  private func postrouting(_ member: Member) -> [String] {
    [
      "oifname \"\(member.port)\" ip saddr { 127.0.0.0/8, \(member.record.plan.cidr) } masquerade",
      "oifname != \"cpb*\" ip saddr \(member.record.spaceAddress) masquerade",
    ]
  }
}
