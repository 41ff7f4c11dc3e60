import Foundation
import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Host

@Suite struct DoctorTests {
  /// Doesn't end before all `expected` have begun, ten seconds at most.
  private struct Meeting: Check {
    let name: String
    let expected: Int
    let begun: Counter
    func examine() async -> Finding {
      begun.value.add(1, ordering: .relaxed)
      for _ in 0..<500 where begun.value.load(ordering: .relaxed) < expected {
        try? await Task.sleep(for: .milliseconds(20))
      }
      return begun.value.load(ordering: .relaxed) == expected
        ? .ok(name) : .failure("alone", remedy: "run them at once")
    }
  }

  private final class Counter: Sendable { let value = Atomic(0) }

  @Test("checks run at once, and their results come in order")
  func order() async {
    let counter = Counter()
    let checks = (0..<20).map { Meeting(name: "\($0)", expected: 20, begun: counter) }
    let results = await Doctor(checks: checks).examine()
    #expect(results.map(\.check) == checks.map(\.name))
    #expect(results.allSatisfy { $0.finding == .ok($0.check) })
  }

  @Test("no two checks have one name, and every finding that isn't well has a remedy")
  func thisMachine() async throws {
    try await withTemporaryFolder { folder in
      let results = await Doctor(home: folder, out: folder.appending("out")).examine()
      #expect(Set(results.map(\.check)).count == results.count)
      for result in results {
        #expect(!result.finding.found.isEmpty)
        #expect((result.finding.status == .ok) == (result.finding.remedy == nil), "\(result)")
      }
    }
  }

