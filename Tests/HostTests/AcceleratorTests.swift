import Foundation
import Glibc
import SystemPackage
import Testing

@testable import Host

@Suite struct AcceleratorTests {
  @Test("the tiny guest runs in software, so a guest that doesn't run under KVM is KVM's fault")
  func guestRuns() async throws {
    var probe = AcceleratorProbe()
    probe.deadline = .seconds(30)
    #expect(try await probe.boot(accelerator: "tcg") == nil)
  }

  @Test("the tiny guest's bytes are what its source says")
  func source() async throws {
    try await withTemporaryFolder { folder in
      let file = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Sources/Host/TinyGuest.swift")
      let text = try String(contentsOf: file, encoding: .utf8)
      let parts = text.components(separatedBy: "/// ```\n")
      try #require(parts.count == 3)
      let assembler = parts[1].split(separator: "\n", omittingEmptySubsequences: false).map { $0.dropFirst(4) }
        .joined(separator: "\n")
      try AtomicFile.write(assembler + "\n", to: folder.appending("guest.s"))
      try await Command("as", ["--64", "-o", "guest.o", "guest.s"], folder: folder).run()
      try await Command(
        "ld", ["-m", "elf_x86_64", "--oformat", "binary", "-Ttext", "0x100000", "-o", "guest", "guest.o"],
        folder: folder
      ).run()
      #expect(try Data(contentsOf: URL(filePath: folder.appending("guest").string)) == Data(TinyGuest.bytes))
    }
  }

  @Test("without a KVM device there is nothing to boot", .timeLimit(.minutes(10)))
  func noDevice() async throws {
    var probe = AcceleratorProbe(device: "/no/such", override: nil)
    probe.qemu = "/no/qemu"
    #expect(try await probe.answer(cache: nil, fresh: false) == .tcg(reason: "there is no /no/such"))
  }

  @Test("a device that isn't one is no accelerator")
  func notADevice() async throws {
    let probe = AcceleratorProbe(device: "/proc", override: nil)
    guard case .tcg(let reason) = try await probe.answer(cache: nil, fresh: false) else {
      Issue.record("took a folder for KVM")
      return
    }
    #expect(reason.contains("/proc"))
  }

