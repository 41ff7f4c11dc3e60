import Foundation

/// An http or https URL that may be fetched, and shown.
struct HTTPAddress: Hashable, Sendable, CustomStringConvertible {
  let url: URL

  /// Without the query, where signed URLs carry their secrets.
  var description: String {
    let text = url.absoluteString
    return text.firstIndex(of: "?").map { String(text[..<$0]) } ?? text
  }

  /// What the publisher calls the file.
  var fileName: String { url.lastPathComponent }

  var isEncrypted: Bool { url.scheme?.lowercased() == "https" }

  /// - Throws: ``BaseError/badURL(_:reason:)``.
  init(_ text: String) throws(BaseError) {
    guard let url = URL(string: text), let scheme = url.scheme?.lowercased(), url.host()?.isEmpty == false else {
      throw .badURL(Self.shown(text), reason: "it isn't a URL")
    }
    guard scheme == "http" || scheme == "https" else {
      throw .badURL(Self.shown(text), reason: "only http and https can be fetched; give another file's path instead")
    }
    guard url.user() == nil, url.password() == nil else {
      throw .badURL(Self.shown(text), reason: "it holds a password, which would end up in logs and manifests")
    }
    self.url = url
  }

  /// Where a redirection from here leads.
  ///
  /// - Throws: ``BaseError/badURL(_:reason:)``; an encrypted address leads to encrypted ones only, since a list of
  ///   checksums is worth what its way here is worth.
  func following(_ location: String) throws(BaseError) -> HTTPAddress {
    guard let url = URL(string: location, relativeTo: url)?.absoluteURL else {
      throw .badURL(description, reason: "the server redirects to what isn't a URL")
    }
    let next = try HTTPAddress(url.absoluteString)
    guard next.isEncrypted || !isEncrypted else {
      throw .badURL(description, reason: "the server redirects to \(next), which isn't encrypted")
    }
    return next
  }

  /// What may be said of a URL that can't be used: neither its query nor a password in it.
  private static func shown(_ text: String) -> String {
    let start = text.prefix { $0 != "?" }.prefix(300)
    guard let at = start.lastIndex(of: "@"), let slashes = start.range(of: "//") else { return String(start) }
    return at > slashes.upperBound
      ? String(start[..<slashes.upperBound] + start[start.index(after: at)...]) : String(start)
  }
}
