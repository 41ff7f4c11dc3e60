import SystemPackage
import Testing

@testable import ImageBuilding

@Suite struct AptSourceTests {
  private static func source(
    _ uri: String = "http://m/debian", _ suites: [String] = ["stable"], _ components: [String] = ["main"],
    architectures: [String] = [], signedBy: AptSource.SignedBy = .trustedKeys, ignoresExpiry: Bool = false,
    origin: String = "f:1"
  ) -> AptSource {
    AptSource(
      location: .uri(uri), suites: suites, components: components, architectures: architectures, signedBy: signedBy,
      ignoresExpiry: ignoresExpiry, origin: origin)
  }

  @Test(
    "one-line sources mean what sources.list(5) says",
    arguments: [
      ("deb http://m/debian stable main", source()),
      (
        "  deb\thttps://m/debian stable main contrib # and a comment",
        source("https://m/debian", ["stable"], ["main", "contrib"])
      ),
      (
        "deb [arch=amd64,i386 signed-by=/k/a.gpg,/k/b.asc] http://m/debian stable main",
        source(architectures: ["amd64", "i386"], signedBy: .files(["/k/a.gpg", "/k/b.asc"]))
      ),
      ("deb [ trusted=no check-valid-until=no lang=de ] http://m/debian stable main", source(ignoresExpiry: true)),
      ("deb http://m/debian ./", source("http://m/debian", ["./"], [])),
      ("deb http://m/debian $(ARCH)/", source("http://m/debian", ["amd64/"], [])),
      (
        "deb [signed-by=0123456789abcdef0123456789ABCDEF01234567!] http://m/debian stable main",
        source(signedBy: .fingerprints(["0123456789abcdef0123456789ABCDEF01234567!"]))
      ),
    ] as [(String, AptSource)])
  func oneLine(_ line: String, _ expected: AptSource) {
    let list = AptSourceParser.oneLine(Array(line.utf8), file: "f", architecture: "amd64")
    #expect(list == AptSourceList(sources: [expected]))
  }

  @Test(
    "what isn't a source of packages isn't mentioned",
    arguments: ["", "# deb http://m x y", "deb-src http://m x main", "debx"])
  func silent(_ line: String) {
    #expect(AptSourceParser.oneLine(Array(line.utf8), file: "f", architecture: "amd64") == AptSourceList())
  }

  @Test(
    "a source that could do harm is left out, with the reason",
    arguments: [
      ("deb file:/etc stable main", "'file:' isn't used"), ("deb cdrom:[Debian]/ stable main", "'cdrom:' isn't used"),
      ("deb copy:/x stable main", "'copy:'"), ("deb ssh://h/x stable main", "'ssh:'"),
      ("deb mirror://h/list stable main", "'mirror:'"), ("deb mirror+file:/proc/self/environ stable main", "/etc/apt"),
      ("deb mirror+file:/etc/apt/../passwd stable main", "/etc/apt"),
      ("deb store:/x stable main", "'store:'"), ("deb http:relative stable main", "isn't a usable URI"),
      ("deb [trusted=yes] http://m stable main", "'trusted'"),
      ("deb [trusted=maybe] http://m stable main", "'trusted'"),
      ("deb [allow-insecure=yes] http://m stable main", "'allow-insecure'"),
      ("deb [allow-downgrade-to-insecure=1] http://m stable main", "'allow-downgrade-to-insecure'"),
      ("deb [inrelease-path=../x] http://m stable main", "inrelease-path"),
      ("deb [signed-by=key.gpg] http://m stable main", "neither key files nor fingerprints"),
      ("deb [arch] http://m stable main", "no value"), ("deb [arch=amd64 http://m stable main", "']' is missing"),
      ("deb http://m", "lacks a URI or a suite"), ("deb http://m stable", "has components unless"),
      ("deb http://m ../../x/", "isn't a usable suite"), ("deb http://m stable ma\"in", "isn't a usable component"),
      ("deb http://m/\u{202E}x stable main", "isn't a usable URI"),
    ])
  func refused(_ line: String, _ reason: String) throws {
    let list = AptSourceParser.oneLine(Array(line.utf8), file: "f", architecture: "amd64")
    #expect(list.sources == [])
    let text = try #require(list.skipped.first)
    #expect(list.skipped.count == 1 && text.hasPrefix("f:1: ") && text.contains(reason), "\(text)")
    #expect(text.utf8.allSatisfy { (0x20...0x7E).contains($0) })
  }

