import SystemPackage

/// Which accelerator runs a guest, found by running one.
struct AcceleratorCheck: Check {
  let name = "accelerator"
  let cache: FilePath
  var fresh = false

  func examine() async -> Finding {
    do {
      switch try await Accelerator.probe(cache: cache, fresh: fresh) {
      case .kvm:
        return .ok("KVM")
      case .tcg(let reason):
        return .warning(
          "none, so guests run in software (TCG): \(reason)",
          remedy: "all works, but some ten times slower; use a machine, or a nested one, whose KVM runs guests, "
            + "and then 'cpbuild doctor --fresh'")
      }
    } catch {
      return .failure("\(error)", remedy: "install what is missing, or correct the setting")
    }
  }
}
