import Foundation
import Host
import SystemPackage
import Testing

@testable import ImageBuilding

@Suite struct PackageParsingTests {
  @Test(
    "names that aren't names of packages are refused",
    arguments: ["", "a", "Aa", "-a", "a_b", "a b", "a-", "a;b", "é1", "../x", String(repeating: "a", count: 201)])
  func badNames(_ name: String) { #expect(PackageName(name) == nil) }

  @Test("names of packages are accepted", arguments: ["g++", "libstdc++6", "0ad", "a.b-c+d", "openvpn"])
  func goodNames(_ name: String) { #expect(PackageName(name)?.description == name) }

  @Test("dpkg's status is read, continuation lines and all")
  func status() throws {
    let text = """
      Package: bb
      Status: install ok half-configured
      Architecture: amd64
      Version: 1:2-3

      Package: aa
      Status: hold ok installed
      Architecture: all
      Source: src (1.0)
      Maintainer: M <m@x>
      Installed-Size: 12
      Version: 2
      Description: short
       long: with a colon
       .
       more
      Conffiles:
       /etc/a 0123


      """
    let status = try DpkgStatus(Array(text.utf8))
    #expect(status.packages.map(\.name) == ["aa", "bb"] && status.installed.map(\.name) == ["aa"])
    #expect(status.packages.first?.source == "src (1.0)" && status.packages.first?.installedSize == 12)
    #expect(ControlStanza.parse(Array(text.utf8)).last?["description"] == "short\nlong: with a colon\n.\nmore")
  }

  @Test("os-release is read as the shell would read it")
  func release() {
    let release = OSRelease(Array("# c\nID=ubuntu\nVERSION_ID='24.04'\nPRETTY_NAME=\"A \\\"b\\\" \\\\\"\nX\n".utf8))
    #expect(release.id == "ubuntu" && release.version == "24.04" && release.codename == nil)
    #expect(release.prettyName == "A \"b\" \\")
    #expect(OSRelease([]).id == "linux")
  }

  @Test("a simulation is read: order, upgrades, foreign packages, removals")
  func simulation() throws {
    let text = """
      Reading package lists...
      Inst libc6 [2.35] (2.36-9 Debian:12.11/stable, Debian-Security:12/stable-security [amd64]) []
      Conf libc6 (2.36-9 Debian:12.11/stable, Debian-Security:12/stable-security [amd64])
      Inst gcc-12-base:i386 (12.2.0-14 Debian:12.11/stable [i386]) [gcc-12-base:i386 ]
      Inst tool (1:2~rc+1 [all])
      Conf tool (1:2~rc+1 [all])
      Remv other [1.0]
      """
    let changes = try AptTranscript.changes(in: text)
    #expect(changes.map(\.kind) == [.install, .configure, .install, .install, .configure, .remove])
    #expect(changes.map(\.package) == ["libc6", "libc6", "gcc-12-base:i386", "tool", "tool", "other"])
    #expect(
      changes[0].replaces == "2.35" && changes[0].origin == "Debian:12.11/stable, Debian-Security:12/stable-security")
    #expect(changes[3].version == "1:2~rc+1" && changes[3].architecture == "all" && changes[3].origin == "")
    #expect(
      PackageQuestion.steps(changes) == [
        .init(action: .unpack, packages: ["libc6"]), .init(action: .configure, packages: ["libc6"]),
        .init(action: .unpack, packages: ["gcc-12-base:i386", "tool"]),
      ])
  }

  @Test(
    "a name or version that could be something else stops everything",
    arguments: [
      "Inst ../x (1.0 O [all])", "Inst a;b (1.0 O [all])", "Inst ab (../1 O [all])", "Inst ab (1/0 O [all])",
      "Inst ab (-1 O [all])", "Inst ab (1.0 O [a/b])", "Inst ab", "Inst ab:-x (1.0 O [all])",
    ])
  func hostileSimulation(_ line: String) {
    #expect(throws: PackageError.self) { try AptTranscript.changes(in: line) }
  }

  @Test("files are read with their SHA-256, and refused without")
  func files() throws {
    let digest = Digest.sha256("x")
    let files = try AptTranscript.files(in: "Note\n'http://m/a%27b_1.deb' ab_1%3a1_all.deb 12 SHA256:\(digest)\n")
    #expect(files == [.init(name: "ab_1%3a1_all.deb", size: 12, digest: digest)])
    for line in ["'http://m/a' a.deb 12 MD5Sum:00", "'http://m/a' a.deb 12 ", "'http://m/a' a.deb x SHA256:\(digest)"] {
      #expect(throws: PackageError.self) { try AptTranscript.files(in: line) }
    }
  }

  @Test("an epoch is escaped in a file's name as apt does it")
  func fileName() {
    let package = ResolvedPackage(
      name: "a", version: "1:2.0-3", architecture: "amd64", digest: Digest.sha256(""), size: 1, installedSize: nil,
      replaces: nil, origin: "")
    #expect(package.fileName == "a_1%3a2.0-3_amd64.deb")
  }

  @Test("no error shows the password of a source")
  func passwords() {
    let line = "E: Failed to fetch https://user:s3cret@m/x and http://u@n/y, mail@me"
    #expect(AptComplaint.withoutPassword(line) == "E: Failed to fetch https://m/x and http://n/y, mail@me")
    let error = AptComplaint.error(in: line + "\n  404  Not Found", folder: "/c")
    #expect(!"\(error)".contains("s3cret"))
  }

  @Test("the nearest names come first, and a far one not at all")
  func nearest() {
    let names = ["openvpn", "openvpn-auth", "opencv", "zsh", "openvpm"]
    #expect(NearestNames.of("openvp", in: names) == ["openvpm", "openvpn", "opencv"])
    #expect(NearestNames.of("opnvpn", in: names) == ["openvpn", "openvpm"])
    #expect(NearestNames.of("qqqqqq", in: names) == [])
  }

  @Test("what came along is noted as automatic, what was asked for isn't any more, the rest stays")
  func extendedStates() {
    let package = { (name: String, replaces: String?) in
      ResolvedPackage(
        name: name, version: "1", architecture: "all", digest: Digest.sha256(name), size: 1, installedSize: nil,
        replaces: replaces, origin: "")
    }
    let resolution = Resolution(
      packages: [package("tool", nil), package("dep", nil), package("upgraded", "0")], steps: [],
      wanted: ["tool", "had"],
      skippedSources: [])
    let before =
      "Package: had\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: kept\nArchitecture: amd64\nAuto-Installed: 1\n"
    let after = ExtendedStates.after(resolution, before: Array(before.utf8), nativeArchitecture: "amd64")
    #expect(
      String(decoding: after, as: UTF8.self)
        == ["kept", "dep"].map { "Package: \($0)\nArchitecture: amd64\nAuto-Installed: 1\n\n" }.joined()
    )
  }
}
