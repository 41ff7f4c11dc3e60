import Foundation
import Glibc
import Host
import Names
import Payload
import SystemPackage
import Testing

@Suite("The payload")
struct PayloadTests {
  @Test("it holds exactly its seven files, and our reader gives them back")
  func content() throws {
    let files = try PayloadReader().files(in: Sample.payload().archive())
    #expect(Set(files.keys) == Set(Sample.names))
    #expect(files["server.key"] == Data("key\n".utf8))
    #expect(files["settings"] == Data(try Sample.settings().text().utf8))
    #expect(files["autorun.sh"]?.starts(with: Data("#!/bin/sh".utf8)) == true)
  }

  @Test("Info-ZIP and Python read it: order, modes and content")
  func otherTools() async throws {
    try await withFolder { folder in
      let zip = folder.appending("payload.zip")
      try AtomicFile.write(Sample.payload().archive(), to: zip, mode: 0o600)
      let test = try await Command("unzip", ["-t", zip.string]).run()
      #expect(test.contains("No errors detected"))
      let list = try await Command("unzip", ["-Z", "-1", zip.string]).run()
      #expect(list.split(separator: "\n").map(String.init) == Sample.names)
      let report = try await python(
        """
        import sys, zipfile
        z = zipfile.ZipFile(sys.argv[1])
        assert z.testzip() is None
        for i in z.infolist():
            print(i.filename, oct(i.external_attr >> 16), i.date_time[0], z.read(i)[:4] if i.filename != 'autorun.sh' else '')
        """, zip)
      let lines = report.split(separator: "\n").map(String.init)
      #expect(lines.first == "autorun.sh 0o100755 1980 ")
      #expect(lines.contains("server.key 0o100600 1980 b'key\\n'"))
      #expect(lines.contains("tls-crypt-v2.key 0o100600 1980 b'tunn'"))
      #expect(lines.contains("ca.crt 0o100644 1980 b'ca\\n'"))
    }
  }

  @Test("the same content gives the same bytes, whatever the day, the time zone and the umask")
  func deterministic() async {
    // In a process of its own: the time zone and the umask are everybody's.
    await #expect(processExitsWith: .success) {
      let first = Digest.sha256(try Sample.payload().archive())
      for (zone, mask) in [
        ("Pacific/Kiritimati", 0o077), ("America/Los_Angeles", 0o002), ("UTC", 0), ("EST5EDT", 0o777),
      ] {
        setenv("TZ", zone, 1)
        tzset()
        umask(mode_t(mask))
        try #require(Digest.sha256(try Sample.payload().archive()) == first, "\(zone)")
      }
      // The finest time that a zip archive can hold is two seconds.
      sleep(3)
      try #require(Digest.sha256(try Sample.payload().archive()) == first)
    }
  }

  @Test("it is base64, once or twice", arguments: [1, 2])
  func encoding(times: Int) throws {
    let payload = try Sample.payload()
    var data = Data(try payload.encoded(times: times).utf8)
    #expect(data.count < 40_000)
    for _ in 0..<times { data = try #require(Data(base64Encoded: data)) }
    #expect(try data == payload.archive())
  }

  @Test("it isn't encoded in any other way", arguments: [0, 3, -1])
  func otherEncodings(times: Int) throws {
    let payload = try Sample.payload()
    #expect(throws: PayloadError.encoding(times: times)) { try payload.encoded(times: times) }
  }

  @Test("one that nova would refuse is refused here, and the error says what makes it so large")
  func tooLarge() throws {
    let crl = Data((0..<40_000).map { _ in UInt8.random(in: 0...255) })
    let payload = try Sample.payload(crl: crl)
    #expect(try payload.encoded(times: 1).utf8.count <= Payload.limit)
    let error = try #require(throws: PayloadError.self) { try payload.encoded(times: 2) }
    guard case .tooLarge(let size, 65_535, let parts) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(size > 65_535)
    #expect(parts.first?.name == "crl.pem" && parts.first?.size == 40_000)
    #expect("\(error)".contains("crl.pem (40000 bytes)"))
  }

  @Test("a CRL that is too long for nova is left out where the instance can fetch it, and told where it can't")
  func longCRL() throws {
    let crl = Data((0..<50_000).map { _ in UInt8.random(in: 0...255) })
    var settings = try Sample.settings()
    let refused = try #require(throws: PayloadError.self) { try Sample.payload(crl: crl, settings).archive() }
    #expect("\(refused)".contains("crl.pem (50000 bytes)") && "\(refused)".contains("trust.crl-url"))
    settings.crlLocation = try CRLLocation("http://crl.example.org/acme.pem")
    let archive = try Sample.payload(crl: crl, settings).archive()
    #expect(archive.base64EncodedData().count <= Payload.limit)
    let files = try PayloadReader().files(in: archive)
    #expect(Set(files.keys) == Set(Sample.names).subtracting(["crl.pem"]))
    #expect(try PayloadReader().files(in: Sample.payload(settings).archive()).keys.contains("crl.pem"))
  }
}
