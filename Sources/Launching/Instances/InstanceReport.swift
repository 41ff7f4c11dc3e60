import Foundation
import Names
import State

/// What an instance says of itself, in the lines that docs/guest.md tells of. It is a guest's word: nothing in it is
/// taken for more than text and numbers.
package struct InstanceReport {
  /// The number of the CRL that it goes by; nil where it has none.
  let crl: UInt64?
  let isVPNUp: Bool
  let sessions: [Session]

  struct Session {
    let serial: String?
    let since: Date
    let expires: Date?
    let received: UInt64
    let sent: UInt64
    let remote: String
    let address: String?
    let user: String
  }

  /// - Returns: nil when its last line isn't `end`, since it was cut then.
  package init?(_ text: String) {
    let lines = text.split(separator: "\n").map { String($0) }
    guard lines.last == "end" else { return nil }
    func words(_ kind: String) -> [[Substring]] {
      lines.filter { $0.hasPrefix("\(kind) ") }.map { $0.dropFirst(kind.count + 1).split(separator: " ") }
    }
    crl = words("crl").first?.first.flatMap { UInt64($0, radix: 16) }
    isVPNUp = words("vpn").first?.first == "up"
    sessions = lines.filter { $0.hasPrefix("session ") }.compactMap(Session.init)
  }
}

extension InstanceReport.Session {
  /// `session SERIAL SINCE EXPIRES RECEIVED SENT REAL-ADDRESS TUNNEL-ADDRESS COMMON-NAME`
  init?(_ line: String) {
    let words = line.split(separator: " ", maxSplits: 8, omittingEmptySubsequences: false).map(String.init)
    guard words.count == 9, let since = Self.date(words[2]), let received = UInt64(words[4]),
      let sent = UInt64(words[5])
    else { return nil }
    self.init(
      serial: words[1] == "-" ? nil : words[1], since: since, expires: Self.date(words[3]), received: received,
      sent: sent,
      // OpenVPN 2.7 says the transport too.
      remote: words[6].hasPrefix("udp4:") ? String(words[6].dropFirst(5)) : words[6],
      address: words[7] == "-" || words[7].isEmpty ? nil : words[7], user: words[8])
  }

  /// Seconds since 1970, within what a date may be printed as.
  private static func date(_ text: String) -> Date? {
    guard let seconds = Int64(text), (0...253_402_300_799).contains(seconds) else { return nil }
    return Date(timeIntervalSince1970: TimeInterval(seconds))
  }
}

extension CRLRefresh {
  /// What `cloudpipe-refresh-crl` printed.
  ///
  /// - Returns: nil when its first line isn't what it should be.
  package init?(_ text: String) {
    let lines = text.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 3).map(String.init) }
    guard let first = lines.first, first.count == 3, first[0] == "crl", let number = UInt64(first[1], radix: 16) else {
      return nil
    }
    self.init(
      installed: number,
      ended: lines.filter { $0.count == 4 && $0[0] == "ended" }.map { $0[3] })
  }
}
