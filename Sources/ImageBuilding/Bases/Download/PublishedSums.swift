import AsyncHTTPClient
import Foundation
import Host
import NIOCore
import NIOHTTP1
import SystemPackage

/// A publisher's list of checksums, as sha256sum(1) and sha512sum(1) write it.
struct PublishedSums: Equatable {
  /// By file name.
  let digests: [String: Digest]

  /// The largest list that is read: 1 MiB.
  static let limit = 1 << 20

  /// Reads "hash  name", "hash *name" and the BSD style "SHA256 (name) = hash"; other lines, such as a signature's, are
  /// passed over.
  init(_ text: String) {
    var digests: [String: Digest] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      guard let (name, digest) = Self.entry(line) else { continue }
      // Listed twice with different sums, a file has none.
      if let other = digests[name], other != digest {
        digests[name] = nil
        continue
      }
      digests[name] = digest
    }
    self.digests = digests
  }

  private static func entry(_ line: Substring) -> (String, Digest)? {
    if let match = line.wholeMatch(of: /SHA(?:256|512) \((.+)\) = ([0-9A-Fa-f]+)\s*/) {
      return Digest(hex: match.2).map { (plain(match.1), $0) }
    }
    guard let match = line.wholeMatch(of: /([0-9A-Fa-f]+) [ *](.+?)\s*/), let digest = Digest(hex: match.1) else {
      return nil
    }
    return (plain(match.2), digest)
  }

  private static func plain(_ name: Substring) -> String {
    name.hasPrefix("./") ? String(name.dropFirst(2)) : String(name)
  }

  /// Fetches the text of a list.
  ///
  /// - Throws: ``BaseError``, and what AsyncHTTPClient throws when the server can't be reached.
  static func fetch(_ address: HTTPAddress, patience: HTTPExchange.Patience) async throws -> String {
    try await HTTPExchange(address: address, patience: patience).run { response in
      guard response.status.code == 200 else {
        throw BaseError.http(url: address.description, status: Int(response.status.code))
      }
      do {
        return String(buffer: try await response.body.collect(upTo: limit))
      } catch is NIOTooManyBytesError {
        throw BaseError.badSums(url: address.description, reason: "it has more than \(limit) bytes")
      }
    }
  }
}
