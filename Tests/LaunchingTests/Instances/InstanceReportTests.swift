import Foundation
import Testing

@testable import Launching

/// What a guest says is taken for text and numbers, and for nothing where it isn't what it should be.
@Suite("What an instance says") struct InstanceReportTests {
  private static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICS8pND9moB8tfyBtm1ai7szVMHSS5Pp4tH+29HAQ/3N"

  @Test("of its host key is the last such line, whichever way lines end", arguments: ["\n", "\r\n", "\r\r\n"])
  func hostKey(end: String) {
    let console = [
      "Linux version 6", "cloudpipe: ssh host key ssh-ed25519 AAAA", "cloudpipe: ssh host key \(Self.key)", "login:",
    ]
    #expect(InstanceShell.hostKey(in: console.joined(separator: end)) == Self.key)
  }

  @Test(
    "that is no key of the one type that it has is none",
    arguments: [
      "", "cloudpipe: ssh host key", "cloudpipe: ssh host key ssh-rsa AAAAB3NzaC1yc2E",
      "cloudpipe: ssh host key \(key) -oProxyCommand=x", "cloudpipe: ssh host key ssh-ed25519 AAAA%hAAAA",
      "cloudpipe: ssh host key \(key.prefix(30))", "cloudpipe: ssh host key \(key)$(id)",
    ])
  func noHostKey(console: String) {
    #expect(InstanceShell.hostKey(in: console) == nil)
  }

  @Test("of its sessions has a name with blanks, what isn't known, and OpenVPN 2.7's way to write addresses")
  func sessions() throws {
    let report = try #require(
      InstanceReport(
        """
        crl 1F 1795622880 1796227680
        vpn up
        session 7E5EC7 1795623000 1811174909 3700 3100 198.51.100.2:42993 10.1.0.250 u1
        session - 1795623001 - 0 0 udp4:198.51.100.3:1 - Ann of the lab
        end

        """))
    #expect(report.crl == 0x1f && report.isVPNUp && report.sessions.count == 2)
    let (first, second) = (report.sessions[0], report.sessions[1])
    #expect(first.user == "u1" && first.serial == "7E5EC7" && first.received == 3700 && first.sent == 3100)
    #expect(first.since == Date(timeIntervalSince1970: 1_795_623_000) && first.address == "10.1.0.250")
    #expect(second.user == "Ann of the lab" && second.remote == "198.51.100.3:1")
    #expect(second.serial == nil && second.expires == nil && second.address == nil)
  }

  @Test(
    "and was cut, or isn't numbers, is left out",
    arguments: [
      "session 7E 1795623000 - 1 1 a b", "session 7E never - 1 1 a b c", "session 7E 1 - -1 1 a b c",
      "session 7E 99999999999999999999 - 1 1 a b c", "session 7E 9223372036854775807 - 1 1 a b c", "session",
    ])
  func noSession(line: String) {
    #expect(InstanceReport("crl none\nvpn up\n\(line)\nend\n")?.sessions.isEmpty == true)
    #expect(InstanceReport("crl none\nvpn up\n\(line)\n") == nil)
  }

  @Test("of a new CRL has its number and whose sessions ended")
  func refreshed() throws {
    let refresh = try #require(
      CRLRefresh("crl 2A installed\ntrouble none to speak of\nended 7E revoked u1\nended 7F expired Ann of the lab\n"))
    #expect(refresh.installed == 42 && refresh.ended == ["u1", "Ann of the lab"])
    for text in ["", "crl - none\n", "ended 7E revoked u1\n", "crl 2A\n", "crl zz installed\n"] {
      #expect(CRLRefresh(text) == nil)
    }
  }
}
