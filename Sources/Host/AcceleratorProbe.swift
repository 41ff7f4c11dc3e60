import Foundation
import Glibc
import SystemPackage

/// Finds the accelerator; its parts are variables so that tests can play other machines.
struct AcceleratorProbe: Sendable {
  /// The KVM device.
  var device = FilePath("/dev/kvm")
  /// The kernel's name for this boot of it (random(4)).
  var bootID = FilePath("/proc/sys/kernel/random/boot_id")
  /// `$CPBUILD_ACCEL`.
  var override = ProcessInfo.processInfo.environment["CPBUILD_ACCEL"]
  var qemu = "qemu-system-x86_64"
  /// `max` has all that the host offers under KVM, and is what libguestfs asks for.
  var processor = "max"
  /// A guest that hasn't finished by then never will: it needs 0.2 s even in software.
  var deadline = Duration.seconds(3)

  /// What was found once, and on what.
  struct Memory: Codable, Equatable {
    struct Key: Codable, Equatable {
      var boot: String
      var processor: String
      var qemu: String
    }
    var key: Key
    /// Why KVM doesn't work; nil when it does.
    var reason: String?
  }

  func answer(cache: FilePath?, fresh: Bool) async throws -> Accelerator {
    switch override {
    case "kvm": return .kvm
    case "tcg": return .tcg(reason: "$CPBUILD_ACCEL says so")
    case nil, "": break
    case .some(let value):
      throw HostError.setting(name: "$CPBUILD_ACCEL", value: value, allowed: "kvm or tcg")
    }
    if let obstacle { return .tcg(reason: obstacle) }
    let key = try key()
    if let cache, !fresh, let memory = Self.recall(cache), memory.key == key { return Self.accelerator(memory) }
    let memory = Memory(key: key, reason: try await boot(accelerator: "kvm"))
    // An answer that can't be remembered is still right, and is found again next time.
    if let cache { try? Self.remember(memory, in: cache) }
    return Self.accelerator(memory)
  }

  /// What rules KVM out before any boot; nil when nothing does.
  private var obstacle: String? {
    #if !arch(x86_64)
      return "this machine isn't x86-64, and cloudpipe images are"
    #else
      let descriptor = open(device.string, O_RDWR | O_CLOEXEC)
      if descriptor >= 0 {
        close(descriptor)
        return nil
      }
      switch errno {
      case ENOENT: return "there is no \(device)"
      case EACCES, EPERM: return "this user may not open \(device): add them to the group kvm and log in again"
      case let code: return "\(device) doesn't open: \(String(cString: strerror(code)))"
      }
    #endif
  }

  /// Boots the tiny guest.
  ///
  /// - Returns: why it didn't run; nil when it did.
  func boot(accelerator: String) async throws -> String? {
    let folder = try Folder.makeTemporary("cpbuild-probe")
    defer { try? Folder.remove(folder) }
    let guest = folder.appending("guest")
    try AtomicFile.write(TinyGuest.bytes, to: guest, mode: 0o600)
    // A QEMU that aborts, as it does when KVM refuses an MSR, isn't to leave a core file behind.
    let command = Command(
      "prlimit",
      [
        "--core=0", try Program.find(qemu).string, "-nodefaults", "-no-user-config", "-display", "none", "-net", "none",
        "-m", "16", "-smp", "1", "-no-reboot", "-accel", accelerator, "-cpu", processor,
        "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-kernel", guest.string,
      ], folder: folder)
    guard let output = try await Self.within(deadline, { try await command.output() }) else {
      return "a guest under KVM hangs"
    }
    if output.status == TinyGuest.success { return nil }
    let lines = output.stderrTail.split(separator: "\n").filter { !$0.contains("warning:") }
    return "a guest under KVM fails: \(lines.first.map(String.init) ?? "QEMU ended with status \(output.status)")"
  }

  /// What `work` gives, or nil when it was cancelled at the deadline.
  private static func within<Result: Sendable>(
    _ deadline: Duration, _ work: @escaping @Sendable () async throws -> Result
  ) async throws -> Result? {
    try await withThrowingTaskGroup(of: Result?.self) { group in
      group.addTask {
        do { return try await work() } catch is CancellationError { return nil }
      }
      group.addTask {
        try? await Task.sleep(for: deadline)
        return nil
      }
      defer { group.cancelAll() }
      let result = try await group.next() ?? nil
      try Task.checkCancellation()
      return result
    }
  }

  private func key() throws -> Memory.Key {
    Memory.Key(
      boot: Self.text(bootID), processor: Self.processorModel(Self.text("/proc/cpuinfo")),
      qemu: try Program.identity(qemu))
  }

  /// Vendor, family, model, stepping and name of the first processor in the text of /proc/cpuinfo.
  static func processorModel(_ cpuinfo: String) -> String {
    let wanted: Set = ["vendor_id", "cpu family", "model", "model name", "stepping"]
    let first = cpuinfo.split(separator: "\n\n", maxSplits: 1).first ?? ""
    return first.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      return parts.count == 2 && wanted.contains(parts[0]) ? parts[1] : nil
    }.joined(separator: " ")
  }

  private static func text(_ path: FilePath) -> String {
    ((try? String(contentsOfFile: path.string, encoding: .utf8)) ?? "").trimmingCharacters(in: .newlines)
  }

  private static func recall(_ cache: FilePath) -> Memory? {
    guard let data = try? Data(contentsOf: URL(filePath: cache.string)), data.count < 65536 else { return nil }
    return try? JSONDecoder().decode(Memory.self, from: data)
  }

  private static func remember(_ memory: Memory, in cache: FilePath) throws {
    // May be the first folder of a new home, which is closed to others.
    try Folder.make(cache.removingLastComponent(), mode: 0o700)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(try encoder.encode(memory), to: cache)
  }

  private static func accelerator(_ memory: Memory) -> Accelerator {
    memory.reason.map { .tcg(reason: $0) } ?? .kvm
  }
}