  @Test("paragraphs mean what sources.list(5) says, comments inside them or not")
  func deb822() {
    let text = """
      Types: deb deb-src
      # http://snapshot/2025
      URIs: http://m/debian https://n/debian
      Suites: stable stable-updates
      Components: main
       contrib
      Signed-By:
       -----BEGIN PGP PUBLIC KEY BLOCK-----
       .
       mDME
       -----END PGP PUBLIC KEY BLOCK-----

      types: deb
      uris: http://m/debian
      SUITES: stable
      components: main
      Enabled: no

      Types: deb-src
      URIs: http://m/debian
      Suites: stable
      Components: main

      Types: deb
      URIs: http://m/debian
      Suites: stable
      Components: main
      Trusted: yes

      Types: deb
      Suites: stable
      Components: main
      """
    let key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n-----END PGP PUBLIC KEY BLOCK-----\n"
    let list = AptSourceParser.deb822(Array(text.utf8), file: "f", architecture: "amd64")
    #expect(
      list.sources
        == ["http://m/debian", "https://n/debian"].map {
          Self.source(
            $0, ["stable", "stable-updates"], ["main", "contrib"], signedBy: .embedded(key), origin: "f, paragraph 1")
        })
    #expect(
      list.skipped == [
        "f, paragraph 4: 'trusted' would let unsigned packages in", "f, paragraph 5: it lacks URIs or Suites",
      ])
  }

  @Test("a list of mirrors gives the best one first, and no other scheme")
  func mirrors() {
    let text = "http://c/\npriority:1\n# x\nfile:/etc/\thttp\nhttps://b/\tpriority:2\nhttp://a/ type:deb priority:1\n"
    #expect(AptSourceParser.mirrors(Array(text.utf8)) == ["http://a/", "https://b/", "http://c/"])
  }

  private static let status = "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n"

  @Test("a guest like Debian's cloud image is read: mirror list, key files, pins and foreign architectures")
  func guest() async throws {
    let guest = try await GuestPackages.read(
      from: FakeGuest([
        "/var/lib/dpkg/status": Self.status, "/var/lib/dpkg/arch": "amd64\ni386\n../x\n",
        "/etc/apt/sources.list.d/debian.sources":
          "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: stable\nComponents: main\n"
          + "Signed-By: /usr/share/keyrings/debian.gpg\n",
        "/etc/apt/mirrors/debian.list": "https://mirror.example/debian\n",
        "/usr/share/keyrings/debian.gpg": "KEY",
        "/etc/apt/sources.list.d/lost.list": "deb [signed-by=/k/none.gpg] http://m stable main\n",
        "/etc/apt/sources.list.d/old.list.save": "deb http://old stable main\n",
        "/etc/apt/sources.list.d/odd name.list": "deb http://odd stable main\n",
        "/etc/apt/preferences.d/b": "B", "/etc/apt/preferences.d/a.pref": "A", "/etc/apt/preferences.d/c.bak": "C",
        "/etc/apt/apt.conf": "Dir::Bin::dpkg \"/bin/evil\";", "/etc/os-release": "ID=debian\n",
      ]))
    #expect(guest.foreignArchitectures == ["i386"])
    #expect(guest.sources.map(\.location) == [.uri("https://mirror.example/debian")])
    #expect(guest.skippedSources == ["/etc/apt/sources.list.d/lost.list:1: its key /k/none.gpg isn't in the image"])
    #expect(guest.preferences == [Array("A".utf8), Array("B".utf8)])
    #expect(guest.keyrings == ["/usr/share/keyrings/debian.gpg": Array("KEY".utf8)] && guest.trustedKeys == [])

    let files = AptSettings.sourceFiles(of: guest, folder: "/cache/etc")
    let text = String(decoding: files["sources.list.d/guest.sources"] ?? [], as: UTF8.self)
    #expect(files.count == 2 && text.contains("Signed-By: /cache/etc/keys/") && !text.contains("/usr/share"))
  }

  @Test("several mirrors stay several, by a list of our own; a foreign source is left out")
  func severalMirrors() async throws {
    let guest = try await GuestPackages.read(
      from: FakeGuest([
        "/var/lib/dpkg/status": Self.status,
        "/etc/apt/sources.list":
          "deb mirror+file:/etc/apt/m.txt stable main\ndeb [arch=arm64] http://arm stable main\n"
          + "deb mirror+file:/etc/apt/none.txt stable main\n",
        "/etc/apt/m.txt": "http://a/\nhttp://b/\n", "/etc/apt/trusted.gpg.d/a.asc": "-----BEGIN PGP",
      ]))
    let files = AptSettings.sourceFiles(of: guest, folder: "/e")
    #expect(files.keys.map { $0.prefix { $0 != "/" } }.sorted() == ["mirrors", "sources.list.d", "trusted.gpg.d"])
    let text = String(decoding: files["sources.list.d/guest.sources"] ?? [], as: UTF8.self)
    #expect(text.contains("URIs: mirror+file:/e/mirrors/") && !text.contains("arm") && !text.contains("/etc/apt"))
    #expect(guest.skippedSources == ["/etc/apt/sources.list:3: /etc/apt/none.txt lists no http or https mirror"])
  }

  @Test("a guest without a package database, without dpkg, or with a swamped folder is refused")
  func refusedGuests() async throws {
    await #expect(throws: PackageError.badStatus(reason: "there is none")) {
      try await GuestPackages.read(from: FakeGuest([:]))
    }
    for status in [
      "", "Package: dpkg\nStatus: deinstall ok config-files\n", "Package: ../x\nStatus: install ok installed\n",
    ] {
      await #expect(throws: PackageError.self) {
        try await GuestPackages.read(from: FakeGuest(["/var/lib/dpkg/status": status]))
      }
    }
    var swamped: [FilePath: String] = ["/var/lib/dpkg/status": Self.status]
    for number in 0...256 { swamped[FilePath("/etc/apt/sources.list.d/\(number).list")] = "" }
    await #expect(throws: PackageError.tooMuch(path: "/etc/apt/sources.list.d", limit: 256)) {
      try await GuestPackages.read(from: FakeGuest(swamped))
    }
    await #expect(throws: PackageError.noSources(skipped: [])) {
      let guest = try await GuestPackages.read(from: FakeGuest(["/var/lib/dpkg/status": Self.status]))
      _ = try await PackageResolver(cache: "/tmp/none").resolve([], for: guest)
    }
  }
}
