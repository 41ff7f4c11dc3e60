import Host

/// What `cpbuild doctor` prints; docs/json.md describes the document.
struct DoctorReport: Encodable {
  struct Entry: Encodable {
    let name: String
    let status: Finding.Status
    let found: String
    /// Left out when all is well.
    let remedy: String?
  }

  /// Whether all that is needed is there.
  let ok: Bool
  let checks: [Entry]

  init(_ results: [Doctor.Result]) {
    checks = results.map {
      Entry(name: $0.check, status: $0.finding.status, found: $0.finding.found, remedy: $0.finding.remedy)
    }
    ok = !checks.contains { $0.status == .failure }
  }

  /// For people: a table, the remedies, and the verdict.
  func text(width: Int?) -> String {
    var table = Table(["STATUS", "CHECK", "FOUND"])
    for check in checks { table.add([check.status.rawValue, check.name, check.found]) }
    let remedies = checks.compactMap { check in check.remedy.map { "\(check.name): \($0)\n" } }
    let failures = checks.count { $0.status == .failure }
    let verdict =
      failures == 0 ? "all that is needed is there\n" : "\(failures) of \(checks.count) checks failed\n"
    return table.text(width: width) + "\n" + (remedies.isEmpty ? "" : remedies.joined() + "\n") + verdict
  }
}
