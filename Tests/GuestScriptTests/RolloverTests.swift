import Foundation
import Testing

private let refresh = "/usr/local/sbin/cloudpipe-refresh-crl"
private let installed = "/etc/openvpn/server/crl.pem"

/// The stages of a project CA's replacement, as a cloudpipe sees them.
@Suite("a rollover of the project's CA", .serialized, .ownThreads)
struct RolloverTests {
  /// A guest that trusts these CAs, and what refreshes its CRLs from some files: exit status and output.
  private func withGuest(
    trusting names: [String], _ body: (Namespace, Authority, ([String]) throws -> Outcome) throws -> Void
  ) throws {
    let authority = try Authority()
    defer { authority.remove() }
    try authority.make("next", issuer: "root", extensions: "ca")
    try GuestScriptTests.withGuest { guest throws in
      try trust(names, guest, authority)
      try guest.write("PROJECT=acme\n", to: "/etc/cloudpipe/settings")
      try body(guest, authority) { files in
        try guest.copy(try authority.crls(files), to: "/tmp/crls")
        return try guest.run("\(refresh) /tmp/crls")
      }
    }
  }

  /// As autorun.sh does with a new payload.
  private func trust(_ names: [String], _ guest: Namespace, _ authority: Authority) throws {
    try authority.trust(names)
    try guest.copy(authority.path("ca.crt"), to: "/etc/openvpn/server/ca.crt")
    try guest.check("rm -rf /run/cloudpipe/crls")
  }

  @Test("each CA's CRL is judged by its own signature and number, in every stage, before the restart and after it")
  func stages() throws {
    try withGuest(trusting: ["project"]) { guest, authority, refreshed in
      func old(_ number: String) throws -> String { try authority.crl(number) }
      func new(_ number: String) throws -> String { try authority.crl(number, by: "next") }
      #expect(try refreshed([old("21")]).output == "crl 21 installed\n")
      // Announced: the new CA means nothing to this cloudpipe yet, and its CRL is no reason to refuse the other.
      let announced = try [old("22"), new("01")]
      #expect(try refreshed(announced) == Outcome(status: 0, output: "crl 22 installed\n"))
      #expect(try refreshed(announced) == Outcome(status: 0, output: "crl 22 current\n"))
      // Restarted.
      try trust(["project", "next"], guest, authority)
      #expect(try refreshed(announced) == Outcome(status: 0, output: "crl 22 current\ncrl 1 installed\n"))
      let before = try guest.check("stat -c '%i %Y' \(installed)")
      #expect(try refreshed(announced) == Outcome(status: 0, output: "crl 22 current\ncrl 1 current\n"))
      #expect(try guest.check("stat -c '%i %Y' \(installed)") == before)
      #expect(try guest.check("grep -c BEGIN \(installed)") == "2\n")
      // Switched: the new one's number may be far below the old one's.
      let switched = try [new("02"), old("23")]
      #expect(try refreshed(switched) == Outcome(status: 0, output: "crl 2 installed\ncrl 23 installed\n"))
      try trust(["next", "project"], guest, authority)
      #expect(try refreshed(switched) == Outcome(status: 0, output: "crl 2 current\ncrl 23 current\n"))
      #expect(try guest.check("/usr/local/lib/cloudpipe/report | grep -c '^crl [0-9A-F]* [0-9]* [0-9]*$'") == "2\n")
      // Settled: the old one's is kept until the restart.
      #expect(try refreshed([new("03")]) == Outcome(status: 0, output: "crl 3 installed\ncrl 23 kept\n"))
      try trust(["next"], guest, authority)
      #expect(try refreshed([new("03")]) == Outcome(status: 0, output: "crl 3 current\n"))
      #expect(try guest.check("grep -c BEGIN \(installed)") == "1\n")
    }
  }

  @Test("one CA's bad CRL is refused and told of, and keeps nobody from taking the other's")
  func refusals() throws {
    try withGuest(trusting: ["project", "next"]) { guest, authority, refreshed in
      try authority.make("impostor", issuer: "root", extensions: "ca", commonName: "next")
      func new(_ number: String) throws -> String { try authority.crl(number, by: "next") }
      #expect(try refreshed([authority.crl("05"), new("05")]).succeeded)
      let refused = try [
        (new("04"), "its number 0x4 is below the installed 0x5"), (authority.crl("06", by: "impostor"), "not issued"),
        (authority.crl("06", by: "next", from: -7200, to: -60), "it expired at"),
        (authority.crl(nil, by: "next"), "it has no CRL number"),
      ]
      for (index, (bad, reason)) in refused.enumerated() {
        let outcome = try refreshed([bad, authority.crl("0\(index + 6)")])
        #expect(outcome.status == 1 && outcome.output.contains("crl \(index + 6) installed"), "\(outcome)")
        #expect(outcome.output.contains("crl 5 kept") && outcome.output.contains(reason), "\(outcome)")
        #expect(try guest.check("grep -c BEGIN \(installed)") == "2\n")
      }
      let flood = try refreshed(Array(repeating: new("0C"), count: 9))
      #expect(flood.status == 1 && flood.output.contains("more than 8"), "\(flood)")
      #expect(try guest.check("ls /run/cloudpipe").contains("refresh-crl\n") == false)
    }
  }

