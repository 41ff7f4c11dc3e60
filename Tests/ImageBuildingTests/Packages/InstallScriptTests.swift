import Foundation
import Host
import SystemPackage
import Testing

@testable import ImageBuilding

/// The script in a real root: a minimal Debian bootstrapped from this machine's own apt sources. One root for all of
/// it, since making one takes half a minute, so the phases follow one another in one test.
@Suite(.enabled(if: geteuid() == 0, "a root to install into can be made by root only"))
struct InstallScriptTests {
  private static let wanted = [
    "openvpn", "nftables", "openssh-server", "openssl", "cron", "ifupdown", "isc-dhcp-client", "unzip", "curl",
    "iproute2",
  ]

  @Test(
    "a root gets the cloudpipe's packages, starts nothing, and keeps nothing of the script", .timeLimit(.minutes(10)))
  func install() async throws {
    try await MiniRepository.with { repository in
      let root = Root(path: repository.folder.appending("root"))
      try await root.bootstrap()
      let guest = try await GuestPackages.read(from: root)
      #expect(!guest.sources.isEmpty && guest.skippedSources == [])
      let names = Self.wanted.compactMap { PackageName($0) }
      let supply = PackageSupply(folder: repository.cache)
      let resolution = try await supply.prepare(names, for: guest)
      try AtomicFile.write("#!/bin/sh\nexit 0\n", to: root.path.appending("usr/sbin/policy-rc.d"), mode: 0o751)
      try Folder.make(root.path.appending("var/lib/man-db"))
      try AtomicFile.write("", to: root.path.appending("var/lib/man-db/auto-update"))
      let before = try await root.listing()

      try await supply.layOut(resolution, for: guest, in: root.path.appending("debs"))
      let first = try await root.install()
      #expect(first.status == 0, "\(first.stderrTail)")
      try await Self.expectInstalled(in: root, guest: guest)
      // What was there for the time of the run only is gone, what was set aside is back as it was.
      let after = try await root.listing()
      #expect(
        after == before, "\(Set(after.split(separator: "\n")).symmetricDifference(before.split(separator: "\n")))")
      #expect(try await root.run("find", "/etc/ssh", "-name", "*_key").stdout == "")

      // A second run finds nothing to do.
      let status = try Digest.ofFile(root.path.appending("var/lib/dpkg/status"))
      let second = try await root.install()
      #expect(second.status == 0, "\(second.stderrTail)")
      #expect(try Digest.ofFile(root.path.appending("var/lib/dpkg/status")) == status)

      // Asked again with what is there now, nothing is needed.
      let again = try await supply.resolver.resolve(names, for: GuestPackages.read(from: root), freshness: .offline)
      #expect(again.packages == [])

      try await Self.installFromMini(repository, root: root)
    }
  }

  /// Every wanted package is there and manual, what came along automatic, and apt agrees.
  private static func expectInstalled(in root: Root, guest: GuestPackages) async throws {
    let installed = Set(try DpkgStatus(root.bytes("/var/lib/dpkg/status")).installed.map(\.name))
    #expect(installed.isSuperset(of: wanted))
    let check = try await root.run("apt-get", "check", "-qq")
    #expect(check.status == 0, "\(check.stderrTail)")
    let automatic = Set(try await root.run("apt-mark", "showauto").stdout.split(separator: "\n").map(String.init))
    #expect(automatic.contains("libnftables1") && automatic.isDisjoint(with: wanted))
    let service = root.path.appending("etc/systemd/system/multi-user.target.wants/cron.service")
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: service.string) == "/lib/systemd/system/cron.service")
  }

  /// Packages made for the purpose: one that fails, one that wants to start things, one with an initramfs hook.
  private static func installFromMini(_ repository: MiniRepository, root: Root) async throws {
    try AtomicFile.write(
      "#!/bin/sh\necho \"$@\" >> /initramfs\n", to: root.path.appending("usr/sbin/update-initramfs"), mode: 0o755)
    let started = "start-stop-daemon --start --exec /bin/touch -- /started\ninvoke-rc.d cron start\n"
    try await repository.add("starter", scripts: ["postinst": "#!/bin/sh\nset -e\n\(started)update-initramfs -u\n"])
    try await repository.add(
      "hook",
      scripts: ["postinst": "#!/bin/sh\nupdate-initramfs -u\nupdate-initramfs -u\nupdate-initramfs -c -k 6.1\n"],
      files: ["usr/share/initramfs-tools/hooks/x": "x", "etc/hook.conf": "packaged"])
    try await repository.add("failing", scripts: ["postinst": "#!/bin/sh\necho the reason >&2\nexit 3\n"])
    try await repository.publish()
    try await repository.serving { server in
      let before = try await root.listing()
      for (name, status, requests) in [("starter", 0, ""), ("hook", 0, "-c -k 6.1\n-u\n"), ("failing", 1, "")] {
        var guest = try await repository.guest(server.uri)
        guest.status = try root.bytes("/var/lib/dpkg/status")
        guest.extendedStates = try root.bytes("/var/lib/apt/extended_states")
        let supply = PackageSupply(folder: repository.cache)
        let resolution = try await supply.prepare([PackageName(name)].compactMap(\.self), for: guest)
        try Folder.remove(root.path.appending("debs"))
        try await supply.layOut(resolution, for: guest, in: root.path.appending("debs"))
        let output = try await root.install()
        #expect(output.status == status, "\(name): \(output.stderrTail)")
        if status != 0 { #expect(output.stderrTail.contains("the reason")) }
        #expect(access(root.path.appending("started").string, F_OK) != 0)
        let log = root.path.appending("initramfs")
        #expect((try? String(contentsOfFile: log.string, encoding: .utf8)) ?? "" == requests, "\(name)")
        try Folder.remove(log)
        #expect(try await root.listing() == before)
      }
    }
  }
}