  @Test(
    "versions are found in what programs say",
    arguments: [
      ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)", "7.2.22"),
      ("ip utility, iproute2-6.1.0, libbpf 1.1.2", "6.1.0"),
      ("nftables v1.0.6 (Lester Gooch #5)", "1.0.6"),
      ("mke2fs 1.47.0 (5-Feb-2023)\n\tUsing EXT2FS Library version 1.47.0", "1.47.0"),
      ("grub-mkimage (GRUB) 2.06-13+deb12u2", "2.06-13+deb12u2"),
      ("OpenVPN 2.6.14 x86_64-pc-linux-gnu", "2.6.14"),
      ("no such thing", nil), ("", nil), ("version 7", nil),
    ])
  func versions(text: String, version: String?) {
    #expect(ToolCheck.version(in: text) == version)
  }

  @Test("a tool that is missing is a failure, or a warning where it is for some things only")
  func missingTool() async {
    let needed = await ToolCheck(name: "cpbuild-no-such").examine()
    #expect(needed.status == .failure)
    #expect(needed.remedy?.contains("apt-get install") == true)
    let wanted = await ToolCheck(name: "cpbuild-no-such", onlyFor: "the tests").examine()
    #expect(wanted.status == .warning)
    #expect(wanted.found.contains("the tests"))
  }

  @Test("a program of another kind under a tool's name is noticed")
  func wrongTool() async {
    #expect(await ToolCheck(name: "true", arguments: []).examine().status == .warning)
  }

  @Test("a kernel must be there, have its modules, and be readable")
  func appliance() async throws {
    try await withTemporaryFolder { folder in
      let boot = folder.appending("boot")
      let modules = folder.appending("modules")
      try Folder.make(boot)
      try Folder.make(modules)
      let check = ApplianceCheck(boot: boot, modules: modules, chosenKernel: nil)
      #expect(check.kernelFinding(library: "1").found.contains("no kernel in \(boot)"))
      try AtomicFile.write("", to: boot.appending("vmlinuz-6.1"))
      #expect(check.kernelFinding(library: "1").found.contains("modules"))
      try Folder.make(modules.appending("6.1"))
      #expect(check.kernelFinding(library: "1").status == .ok)
      let chosen = ApplianceCheck(boot: boot, modules: modules, chosenKernel: "/no/such/kernel")
      #expect(chosen.kernelFinding(library: "1").status == .failure)
    }
  }

  @Test("space is looked for where a folder will be, and too little is a failure")
  func space() async throws {
    try await withTemporaryFolder { folder in
      let later = folder.appending("not").appending("yet")
      let enough = await DiskSpaceCheck(purpose: "x", folder: later, needed: 1).examine()
      #expect(enough.status == .ok)
      #expect(enough.found.hasSuffix(" in \(folder)"))
      let little = await DiskSpaceCheck(purpose: "x", folder: later, needed: .max).examine()
      #expect(little.status == .failure)
    }
  }

  @Test("a release without sources is a failure; old lists are a warning")
  func aptSources() async throws {
    try await withTemporaryFolder { folder in
      let release = folder.appending("os-release")
      #expect(await AptSourcesCheck(release: release).examine().status == .failure)
      try AtomicFile.write("NAME=x\nVERSION_CODENAME=\"nosuch\"\n", to: release)
      let other = await AptSourcesCheck(release: release).examine()
      #expect(other.status == .failure)
      #expect(other.found.contains("nosuch"))
      let later = await AptSourcesCheck(now: Date(timeIntervalSinceNow: 400 * 86400)).examine()
      #expect(later.status != .ok)
    }
    #expect(AptSourcesCheck.codename(in: "VERSION_CODENAME=\n") == nil)
    #expect(AptSourcesCheck.codename(in: "ID=debian\nVERSION_CODENAME=bookworm") == "bookworm")
  }

  @Test(
    "the local cloud's rights are root's with two capabilities, which a container may lack",
    arguments: [
      ("Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n", Finding.Status.ok, "root"),
      ("Uid:\t0\t0\t0\t0\nCapEff:\t00000000a80435fb\n", .warning, "CAP_SYS_ADMIN"),
      ("Uid:\t0\t0\t0\t0\nCapEff:\t00000000a80425fb\n", .warning, "CAP_NET_ADMIN and CAP_SYS_ADMIN"),
      ("Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n", .warning, "not root"), ("", .warning, "not root"),
    ])
  func rights(status: String, verdict: Finding.Status, found: String) async {
    let finding = await RightsCheck(status: status).examine()
    #expect(finding.status == verdict && finding.found.contains(found), "\(finding)")
    #expect((finding.remedy == nil) == (verdict == .ok))
  }

  @Test("a tunnel device that isn't there is named, with its remedy")
  func tunnel() async {
    let finding = await TunnelCheck(device: "/no/such").examine()
    #expect(finding.status == .warning)
    #expect(finding.remedy?.contains("modprobe tun") == true)
  }

  @Test(
    "subordinate ids are counted by name or number, the largest range counts",
    arguments: [
      ("ann:100000:65536\n", 65536), ("1000:100000:65536\n", 65536), ("ann:1:10\nann:100:70000\n", 70000),
      ("bob:100000:65536\n", 0), ("ann:100000\n", 0), ("ann:1:x\n", 0), ("", 0),
    ])
  func subordinateIDs(text: String, size: Int) {
    #expect(SubordinateIDsCheck.size(for: "ann", id: 1000, in: text) == size)
  }

  @Test("root needs no subordinate ids, anyone else does")
  func subordinateIDsByUser() async throws {
    #expect(await SubordinateIDsCheck(userID: 0).examine().status == .ok)
    #expect(await SubordinateIDsCheck(userID: 4_000_000, ranges: ["/dev/null"]).examine().status == .failure)
  }

  @Test("a clock that is years behind is a failure")
  func clock() async {
    let past = Date(timeIntervalSince1970: 1_700_000_000)
    #expect(await ClockCheck(now: past.addingTimeInterval(-7 * 86400), past: past).examine().status == .failure)
    #expect(await ClockCheck(now: past.addingTimeInterval(60), past: past).examine().status == .ok)
    #expect(await ClockCheck().examine().status == .ok)
  }
}
