import Foundation

/// A service's refusal, made an error that says what to do.
enum Refusal {
  /// The statuses after which the same may work a moment later.
  static func isPassing(_ status: Int) -> Bool { [408, 429, 500, 502, 503, 504].contains(status) }
  /// Those of them that say that nothing was done, so that even a POST may be made again.
  static func isUndone(_ status: Int) -> Bool { status == 429 || status == 503 }

  static func error(_ answer: APIAnswer, hiding secrets: [String]) -> OpenStackError {
    let (doing, status) = (answer.doing, answer.status)
    let why = reason(answer, hiding: secrets)
    // Nova says 403 of a quota, Neutron 409, Glance 413.
    if [403, 409, 413].contains(status), isQuota(why, answer.body) { return .quota(doing: doing, why: why) }
    switch status {
    case 300...399:
      let place = answer.header("Location").map {
        "it is at \($0.prefix(200)), which the catalog or auth_url should say"
      }
      return .refused(doing: doing, status: status, why: place ?? why)
    case 403: return .forbidden(doing: doing, why: why)
    case 404, 410: return .notFound(doing: doing, why: why)
    case 409: return .conflict(doing: doing, why: why)
    case 413: return .tooLarge(doing: doing, why: why)
    case 429: return .rateLimited(doing: doing, why: why)
    case 500...: return .unavailable(doing: doing, status: status, why: why)
    default: return .refused(doing: doing, status: status, why: why)
    }
  }

  private static func isQuota(_ why: String, _ body: Data) -> Bool {
    why.lowercased().contains("quota") || String(decoding: body.prefix(4096), as: UTF8.self).contains("OverQuota")
  }

  /// What the service says, as one line: each writes it in a way of its own.
  static func reason(_ answer: APIAnswer, hiding secrets: [String]) -> String {
    let object = try? JSONSerialization.jsonObject(with: answer.body)
    var text = message(in: object) ?? plain(String(decoding: answer.body.prefix(4096), as: UTF8.self))
    for secret in secrets where secret.utf8.count >= 4 { text = text.replacing(secret, with: "…") }
    let line = text.split { $0.isWhitespace || $0.isNewline }.joined(separator: " ")
    return line.isEmpty ? "it gave no reason" : String(line.prefix(400))
  }

  private static func message(in object: Any?, depth: Int = 0) -> String? {
    guard depth < 6 else { return nil }
    if let list = object as? [Any] { return list.lazy.compactMap { message(in: $0, depth: depth + 1) }.first }
    guard let mapping = object as? [String: Any] else { return nil }
    for key in ["message", "detail", "faultstring"] {
      if let text = mapping[key] as? String, !text.isEmpty { return text }
    }
    for key in mapping.keys.sorted() {
      if let text = mapping[key] as? String, key == "NeutronError" { return text }
      if let text = message(in: mapping[key], depth: depth + 1) { return text }
    }
    return nil
  }

  /// A page's text without its markup.
  private static func plain(_ text: String) -> String {
    text.replacing(/<(head|title|style)>.*?<\/\1>/.dotMatchesNewlines(), with: "").replacing(/<[^>]*>/, with: " ")
  }
}
