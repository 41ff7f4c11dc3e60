import Declarations
import Foundation
import Launching
import SystemPackage

/// The configuration file, and what an instance says of itself.
struct LaunchingTargets {
  private static let configuration = """
    # a comment
    trust:
      key-type: p384
      lifetimes: { root: 20y, project: 10y, client: 90d, crl: 7d }
      crl-url: https://vpn.example.org/crl
      passphrase: { file: pass }
    network: { range: 10.0.0.0/8, prefix: 24, public-ip: 192.0.2.1, ports: 20000-29999, clients: 5 }
    flavors:
      m1.small: { processors: 2, memory: 1GiB, disk: 2GiB }

    """
  private static let report = """
    crl 1F 1795622880 1796227680
    vpn up
    session 7E5EC7 1795623000 1811174909 3700 3100 198.51.100.2:42993 10.1.0.250 u1
    session - 1795623001 - 0 0 udp4:198.51.100.3:1 - Ann of the lab
    end

    """
  private static let console =
    "Linux version 6\r\ncloudpipe: ssh host key ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICS8pND9moB8tfyBtm1ai7szVMHSS5Pp4tH\r\n"

  var all: [FuzzTarget] {
    let mutator = Mutator()
    return [
      FuzzTarget("configuration", weight: 30, samples: [Array(Self.configuration.utf8)], mutator: mutator) { bytes in
        try verdict(DeclarationError.self) {
          _ = try Configuration(text: String(decoding: bytes, as: UTF8.self), file: "/cpbuild.yaml")
        }
      },
      FuzzTarget(
        "what an instance says", samples: [Self.report, Self.console].map { Array($0.utf8) }, mutator: mutator
      ) {
        bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        let key = InstanceShell.hostKey(in: text)
        // It goes into ssh's options.
        let plain = key?.utf8.allSatisfy { $0 == 0x20 || $0 > 0x2a && $0 < 0x7f } ?? true
        try require(plain, "a host key of letters, digits, + and / only")
        let report = InstanceReport(text)
        return report == nil && key == nil && CRLRefresh(text) == nil ? .refused : .accepted
      },
    ]
  }
}