/// A Debian in a folder.
struct Root: GuestFiles {
  let path: FilePath

  func bootstrap() async throws {
    let release = OSRelease(Array(try Data(contentsOf: URL(filePath: "/etc/os-release"))))
    let codename = try #require(release.codename)
    // The package cache of mmdebstrap's own is no use here.
    try await Command("mmdebstrap", ["--quiet", "--variant=minbase", codename, path.string]).run()
  }

  /// Runs the script as the appliance does: /dev, /proc and /sys are there, and gone when it ends.
  func install() async throws -> Command.Output {
    let script = InstallScript.command(in: "/debs")
    return try await run(script[0], Array(script.dropFirst()))
  }

  func run(_ program: String, _ arguments: String...) async throws -> Command.Output {
    try await run(program, arguments)
  }

  private func run(_ program: String, _ arguments: [String]) async throws -> Command.Output {
    let mounts = "mount --rbind /dev \"$0/dev\"; mount --rbind /sys \"$0/sys\"; mount -t proc proc \"$0/proc\"; "
    return try await Command(
      "unshare",
      ["--mount", "--pid", "--fork", "--net", "sh", "-c", mounts + "exec chroot \"$0\" \"$@\"", path.string, program]
        + arguments
    ).output()
  }

  /// What the script may touch and has to leave as it was.
  func listing() async throws -> String {
    let folders = ["usr/sbin/policy-rc.d", "var/lib/man-db", "var/tmp", "tmp", "root"]
    return try await Command(
      "find", folders + ["-printf", "%p %m %u %s %l\n"], folder: path
    ).run()
  }

  func bytes(_ file: FilePath) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path.string + file.string)))
  }

  func read(_ path: FilePath, limit: Int) async throws -> [UInt8]? {
    access(self.path.string + path.string, F_OK) == 0 ? try bytes(path) : nil
  }

  func names(in folder: FilePath) async throws -> [String] {
    try Folder.names(in: FilePath(path.string + folder.string))
  }
}
