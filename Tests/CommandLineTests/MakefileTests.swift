import Foundation
import Glibc
import Host
import SystemPackage
import Testing

/// The scripts behind the Makefile, run against programs that play others.
@Suite struct MakefileTests {
  private func script(_ name: String) -> String { sourceTree.appending("scripts").appending(name).string }

  private func tool(_ name: String, _ body: String, in folder: FilePath) throws {
    try Folder.make(folder)
    try AtomicFile.write("#!/bin/sh\n\(body)\n", to: folder.appending(name), mode: 0o755)
  }

  private let python = "echo 'python-swiftclient 4.2.0'"
  private func swift(_ version: String) -> String { "echo 'Swift version \(version) (swift-\(version)-RELEASE)'" }

  @Test("another program of the name swift, and a Swift that is too old, are passed over")
  func toolchain() async throws {
    try await withTemporaryFolder { folder in
      let folders = ["object-store", "old", "good", "later"].map { folder.appending($0) }
      for (place, body) in zip(folders, [python, swift("6.1.2"), swift("6.2"), swift("6.3.1")]) {
        try tool("swift", body, in: place)
      }
      let path = folders.map(\.string).joined(separator: ":") + ":/usr/bin:/bin"
      let found = try await Command(script("toolchain"), environment: ["PATH": path]).run()
      #expect(found == folders[2].string + "\n")
    }
  }

  @Test("a toolchain that PATH doesn't have is found where swiftly puts it")
  func elsewhere() async throws {
    try await withTemporaryFolder { folder in
      let place = folder.appending("bin")
      try tool("swift", "echo 'Apple Swift version 10.0 (x)'", in: place)
      try tool("swift", python, in: folder.appending("fake"))
      let found = try await Command(
        script("toolchain"),
        environment: ["PATH": "\(folder)/fake:/usr/bin:/bin", "SWIFTLY_BIN_DIR": place.string, "HOME": folder.string]
      ).run()
      #expect(found == place.string + "\n")
    }
  }

  @Test(
    "where there is no toolchain, it says what to install", .enabled(if: geteuid() == 0, "hides /opt, which takes root")
  )
  func noToolchain() async throws {
    try await withTemporaryFolder { folder in
      try tool("swift", python, in: folder.appending("fake"))
      // In a mount namespace of its own, where /opt and the rest are empty.
      let hide = """
        for d in /opt /usr/local /usr/share/swift* /usr/libexec/swift*; do [ ! -d "$d" ] || mount -t tmpfs none "$d"; done
        exec "$1"
        """
      let output = try await Command(
        "unshare", ["--mount", "sh", "-c", hide, "sh", script("toolchain")],
        environment: ["PATH": "\(folder)/fake:/usr/bin:/bin", "HOME": folder.string, "SWIFTLY_BIN_DIR": nil]
      ).output()
      #expect(output.status == 1)
      #expect(output.stdout.isEmpty)
      #expect(output.stderrTail.contains("swift.org/install/linux"))
    }
  }

  @Test("make passes on that there is no toolchain")
  func makeWithoutToolchain() async throws {
    let output = try await Command("make", ["-C", sourceTree.string, "toolchain", "SWIFT_BIN="]).output()
    #expect(output.status == 2)
  }

  @Test("nothing missing: neither apt nor root is asked")
  func nothingMissing() async throws {
    try await withTemporaryFolder { folder in
      for name in ["apt-get", "apt-cache", "sudo"] { try tool(name, "echo asked \(name) >&2; exit 1", in: folder) }
      let output = try await Command(
        script("install-packages"), ["dpkg", "no-such-name|coreutils"], environment: ["PATH": "\(folder):/usr/bin:/bin"]
      ).output()
      #expect(output.status == 0)
      #expect(output.stderrTail.isEmpty)
    }
  }

  @Test(
    "what is missing is installed without recommendations, by the first name that apt knows, and no service may start",
    .enabled(if: geteuid() == 0, "makes a mount namespace"))
  func installing() async throws {
    try await withTemporaryFolder { folder in
      try tool("apt-cache", "[ \"$2\" = known ] && echo 'known | 1.0'", in: folder)
      try tool(
        "apt-get",
        """
        echo "$@" >> '\(folder)/asked'
        [ "$1" = update ] || { /usr/sbin/policy-rc.d ssh start; echo "policy $?" >> '\(folder)/asked'; }
        """, in: folder)
      // /usr/sbin is an overlay in a mount namespace of its own, so that the machine's never changes.
      let run = """
        mkdir "$1/up" && mount -t tmpfs none "$1/up" && mkdir "$1/up/u" "$1/up/w" &&
        mount -t overlay -o "lowerdir=/usr/sbin,upperdir=$1/up/u,workdir=$1/up/w" none /usr/sbin &&
        rm -f /usr/sbin/policy-rc.d && PATH="$1:$PATH" "$2" dpkg 'unknown|known' && echo done
        [ ! -e /usr/sbin/policy-rc.d ] || echo 'the guard stays'
        """
      let output = try await Command(
        "unshare", ["--mount", "sh", "-c", run, "sh", folder.string, script("install-packages")]
      ).output()
      #expect(output.stdout == "done\n", "\(output.stderrTail)")
      let asked = try String(contentsOfFile: folder.appending("asked").string, encoding: .utf8)
      #expect(asked == "update -q\ninstall -q -y --no-install-recommends known\npolicy 101\n")
    }
  }

  @Test("an ordinary user without sudo is told what is missing", .enabled(if: geteuid() == 0, "drops root"))
  func noRights() async throws {
    try await withTemporaryFolder { folder in
      _ = chmod(folder.string, 0o755)
      for name in ["sh", "dpkg-query", "sed", "grep", "tr", "id"] {
        let path = try Program.find(name).string
        #expect(symlink(path, folder.appending(name).string) == 0)
      }
      // From a copy: the source tree may lie where only root can look.
      try AtomicFile.write(
        try Data(contentsOf: URL(filePath: script("install-packages"))), to: folder.appending("i"), mode: 0o755)
      let output = try await Command(
        "setpriv",
        ["--reuid=65534", "--regid=65534", "--clear-groups", "env", "PATH=\(folder)", "\(folder)/i", "no-such-package"]
      ).output()
      #expect(output.status == 1)
      #expect(output.stderrTail.contains("root or sudo: no-such-package"))
    }
  }
}
