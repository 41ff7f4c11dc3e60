import Foundation
import Glibc
import Host
import Names
import State
import SystemPackage
import Testing

@testable import Clouds

/// Serial, since each of them emulates a machine.
@Suite("Instances on this machine", .serialized, .enabled(if: geteuid() == 0, "needs root"))
struct LocalInstancesTests {
  /// What `/proc/PID/status` says of a field.
  private func status(of process: ProcessIdentity, _ field: String) throws -> String {
    let text = try String(contentsOfFile: "/proc/\(process.pid)/status", encoding: .utf8)
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("\(field):") })
    return line.dropFirst(field.count + 1).trimmingCharacters(in: .whitespaces)
  }

  private func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    for _ in 0..<3000 {
      if try await condition() { return }
      try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("\(what) never came")
  }

  @Test("an instance boots, is found running, survives a reset from inside, and leaves nothing when it goes")
  func life() async throws {
    try await TinyInstance.with { tiny in
      let before = try await tiny.instances.condition(of: tiny.id)
      #expect(before == InstanceCondition(state: .absent))

      let process = try await tiny.boot()
      let again = try await tiny.boot()
      #expect(again == process, "an instance that runs is found, not started twice")
      try await eventually("the second boot") {
        try await tiny.instances.console(of: tiny.id).components(separatedBy: "tiny guest").count == 3
      }
      let running = try await tiny.instances.condition(of: tiny.id)
      #expect(running.state == .running && running.faults.isEmpty, "\(running)")
      #expect(process.isAlive, "QEMU outlives the guest's reset")

      try await tiny.instances.remove(tiny.id)
      #expect(!process.isAlive)
      let left = try Folder.names(in: tiny.space.folder)
      #expect(left == ["instance.lock"])
      try await tiny.instances.remove(tiny.id)
      let after = try await tiny.instances.condition(of: tiny.id)
      #expect(after.state == .absent)
    }
  }

  @Test("QEMU has no rights: a user of its own, no capabilities, no new privileges, seccomp, no network, no core file")
  func confinement() async throws {
    try await TinyInstance.with { tiny in
      let process = try await tiny.boot()
      let users = try status(of: process, "Uid").split(separator: "\t").map(String.init)
      #expect(Set(users).count == 1 && UInt32(users[0]).map { $0 > 60_000 && $0 != 65_534 } == true, "\(users)")
      #expect(try status(of: process, "Groups").isEmpty)
      for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        #expect(try status(of: process, set) == "0000000000000000", "\(set)")
      }
      #expect(try status(of: process, "NoNewPrivs") == "1")
      #expect(try status(of: process, "Seccomp") == "2")
      let limits = try String(contentsOfFile: "/proc/\(process.pid)/limits", encoding: .utf8)
      #expect(limits.contains(/Max core file size +0 +0/))
      let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process.pid)/ns/net")
      let mine = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
      #expect(own != mine)
      let interfaces = try String(contentsOfFile: "/proc/\(process.pid)/net/dev", encoding: .utf8)
      #expect(!interfaces.contains("eth0") && !interfaces.contains(NetworkSpace.instancePort))
      let line = try String(contentsOfFile: "/proc/\(process.pid)/cmdline", encoding: .utf8)
      #expect(line.contains("tiny-vpn"), "ps tells whose it is")
    }
  }

  @Test("only root may talk to QEMU, and the instance's files are its own")
  func modes() async throws {
    try await TinyInstance.with { tiny in
      _ = try await tiny.boot()
      for name in try Folder.names(in: tiny.space.folder) {
        var status = stat()
        try #require(lstat(tiny.space.folder.appending(name).string, &status) == 0)
        let mode = String(status.st_mode, radix: 8)
        #expect(status.st_mode & 0o077 == 0 && status.st_uid == 0, "\(name) has mode \(mode)")
      }
    }
  }

  @Test("the published disk is never written, and its unpacked copy neither")
  func untouched() async throws {
    try await TinyInstance.with { tiny in
      _ = try await tiny.boot()
      let copy = tiny.home.path.appending("images/\(tiny.image.id)/disk.raw")
      let before = try Digest.ofFile(copy)
      let open = try Folder.names(in: FilePath("/proc/\(try await tiny.boot().pid)/fd"))
      #expect(open.count > 9)
      try await tiny.instances.remove(tiny.id)
      #expect(try Digest.ofFile(tiny.image.disk).hex == tiny.image.sha256)
      #expect(try Digest.ofFile(copy) == before)
    }
  }

  @Test("a killed QEMU is seen, and the next boot starts anew")
  func killed() async throws {
    try await TinyInstance.with { tiny in
      let process = try await tiny.boot()
      kill(process.pid, SIGKILL)
      try await eventually("its end") { !process.isAlive }
      let condition = try await tiny.instances.condition(of: tiny.id)
      #expect(condition.state == .stopped && condition.faults.count == 1, "\(condition)")
      let next = try await tiny.boot()
      #expect(next != process && next.isAlive)
    }
  }

  @Test("a QEMU whose record was never written is found and ended by the next boot")
  func unrecorded() async throws {
    try await TinyInstance.with { tiny in
      let process = try await tiny.boot()
      try Folder.remove(tiny.space.folder.appending("qemu.process"))
      let next = try await tiny.boot()
      #expect(!process.isAlive && next.isAlive)
    }
  }

  @Test("a stopped guest is told of")
  func paused() async throws {
    try await TinyInstance.with { tiny in
      _ = try await tiny.boot()
      let monitor = try await LocalInstanceMonitor.connect(to: tiny.space.events, deadline: .now + .seconds(10))
      try await monitor.execute("stop", deadline: .now + .seconds(10))
      let condition = try await tiny.instances.condition(of: tiny.id)
      #expect(condition.state == .running && condition.faults == ["the instance's processor stands still (paused)"])
    }
  }

  @Test("whoever listens to the second monitor hears a reset, and when QEMU ends")
  func events() async throws {
    try await TinyInstance.with { tiny in
      _ = try await tiny.boot()
      let monitor = try await LocalInstanceMonitor.connect(to: tiny.space.events, deadline: .now + .seconds(10))
      async let events = Self.names(of: monitor)
      try await tiny.instances.remove(tiny.id)
      #expect(try await events.contains("SHUTDOWN"))
    }
  }

  private static func names(of monitor: LocalInstanceMonitor) async throws -> [String] {
    var names: [String] = []
    while let event = try await monitor.nextEvent() { names.append(event.name) }
    return names
  }

  @Test("a disk that isn't the registered one is refused, and nothing is left of it")
  func changedImage() async throws {
    try await TinyInstance.with { tiny in
      let handle = try #require(FileHandle(forWritingAtPath: tiny.image.disk.string))
      try handle.seekToEnd()
      try handle.write(contentsOf: Data([0]))
      await #expect(throws: LocalInstanceError.self) { try await tiny.boot() }
      #expect(try Folder.names(in: tiny.home.path.appending("images")) == ["lock"])
    }
  }

  @Test("a flavor whose disk is smaller than the image is refused before anything starts")
  func smallFlavor() async throws {
    try await TinyInstance.with { tiny in
      let none = Flavor(name: "none", processors: 1, memory: 32, disk: 0)
      do {
        _ = try await tiny.instances.boot(try tiny.plan(flavor: none), in: tiny.space)
        Issue.record("it booted")
      } catch LocalInstanceError.diskTooSmall(let flavor, 0, _, let needs) {
        #expect(flavor == "none" && needs == 6 << 20)
      }
      let condition = try await tiny.instances.condition(of: tiny.id)
      #expect(condition.state == .absent)
    }
  }

  @Test("a QEMU that ends at once is reported with the end of its log")
  func endsAtOnce() async throws {
    try await TinyInstance.with(kernel: Array("not a kernel".utf8)) { tiny in
      do {
        _ = try await tiny.boot()
        Issue.record("it booted")
      } catch let error as LocalInstanceError {
        guard case .notStarted(tiny.id, _, let log, _) = error else { throw error }
        #expect(log.contains("kernel"), "\(log)")
        #expect("\(error)".contains(log))
      }
      let condition = try await tiny.instances.condition(of: tiny.id)
      #expect(condition.state == .absent)
    }
  }

  @Test("a cancelled boot leaves no QEMU behind")
  func cancelled() async throws {
    try await TinyInstance.with { tiny in
      for delay in [5, 20, 60, 150, 250] {
        let boot = Task { try await tiny.boot() }
        try await Task.sleep(for: .milliseconds(delay))
        boot.cancel()
        let outcome = await boot.result
        if case .failure = outcome {
          #expect(MarkedProcesses.named(tiny.space.folder.appending("qemu.process")).isEmpty)
        }
        try await tiny.instances.remove(tiny.id)
      }
    }
  }

  @Test("a network without a device for its cloudpipe is told of")
  func noDevice() async throws {
    try await TinyInstance.with { tiny in
      try await Command("ip", ["netns", "delete", tiny.space.namespace]).run()
      await #expect(throws: LocalInstanceError.self) { try await tiny.boot() }
    }
  }
}
