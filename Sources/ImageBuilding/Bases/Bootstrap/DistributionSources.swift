import Foundation
import Host
import SystemPackage

/// The apt sources of this host that are the distribution's own, as those of a system to be.
enum DistributionSources {
  /// Leaves third parties' out, and what of the distribution isn't needed.
  ///
  /// A source is the distribution's when its suite is, it has `main`, and its key is the archive's. One without a key of
  /// its own has to look like the archive; what it turns out to be is checked once it was fetched.
  ///
  /// - Parameter host: as ``GuestPackages/read(from:)`` found it.
  /// - Throws: ``BaseError/noDistributionSource(system:skipped:)``.
  static func choose(from host: GuestPackages, for distribution: Distribution) throws(BaseError) -> GuestPackages {
    var chosen = host
    chosen.sources = []
    for source in host.sources {
      if let reason = reasonAgainst(source, distribution) {
        chosen.skippedSources.append("\(source.origin): \(reason)")
        continue
      }
      var source = source
      source.suites = source.suites.filter(distribution.suites.contains)
      source.components = source.components.filter(distribution.components.contains)
      chosen.sources.append(source)
    }
    guard chosen.sources.contains(where: { $0.suites.contains(distribution.codename) }) else {
      throw .noDistributionSource(system: distribution.prettyName, skipped: chosen.skippedSources)
    }
    chosen.status = []
    chosen.foreignArchitectures = []
    chosen.extendedStates = []
    // init-system-helpers wants "usrmerge | usr-is-merged". The first one moves an old system's files and needs all of
    // perl for it; a new system is merged from the start.
    chosen.preferences = [Array("Package: usrmerge\nPin: release *\nPin-Priority: -1\n".utf8)]
    return chosen
  }

  private static func reasonAgainst(_ source: AptSource, _ distribution: Distribution) -> String? {
    guard source.suites.contains(where: distribution.suites.contains) else {
      return "\(source.suites.joined(separator: " ")) isn't \(distribution.codename) or its updates"
    }
    guard source.components.contains("main") else { return "it has no component 'main'" }
    switch source.signedBy {
    case .files(let paths):
      let isArchive = paths.allSatisfy { path in
        path.lastComponent?.string.hasPrefix(distribution.keyringPrefix) == true
      }
      return isArchive ? nil : "its key isn't that of \(distribution.origin)'s archive"
    case .trustedKeys:
      return looksLikeArchive(source.location, distribution)
        ? nil : "its URI isn't an archive of \(distribution.origin)"
    case .fingerprints, .embedded:
      return "its key isn't that of \(distribution.origin)'s archive"
    }
  }

  /// Mirrors of the archive end in "/debian", "/debian-security", "/ubuntu".
  private static func looksLikeArchive(_ location: AptSource.Location, _ distribution: Distribution) -> Bool {
    let uris: [String] =
      switch location {
      case .uri(let uri): [uri]
      case .mirrors(let uris): uris
      case .mirrorList: []
      }
    return !uris.isEmpty
      && uris.allSatisfy { uri in
        let last = uri.split(separator: "/").last ?? ""
        return last == distribution.id || last.hasPrefix("\(distribution.id)-")
      }
  }

  /// The text of a `.sources` file for the new system (sources.list(5)): the same places, each with the archive's own
  /// key, without passwords.
  static func text(of chosen: GuestPackages, for distribution: Distribution) -> String {
    chosen.sources.map { source in
      let uri: String =
        switch source.location {
        case .uri(let uri): uri
        case .mirrors(let uris): uris.first ?? ""
        case .mirrorList: ""
        }
      return """
        Types: deb
        URIs: \(AptComplaint.withoutPassword(uri))
        Suites: \(source.suites.joined(separator: " "))
        Components: \(source.components.joined(separator: " "))
        Signed-By: \(distribution.keyring)

        """
    }.joined(separator: "\n")
  }

  /// One of them is reached over TLS.
  static func usesTLS(_ chosen: GuestPackages) -> Bool {
    chosen.sources.contains { source in
      switch source.location {
      case .uri(let uri): uri.lowercased().hasPrefix("https:")
      case .mirrors(let uris): uris.first?.lowercased().hasPrefix("https:") == true
      case .mirrorList: false
      }
    }
  }
}
