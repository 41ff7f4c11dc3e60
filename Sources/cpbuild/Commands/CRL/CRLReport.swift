import Foundation
import Launching
import Names
import State
import Trust

/// What `cpbuild crl show` prints; docs/json.md describes the document.
struct CRLReport: Encodable {
  struct Entry: Encodable {
    // Text, and sorted: so they are encoded faster, and there may be 10,000 entries.
    let authority: String
    let due: Bool
    /// Left out where no project was named.
    let entries: Int?
    let nextUpdate: String?
    let number: Int64?
    /// Left out for a root.
    let project: String?
    let severity: String
    let thisUpdate: String?
  }

  let lists: [Entry]
  /// Whether all that were due were renewed, and none is expiring or not valid.
  let ok: Bool

  /// Reads what the state holds; nil: there is none.
  ///
  /// - Parameter allowingDue: whether lists that are due are as well as others.
  static func read(
    _ state: OpenState?, _ project: ProjectID?, allowingDue: Bool = true
  ) async throws -> CRLReport {
    guard let state else {
      if let project { throw TrustKeeperError.noProject(project) }
      return CRLReport(lists: [], ok: true)
    }
    let all = try await state.trust.authorities(of: project)
    var lists: [Entry] = []
    for status in all {
      // To count the entries of all lists is to read them all, of which there may be thousands.
      let entries = project == nil ? nil : try await state.trust.entries(of: status.authority.id)
      lists.append(Entry(status, entries: entries))
    }
    let isBad = all.contains { $0.crlSeverity >= .expiring || !allowingDue && $0.isCRLDue && !$0.isRevoked }
    return CRLReport(lists: lists, ok: !isBad)
  }

  func text(width: Int?) -> String {
    guard !lists.isEmpty else { return "no CA yet, and so no revocation list\n" }
    let hasEntries = lists.contains { $0.entries != nil }
    var table = Table(
      ["CA", "PROJECT", "NUMBER", "THIS UPDATE", "NEXT UPDATE"] + (hasEntries ? ["ENTRIES"] : []) + ["STATUS"])
    for list in lists {
      table.add(
        [
          list.authority, list.project ?? "", list.number.map(String.init) ?? "", list.thisUpdate ?? "",
          list.nextUpdate ?? "",
        ] + (hasEntries ? [list.entries.map(String.init) ?? ""] : []) + [list.severity + (list.due ? ", due" : "")])
    }
    let remedy = "a list that has ended locks everybody out: renew it with 'cpbuild crl renew PROJECT' or '--all'\n"
    return table.text(width: width) + (ok ? "" : "\n" + remedy)
  }
}

extension CRLReport.Entry {
  init(_ status: AuthorityStatus, entries: Int?) {
    authority = status.name
    project = status.authority.project?.text
    number = status.authority.crlNumber
    thisUpdate = status.authority.thisUpdate.map(Moment.text)
    nextUpdate = status.authority.nextUpdate.map(Moment.text)
    self.entries = entries
    severity = status.crlSeverity.text
    due = status.isCRLDue
  }
}

extension TrustHealth.Severity {
  /// As documents have it.
  var text: String {
    switch self {
    case .ok: "ok"
    case .dueForRenewal: "dueForRenewal"
    case .expiring: "expiring"
    case .notValid: "notValid"
    }
  }
}
