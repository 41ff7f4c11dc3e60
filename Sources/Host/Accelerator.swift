public import SystemPackage

/// How virtual machines run here.
///
/// That /dev/kvm opens, and that QEMU says KVM is enabled, doesn't mean that a guest runs: under nested virtualization
/// it may abort at once or hang for ever. So the answer comes from booting something.
public enum Accelerator: Equatable, Sendable {
  /// In hardware; a guest was seen to run.
  case kvm
  /// In software, QEMU's TCG: ten or more times slower. `reason` says why KVM is out of the question.
  case tcg(reason: String)

  /// What to give QEMU's `-accel`.
  public var name: String {
    switch self {
    case .kvm: "kvm"
    case .tcg: "tcg"
    }
  }

  /// The file in the folder of caches that remembers the answer, one for all who ask.
  public static func memory(inCache cache: FilePath) -> FilePath { cache.appending("accelerator.json") }

  /// Which accelerator works on this machine.
  ///
  /// `$CPBUILD_ACCEL` (`kvm` or `tcg`) answers for itself. Otherwise a guest of a few hundred bytes is booted under KVM,
  /// which takes about 0.2 s where it works and at most three where it hangs. The answer is remembered in the file
  /// `cache` until the machine boots again, its CPU model or its QEMU changes.
  ///
  /// - Parameter cache: where to remember; nil neither reads nor writes.
  /// - Parameter fresh: boot again even if there is an answer.
  /// - Throws: ``HostError/setting(name:value:allowed:)`` for another word in `$CPBUILD_ACCEL`,
  ///   ``HostError/programMissing(program:package:)`` without QEMU, `CancellationError`.
  public static func probe(cache: FilePath?, fresh: Bool = false) async throws -> Accelerator {
    try await AcceleratorProbe().answer(cache: cache, fresh: fresh)
  }
}
