public import SystemPackage

/// Says what this machine can and can't do, with the remedy.
public struct Doctor: Sendable {
  /// A check's name with its finding.
  public struct Result: Equatable, Sendable {
    public let check: String
    public let finding: Finding

    public init(check: String, finding: Finding) {
      self.check = check
      self.finding = finding
    }
  }

  private let checks: [any Check]

  public init(checks: [any Check]) { self.checks = checks }

  /// All that cpbuild needs.
  ///
  /// - Parameters:
  ///   - home: the root of all state; its cache remembers the accelerator.
  ///   - out: where artifacts land.
  ///   - freshProbe: boot a guest for the accelerator again rather than believe the last time.
  ///   - others: checks of other modules, which come last.
  public init(home: FilePath, out: FilePath, freshProbe: Bool = false, others: [any Check] = []) {
    checks =
      [
        AcceleratorCheck(cache: Accelerator.memory(inCache: home.appending("cache")), fresh: freshProbe),
        ApplianceCheck(),
      ] + ToolCheck.all + [
        DiskSpaceCheck(purpose: "state and cache", folder: home, needed: 4_000_000_000),
        DiskSpaceCheck(purpose: "artifacts", folder: out, needed: 1_000_000_000),
        DiskSpaceCheck(purpose: "temporary files", folder: Folder.temporary, needed: 2_000_000_000),
        AptSourcesCheck(), TunnelCheck(), NamespacesCheck(), SubordinateIDsCheck(), NftablesCheck(), RightsCheck(),
        ClockCheck(),
      ] + others
  }

  /// Makes every check, all at once.
  ///
  /// - Returns: the results in the order of the checks.
  public func examine() async -> [Result] {
    await withTaskGroup(of: (Int, Result).self) { group in
      for (index, check) in checks.enumerated() {
        group.addTask { (index, Result(check: check.name, finding: await check.examine())) }
      }
      var results: [(Int, Result)] = []
      for await result in group { results.append(result) }
      return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }
}