  @Test("a CA that is trusted without a CRL is told of, and one whose CRL has ended doesn't make the other one's bad")
  func missing() throws {
    try withGuest(trusting: ["project", "next"]) { guest, authority, refreshed in
      let outcome = try refreshed([authority.crl("05")])
      #expect(outcome.status == 1 && outcome.output.contains("trouble a CA that is trusted has no CRL"), "\(outcome)")
      let ended = try authority.crl("09", by: "next", from: -7200, to: -60)
      try guest.copy(try authority.crls([authority.crl("05"), ended]), to: installed)
      let later = try refreshed([authority.crl("05")])
      #expect(later.status == 0 && later.output.hasPrefix("crl 5 current\ncrl 9 kept\ntrouble WARNING"), "\(later)")
    }
  }

  @Test("lets users of both CAs in while both are trusted, and throws out the revoked of both")
  func users() throws {
    try withVPN(["MODE": "routed", "POOL": "10.8.0.0/24"]) { project, payload throws in
      let authority = payload.authority
      try authority.make("next", issuer: "root", extensions: "ca")
      func restart(trusting names: [String], _ crls: [String]) throws {
        try authority.trust(names)
        try payload.write(to: "/tmp/payload", in: project.guest, crl: authority.crls(crls))
        let outcome = try project.guest.run("cd /tmp/payload && sh ./autorun.sh")
        #expect(outcome.succeeded, "\(outcome)")
      }
      func client(_ user: String, from issuer: String) throws -> Project.Client {
        try authority.make(user, issuer: issuer)
        return try project.client(try payload.profile(user, remote: "192.0.2.1 4194", device: "tun"))
      }
      func ends(_ client: Project.Client) throws {
        try client.machine.check("pkill -x openvpn")
        #expect(try project.guest.wait(for: "[ $(ls /run/cloudpipe/sessions | wc -l) = 0 ]"))
      }
      func refuses(_ user: String, from issuer: String, saying reason: String) throws {
        #expect(try client(user, from: issuer).isRefused(by: project.guest, saying: reason), "\(user)")
      }

      try restart(trusting: ["project", "next"], [authority.crl("02"), authority.crl("01", by: "next")])
      for (user, issuer) in [("announced-old", "project"), ("announced-new", "next")] {
        let user = try client(user, from: issuer)
        #expect(try user.connects(), "\(user.machine.read(user.log)) \(project.guest.read("/tmp/openvpn.log"))")
        try ends(user)
      }
      // Switched: the cloudpipe's own certificate is from the new CA.
      try authority.make("server", issuer: "next", extensions: "server")
      try restart(trusting: ["next", "project"], [authority.crl("02", by: "next"), authority.crl("03")])
      let (early, late) = (try client("switched-old", from: "project"), try client("switched-new", from: "next"))
      for client in [early, late] { #expect(try client.connects(), "\(client.machine.read(client.log))") }
      let crls = try [
        authority.crl("03", revoked: ["switched-new"], by: "next"), authority.crl("04", revoked: ["switched-old"]),
      ]
      try project.guest.copy(try authority.crls(crls), to: "/tmp/crls")
      let outcome = try project.guest.run("\(refresh) /tmp/crls")
      #expect(outcome.succeeded && outcome.output.hasPrefix("crl 3 installed\ncrl 4 installed\n"), "\(outcome)")
      #expect(outcome.output.components(separatedBy: "\nended ").count == 3, "\(outcome)")
      for client in [early, late] { #expect(try client.machine.wait(for: "! pgrep -x openvpn")) }
      // Settled.
      try restart(trusting: ["next"], [authority.crl("04", by: "next")])
      #expect(try client("settled-new", from: "next").connects())
      try refuses("settled-old", from: "project", saying: "unable to get local issuer certificate")
    }
  }
}
