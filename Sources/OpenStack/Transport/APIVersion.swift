import Foundation

/// A version of a service's API, as its version document has it; services with microversions say which they know.
struct APIVersion: Sendable, Equatable {
  let id: String
  let status: String
  /// The lowest and the highest microversion; nil where there are none.
  let microversions: ClosedRange<Microversion>?
  let url: String?

  /// Reads the document at `url`: of one version, or of all, which a service answers with 300 or 200.
  static func discover(
    at url: String, _ fetch: @Sendable (String) async throws -> APIAnswer
  ) async throws -> [APIVersion] {
    let document = try await fetch(url + "/").decode(Document.self)
    return (document.versions ?? [document.version].compactMap(\.self)).map(APIVersion.init)
  }

  private init(_ entry: Document.Entry) {
    id = entry.id
    status = entry.status ?? ""
    url = entry.links?.first { $0.rel == "self" }?.href
    let low = (entry.minVersion ?? entry.version).flatMap(Microversion.init)
    let high = (entry.version ?? entry.maxVersion).flatMap(Microversion.init)
    if let low, let high, low <= high { microversions = low...high } else { microversions = nil }
  }

  private struct Document: Decodable {
    struct Link: Decodable {
      let rel: String
      let href: String
    }
    struct Entry: Decodable {
      let id: String
      let status: String?
      let minVersion: String?
      let version: String?
      let maxVersion: String?
      let links: [Link]?
    }
    let versions: [Entry]?
    let version: Entry?
  }
}

/// Such as 2.72.
struct Microversion: Comparable, Sendable, CustomStringConvertible {
  let major: Int
  let minor: Int

  init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  init?(_ text: String) {
    let parts = text.split(separator: ".")
    guard parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]) else { return nil }
    self.init(major, minor)
  }

  var description: String { "\(major).\(minor)" }

  static func < (left: Self, right: Self) -> Bool { (left.major, left.minor) < (right.major, right.minor) }
}
