import Foundation
import Testing

/// A guest that has a CA and, unless nil, a CRL with this number installed.
private func withCRL(_ installed: String?, _ body: (Namespace, Authority) throws -> Void) throws {
  let authority = try Authority()
  defer { authority.remove() }
  try withGuest { guest throws in
    try guest.copy(authority.path("ca.crt"), to: "/etc/openvpn/server/ca.crt")
    try guest.write("PROJECT=acme\n", to: "/etc/cloudpipe/settings")
    if let installed {
      try guest.copy(try authority.crl(installed), to: "/etc/openvpn/server/crl.pem")
    }
    try body(guest, authority)
  }
}

private let refresh = "/usr/local/sbin/cloudpipe-refresh-crl"
private let crl = "/etc/openvpn/server/crl.pem"

@Suite("the CRL refresher", .ownThreads)
struct CRLTests {
  @Test("installs a newer CRL, readable for the user that OpenVPN drops to")
  func newer() throws {
    try withCRL("09") { guest, authority throws in
      try guest.copy(try authority.crl("0A", revoked: ["server"]), to: "/tmp/new")
      let outcome = try guest.run("\(refresh) /tmp/new")
      #expect(outcome.succeeded, "\(outcome)")
      #expect(try guest.check("openssl crl -in \(crl) -noout -crlnumber") == "crlNumber=0x0A\n")
      #expect(try guest.check("stat -c %a \(crl)") == "644\n")
      #expect(try guest.run("setpriv --reuid=cloudpipe-vpn --clear-groups cat \(crl)").succeeded)
      #expect(guest.read("/dev/console").contains("cloudpipe: installed a new CRL, number 0xA"))
      #expect(try guest.check("ls -A /etc/openvpn/server") == "ca.crt\ncrl.pem\n")
    }
  }

  @Test("installs the first CRL of a machine that has none, and in place of one that is damaged")
  func first() throws {
    try withCRL(nil) { guest, authority throws in
      try guest.copy(try authority.crl("01"), to: "/tmp/new")
      #expect(try guest.run("\(refresh) /tmp/new").succeeded)
      try guest.check("echo damaged >\(crl)")
      #expect(try guest.run("\(refresh) /tmp/new").succeeded)
      #expect(try guest.check("openssl crl -in \(crl) -noout -crlnumber") == "crlNumber=0x01\n")
    }
  }

  @Test("compares numbers as numbers, up to the 160 bits that RFC 5280 allows")
  func longNumbers() throws {
    let ascending = [
      "01", "0F", "10", "FF", "0100", "7FFFFFFFFFFFFFFF", "8000000000000000", "01" + String(repeating: "0", count: 38),
    ]
    try withCRL(nil) { guest, authority throws in
      for number in ascending {
        try guest.copy(try authority.crl(number), to: "/tmp/\(number)")
        let outcome = try guest.run("\(refresh) /tmp/\(number)")
        #expect(outcome.succeeded, "\(number): \(outcome)")
        #expect(guest.read("/dev/console").contains("number 0x\(number.drop { $0 == "0" })\r"), "\(number)")
      }
      for number in ascending.dropLast() {
        #expect(!(try guest.run("\(refresh) /tmp/\(number)").succeeded), "\(number)")
      }
    }
  }

  @Test("takes the project CA's CRL where the root's follows it, and DER as well as PEM")
  func forms() throws {
    try withCRL("01") { guest, authority throws in
      let both =
        try String(contentsOfFile: authority.crl("02"), encoding: .utf8)
        + String(contentsOfFile: authority.crl("05", by: "root"), encoding: .utf8)
      try guest.write(both, to: "/tmp/both")
      #expect(try guest.run("\(refresh) /tmp/both").succeeded)
      #expect(try guest.check("grep -c BEGIN \(crl)") == "1\n")

      try guest.copy(try authority.crl("03"), to: "/tmp/pem")
      try guest.check("openssl crl -in /tmp/pem -outform DER -out /tmp/der")
      #expect(try guest.run("\(refresh) /tmp/der").succeeded)
      #expect(try guest.check("head -n 1 \(crl)") == "-----BEGIN X509 CRL-----\n")
    }
  }

