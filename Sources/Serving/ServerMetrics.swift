import Foundation
import Names
import State

/// What there is and how it is, in Prometheus's text format.
struct ServerMetrics {
  let state: StateStore
  let counts: RequestCounts

  func text() async throws -> String {
    let (authorities, instances) = try await state.read { transaction in
      (try transaction.authorities.overview(), try transaction.instances.all())
    }
    var lines: [String] = []
    func add(_ name: String, _ type: String, _ help: String, _ values: [(labels: String, value: Int64)]) {
      lines += ["# HELP \(name) \(help)", "# TYPE \(name) \(type)"]
      lines += values.map { "\(name){\($0.labels)} \($0.value)" }
    }
    // Project ids hold nothing that would have to be escaped.
    let crls = authorities.filter { $0.stage == .active && $0.crlNumber != nil }
    func label(_ project: ProjectID?) -> String { "project=\"\(project?.text ?? "")\"" }
    add(
      "cpbuild_crl_number", "gauge", "Number of the newest CRL; the root's has no project.",
      crls.map { (label($0.project), $0.crlNumber ?? 0) })
    add(
      "cpbuild_crl_next_update_seconds", "gauge", "When the newest CRL ends, in seconds since 1970.",
      crls.map { (label($0.project), Int64($0.nextUpdate?.timeIntervalSince1970 ?? 0)) })
    add(
      "cpbuild_instances", "gauge", "Cloudpipes, by the state that was seen last.",
      InstanceState.allCases.map { state in
        ("state=\"\(state.rawValue)\"", Int64(instances.count { $0.state == state }))
      })
    add(
      "cpbuild_crl_requests_total", "counter", "CRLs that were asked for.",
      counts.all.map { ("status=\"\($0.status)\"", Int64($0.count)) })
    return lines.joined(separator: "\n") + "\n"
  }
}
