import Foundation
import Host
import SystemPackage
import Testing

@testable import ImageBuilding

@Suite("the sources of a bootstrap")
struct DistributionSourcesTests {
  private static let debian = "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\nPRETTY_NAME=\"Debian 12\"\n"
  private static let ubuntu = "ID=ubuntu\nVERSION_ID=24.04\nVERSION_CODENAME=noble\nPRETTY_NAME=\"Ubuntu 24.04\"\n"

  /// What is chosen of a host with these files in `/etc/apt`.
  private func choose(
    _ files: [String: String], release: String = debian
  ) async throws -> (sources: GuestPackages, text: String) {
    try await withTemporaryFolder { root in
      var all = ["etc/os-release": release]
      for keyring in ["debian-archive-keyring", "ubuntu-archive-keyring", "docker"] {
        all["usr/share/keyrings/\(keyring).gpg"] = "key"
      }
      for (name, text) in files { all["etc/apt/\(name)"] = text }
      for (name, text) in all {
        let path = root.appending(name)
        try Folder.make(path.removingLastComponent())
        try AtomicFile.write(text, to: path)
      }
      let host = try await GuestPackages.read(from: HostFiles(root: root, architecture: "amd64"))
      let distribution = try Distribution(host.release, architecture: "amd64")
      let chosen = try DistributionSources.choose(from: host, for: distribution)
      return (chosen, DistributionSources.text(of: chosen, for: distribution))
    }
  }

  private static let archive = """
    Types: deb deb-src
    URIs: http://mirror.example/debian
    Suites: bookworm bookworm-updates bookworm-backports
    Components: main contrib non-free-firmware
    Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
    """

  @Test("are the distribution's own, without what isn't needed of them")
  func own() async throws {
    let (chosen, text) = try await choose(["sources.list.d/debian.sources": Self.archive])
    #expect(chosen.status.isEmpty)
    #expect(
      text == """
        Types: deb
        URIs: http://mirror.example/debian
        Suites: bookworm bookworm-updates
        Components: main
        Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

        """)
  }

  @Test("leave third parties out, and say why")
  func thirdParties() async throws {
    let (chosen, _) = try await choose([
      "sources.list.d/debian.sources": Self.archive,
      "sources.list.d/docker.list":
        "deb [signed-by=/usr/share/keyrings/docker.gpg] https://download.docker.example/linux/debian bookworm stable\n",
      "sources.list.d/vendor.list":
        "deb [signed-by=/usr/share/keyrings/docker.gpg] https://vendor.example/debian bookworm main\n",
      "sources.list.d/unkeyed.list": "deb https://apt.vendor.example/ bookworm main\n",
      "sources.list.d/node.list": "deb https://node.example/debian nodistro main\n",
      "sources.list.d/trixie.list": "deb http://mirror.example/debian trixie main\n",
    ])
    #expect(chosen.sources.map(\.location) == [.uri("http://mirror.example/debian")])
    #expect(chosen.skippedSources.count == 5)
  }

  @Test("may be in the old format, and without a key of their own")
  func oldFormat() async throws {
    let (chosen, text) = try await choose([
      "sources.list": """
      deb http://user:secret@mirror.example/debian/ bookworm main
      deb http://security.example/debian-security bookworm-security main contrib
      """
    ])
    #expect(chosen.sources.count == 2)
    #expect(!text.contains("secret"))
    #expect(text.contains("Suites: bookworm-security\nComponents: main\n"))
  }

  @Test("on Ubuntu are Ubuntu's, with the part that has OpenVPN")
  func ubuntuSources() async throws {
    let (_, text) = try await choose(
      [
        "sources.list.d/ubuntu.sources": """
        Types: deb
        URIs: http://archive.example/ubuntu/
        Suites: noble noble-updates noble-backports
        Components: main universe restricted multiverse
        Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg
        """
      ], release: Self.ubuntu)
    #expect(text.contains("Suites: noble noble-updates\nComponents: main universe\n"))
  }

  @Test("that aren't there are an error which says what was found")
  func none() async throws {
    let error = await #expect(throws: BaseError.self) {
      try await choose(["sources.list": "deb https://vendor.example/apt bookworm main\n"])
    }
    #expect(error?.description.contains("vendor") == false)
    #expect(error?.description.contains("/etc/apt/sources.list:1") == true)
  }

  @Test("of another distribution or architecture can't be bootstrapped")
  func otherHosts() throws {
    #expect(throws: BaseError.self) { try Distribution(OSRelease(Array("ID=fedora\n".utf8)), architecture: "amd64") }
    #expect(throws: BaseError.self) { try Distribution(OSRelease(Array(Self.debian.utf8)), architecture: "arm64") }
  }
}