  @Test("$CPBUILD_ACCEL answers for itself, and another word is refused")
  func override() async throws {
    var probe = AcceleratorProbe(device: "/no/such", override: "kvm")
    #expect(try await probe.answer(cache: nil, fresh: false) == .kvm)
    probe.override = "tcg"
    #expect(try await probe.answer(cache: nil, fresh: false).name == "tcg")
    probe.override = "hvf"
    await #expect(throws: HostError.setting(name: "$CPBUILD_ACCEL", value: "hvf", allowed: "kvm or tcg")) {
      try await probe.answer(cache: nil, fresh: false)
    }
  }

  @Test("a QEMU that aborts, hangs, or ends well without the guest's word is no accelerator")
  func broken() async throws {
    try await withTemporaryFolder { folder in
      for (script, reason) in [
        ("echo 'qemu: warning: x' >&2; echo 'failed to set MSR' >&2; kill -ABRT $$", "fails: failed to set MSR"),
        ("exit 0", "fails: QEMU ended with status 0"),
        ("exit 1", "fails: QEMU ended with status 1"),
        ("exec sleep 60", "hangs"),
      ] {
        var probe = AcceleratorProbe()
        probe.qemu = try fakeQEMU(script, in: folder).string
        probe.deadline = reason == "hangs" ? .milliseconds(300) : .seconds(30)
        let answer = try await probe.boot(accelerator: "kvm")
        #expect(answer?.contains(reason) == true, "\(answer ?? "it runs")")
      }
    }
  }

  @Test("an answer is remembered: for this boot, this processor and this QEMU, and no other")
  func memory() async throws {
    try await withTemporaryFolder { folder in
      let cache = folder.appending("cache").appending("accelerator.json")
      let boots = folder.appending("boots")
      try AtomicFile.write("first\n", to: folder.appending("boot-id"))
      var probe = AcceleratorProbe(device: "/dev/null", bootID: folder.appending("boot-id"), override: nil)
      // Counts its boots, and runs the guest.
      probe.qemu = try fakeQEMU("echo x >> '\(boots)'; exit \(TinyGuest.success)", in: folder).string
      probe.deadline = .seconds(60)
      func count() -> Int { (try? String(contentsOfFile: boots.string, encoding: .utf8).count / 2) ?? 0 }

      #expect(try await probe.answer(cache: cache, fresh: false) == .kvm)
      #expect(try await probe.answer(cache: cache, fresh: false) == .kvm)
      // The home of a state that is yet to come has to be closed.
      var status = stat()
      #expect(stat(cache.removingLastComponent().string, &status) == 0 && status.st_mode & 0o077 == 0)
      #expect(count() == 1)
      #expect(try await probe.answer(cache: cache, fresh: true) == .kvm)
      #expect(count() == 2)
      try AtomicFile.write("second\n", to: folder.appending("boot-id"))
      #expect(try await probe.answer(cache: cache, fresh: false) == .kvm)
      #expect(count() == 3)
      try AtomicFile.write("{\"key\": 1", to: cache)
      #expect(try await probe.answer(cache: cache, fresh: false) == .kvm)
      #expect(count() == 4)
      _ = try fakeQEMU("exit 1", in: folder, version: "8.0")
      #expect(try await probe.answer(cache: cache, fresh: false).name == "tcg")
      #expect(try await probe.answer(cache: cache, fresh: false).name == "tcg")
    }
  }

  @Test("an answer that can't be remembered is still an answer")
  func unwritableCache() async throws {
    try await withTemporaryFolder { folder in
      try AtomicFile.write("", to: folder.appending("file"))
      var probe = AcceleratorProbe(device: "/dev/null", override: nil)
      probe.qemu = try fakeQEMU("exit \(TinyGuest.success)", in: folder).string
      probe.deadline = .seconds(60)
      let cache = folder.appending("file").appending("cache.json")
      #expect(try await probe.answer(cache: cache, fresh: false) == .kvm)
    }
  }

  /// KVM that opens here, and hangs or aborts every guest, is the very thing that the probe is for. Where KVM is well,
  /// the same test says so: what the probe answers is what a guest does.
  @Test(
    "the probe agrees with what a guest does under this machine's KVM, with every processor model",
    .timeLimit(.minutes(10)))
  func thisMachine() async throws {
    let answer = try await Accelerator.probe(cache: nil)
    guard access("/dev/kvm", R_OK | W_OK) == 0 else {
      #expect(answer.name == "tcg")
      return
    }
    var probe = AcceleratorProbe()
    let again = try await probe.boot(accelerator: "kvm")
    #expect((answer == .kvm) == (again == nil), "\(answer), and then \(again ?? "it runs")")
    // With a model that QEMU doesn't abort with, a guest may hang, or run for as long as it is tiny. With a model that is
    // fine, every lesser one is.
    probe.processor = "qemu64"
    let plain = try await probe.boot(accelerator: "kvm")
    #expect(answer != .kvm || plain == nil, "\(answer) with the processor model max, \(plain ?? "runs") with qemu64")
    // Nothing of it is left; only this test boots that model under KVM.
    #expect(try await Command("pgrep", ["-f", "accel kvm -cpu qemu6[4].*cpbuild-probe"]).output().status == 1)
  }

  @Test("processors are told apart by vendor, family, model, stepping and name")
  func processor() {
    let text =
      "processor\t: 0\nvendor_id\t: V\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: A B\nstepping\t: 2\ncpu MHz\t: 9\n\nvendor_id\t: W\n"
    #expect(AcceleratorProbe.processorModel(text) == "V 25 1 A B 2")
    #expect(AcceleratorProbe.processorModel("") == "")
  }

  private func fakeQEMU(_ script: String, in folder: FilePath, version: String = "7.2") throws -> FilePath {
    let path = folder.appending("qemu")
    let text = "#!/bin/sh\n# version \(version)\n\(script)\n"
    try AtomicFile.write(text, to: path, mode: 0o755)
    return path
  }
}