  @Test("leaves the installed CRL alone whatever worse is offered, and says why")
  func refusals() throws {
    try withCRL("0A") { guest, authority throws in
      try authority.make("other", issuer: "root", extensions: "ca")
      // The same name, and another key: only the signature tells.
      try authority.make("impostor", issuer: "root", extensions: "ca", commonName: "project")
      let good = try String(contentsOfFile: authority.crl("0B"), encoding: .utf8)
      func file(_ content: String) throws -> String {
        let path = authority.path("file-\(UUID().uuidString)")
        try Data(content.utf8).write(to: URL(filePath: path))
        return path
      }
      var flipped = Array(good.utf8)
      flipped[flipped.count - 60] = flipped[flipped.count - 60] == 0x41 ? 0x42 : 0x41

      let refused: [(String, String, String)] = [
        ("wrong issuer", try authority.crl("0B", by: "other"), "not issued and signed by the project CA"),
        ("the root's", try authority.crl("0B", by: "root"), "not issued and signed by the project CA"),
        ("another key", try authority.crl("0B", by: "impostor"), "not issued and signed by the project CA"),
        ("bad signature", try file(String(decoding: flipped, as: UTF8.self)), "CRL refused"),
        ("lower number", try authority.crl("09"), "below the installed 0xA"),
        ("no number", try authority.crl(nil), "it has no CRL number"),
        ("expired", try authority.crl("0B", from: -7200, to: -60), "it expired at"),
        ("of the future", try authority.crl("0B", from: 3600), "valid only from"),
        ("a delta", try authority.crl("0B", extensions: "delta"), "critical extension"),
        ("truncated", try file(String(good.prefix(good.count / 2))), "this is no CRL"),
        ("empty", try file(""), "this is no CRL"),
        ("garbage", try file(String(repeating: "\u{7F}\u{1}", count: 999)), "this is no CRL"),
        ("a certificate", authority.path("project.crt"), "this is no CRL"),
        ("a key", authority.path("project.key"), "this is no CRL"),
      ]
      let before = try guest.check("stat -c '%i %Y' \(crl); sha256sum \(crl)")
      for (what, path, reason) in refused {
        try guest.copy(path, to: "/tmp/candidate")
        let outcome = try guest.run("\(refresh) /tmp/candidate")
        #expect(outcome.status == 1, "\(what): \(outcome)")
        #expect(guest.read("/dev/console").contains(reason), "\(what): \(guest.read("/dev/console"))")
        #expect(try guest.check("stat -c '%i %Y' \(crl); sha256sum \(crl)") == before, "\(what)")
        try guest.check(": >/dev/console; rm -f /run/cloudpipe/trouble-*")
      }
      #expect(try guest.run("\(refresh) /tmp/missing").status == 1)
      #expect(
        try guest.check("ls -A /etc/openvpn/server /run/cloudpipe | grep -c '\\.new\\|refresh-crl\\.[^l]' || :")
          == "0\n")
    }
  }

  @Test("does nothing, and says nothing, when the installed CRL has the same number")
  func same() throws {
    try withCRL("0A") { guest, authority throws in
      try guest.copy(try authority.crl("0A", revoked: ["server"]), to: "/tmp/same")
      let before = try guest.check("stat -c '%i %Y' \(crl); sha256sum \(crl)")
      let outcome = try guest.run("\(refresh) /tmp/same")
      #expect(outcome.succeeded, "\(outcome)")
      #expect(try guest.check("stat -c '%i %Y' \(crl); sha256sum \(crl)") == before)
      #expect(guest.read("/dev/console") == "")
    }
  }

  @Test("gives two CRLs within one second different times, since OpenVPN sees whole seconds")
  func times() throws {
    try withCRL(nil) { guest, authority throws in
      var times: [Int] = []
      for number in ["01", "02", "03"] { try guest.copy(try authority.crl(number), to: "/tmp/\(number)") }
      for line in try guest.check("for n in 01 02 03; do \(refresh) /tmp/$n >/dev/null; stat -c %Y \(crl); done").split(
        separator: "\n")
      {
        times.append(Int(line) ?? 0)
      }
      #expect(times.count == 3)
      #expect(times == times.sorted() && Set(times).count == 3, "\(times)")
    }
  }

  @Test("judges a CRL by a new project CA when the CA was replaced")
  func newAuthority() throws {
    try withCRL("0A") { guest, _ throws in
      let second = try Authority()
      defer { second.remove() }
      try guest.copy(second.path("ca.crt"), to: "/etc/openvpn/server/ca.crt")
      try guest.copy(try second.crl("01"), to: "/tmp/new")
      let outcome = try guest.run("\(refresh) /tmp/new")
      #expect(outcome.succeeded, "\(outcome) \(guest.read("/dev/console"))")
    }
  }

  @Test("fetches from CRL_URL, without which from the payload")
  func sources() throws {
    try withCRL("01") { guest, authority throws in
      try guest.check("ip address add 169.254.169.254/32 dev lo; mkdir -p /tmp/web/latest")
      try guest.start("python3 /tmp/fixture/metadata.py /tmp/web 0.0.0.0", log: "/tmp/web.log")
      #expect(try guest.wait(for: "ss -Hltn | grep -q ':80 '"))

      try guest.copy(try authority.crl("02"), to: "/tmp/two/crl.pem")
      try guest.check(
        "python3 /tmp/fixture/archive.py plain /tmp/zip /tmp/two/crl.pem && base64 /tmp/zip >/tmp/web/latest/user-data")
      #expect(try guest.run(refresh).succeeded, "\(guest.read("/dev/console"))")
      #expect(guest.read("/dev/console").contains("number 0x2"))

      try guest.copy(try authority.crl("03"), to: "/tmp/web/acme.crl")
      try guest.write("PROJECT=acme\nCRL_URL=http://127.0.0.1/acme.crl\n", to: "/etc/cloudpipe/settings")
      #expect(try guest.run(refresh).succeeded, "\(guest.read("/dev/console"))")
      #expect(guest.read("/dev/console").contains("number 0x3"))
      #expect(try guest.check("ls /run/cloudpipe") == "crls\nrefresh-crl.lock\n")
    }
  }

  @Test("says once, and not each minute, that it can't fetch, and that the installed CRL is near its end")
  func warnings() throws {
    try withCRL(nil) { guest, authority throws in
      try guest.copy(try authority.crl("01", from: -6 * 86400, to: 84600), to: "/tmp/new")
      #expect(try guest.run("\(refresh) /tmp/new").succeeded)
      #expect(try guest.run("\(refresh) /tmp/new").succeeded)
      let warning = "cloudpipe: WARNING: the CRL expires in 23 h and then nobody can connect; renew it"
      #expect(guest.read("/dev/console").components(separatedBy: warning).count == 2, "\(guest.read("/dev/console"))")

      // Two troubles at once don't take turns.
      for _ in 1...3 { #expect(try guest.run("\(refresh) /tmp/missing").status == 1) }
      #expect(guest.read("/dev/console").components(separatedBy: warning).count == 2, "\(guest.read("/dev/console"))")
      #expect(guest.read("/dev/console").components(separatedBy: "is not refreshed").count == 2)

      try guest.copy(try authority.crl("01", from: -7200, to: -60), to: crl)
      #expect(try guest.run("\(refresh) /tmp/new").status == 1)
      #expect(guest.read("/dev/console").contains("WARNING: the CRL has expired and nobody can connect"))
    }
  }

  @Test("is silent on a machine that no payload has configured")
  func unconfigured() throws {
    try withGuest { guest throws in
      #expect(try guest.run(refresh).succeeded)
      #expect(guest.read("/dev/console") == "")
    }
  }

  @Test("never runs twice at once")
  func lock() throws {
    try withCRL("01") { guest, authority throws in
      for number in 2...9 { try guest.copy(try authority.crl("0\(number)"), to: "/tmp/0\(number)") }
      try guest.check("for n in 09 05 02 07 03 08 04 06; do \(refresh) /tmp/$n & done; wait")
      #expect(try guest.check("openssl crl -in \(crl) -noout -crlnumber") == "crlNumber=0x09\n")
    }
  }
}
