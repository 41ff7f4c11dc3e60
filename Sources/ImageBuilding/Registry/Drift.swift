import Host

/// One way in which an image isn't what its manifest and recipe say.
public struct Drift: Sendable, Codable, Equatable {
  public enum Kind: String, Sendable, Codable, CaseIterable {
    /// A published file's checksum.
    case checksum
    /// A path that is missing, new, or of another type.
    case file
    case content, mode, owner, link, attribute, time
    /// A package that is missing, new, or of another version.
    case package
    /// A unit that starts at boot and shouldn't, or the other way round.
    case unit
    /// Something that every instance has to make for itself, or that must not be in an image at all.
    case leftover
    /// A demand of the recipe's.
    case check
  }

  public let kind: Kind
  /// What it is about: a path, a package, a unit.
  public let subject: String
  public let expected: String
  public let found: String
}

/// Finds every drift between what a manifest says and what is there.
enum DriftFinder {
  static func between(_ manifest: Manifest, _ tree: Tree, status: DpkgStatus?) -> [Drift] {
    files(manifest.files, tree.entries) + packages(manifest.packages, status)
      + units(manifest.enabledUnits, tree.enabledUnits) + leftovers(tree)
      + RecipeChecks.complaints(.init(files: manifest.checks.files, enabled: manifest.checks.enabled), tree: tree).map {
        Drift(kind: .check, subject: manifest.recipe, expected: "the recipe's checks", found: $0)
      }
  }

  private static func files(_ expected: [TreeEntry], _ found: [TreeEntry]) -> [Drift] {
    let there = Dictionary(found.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
    let known = Set(expected.map(\.path))
    let added = found.filter { !known.contains($0.path) }.map {
      Drift(kind: .file, subject: $0.path, expected: "nothing", found: "a \($0.type.rawValue)")
    }
    return expected.flatMap { old -> [Drift] in
      guard let new = there[old.path] else {
        return [Drift(kind: .file, subject: old.path, expected: "a \(old.type.rawValue)", found: "nothing")]
      }
      return old == new ? [] : differences(old, new)
    } + added
  }

  private static func differences(_ old: TreeEntry, _ new: TreeEntry) -> [Drift] {
    func drift(_ kind: Drift.Kind, _ expected: String?, _ found: String?) -> Drift? {
      expected == found
        ? nil : Drift(kind: kind, subject: old.path, expected: expected ?? "none", found: found ?? "none")
    }
    func attributes(_ entry: TreeEntry) -> String? {
      entry.attributes.map {
        $0.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.hex.prefix(12))" }.joined(separator: " ")
      }
    }
    return [
      drift(.file, old.type.rawValue, new.type.rawValue),
      drift(.content, old.digest.map { "sha256 \($0)" }, new.digest.map { "sha256 \($0)" }),
      drift(.mode, old.mode, new.mode),
      drift(.owner, "\(old.owner):\(old.group)", "\(new.owner):\(new.group)"),
      drift(.link, old.target ?? old.sameAs ?? old.device, new.target ?? new.sameAs ?? new.device),
      drift(.attribute, attributes(old), attributes(new)),
      drift(.time, "\(old.modified)", "\(new.modified)"),
    ].compactMap(\.self)
  }

  private static func packages(_ expected: [Manifest.Package], _ status: DpkgStatus?) -> [Drift] {
    guard let status else {
      return [
        Drift(kind: .package, subject: DpkgStatus.path, expected: "dpkg's status", found: "nothing that can be read")
      ]
    }
    func versions(_ packages: [Manifest.Package]) -> [String: String] {
      Dictionary(
        packages.map { ("\($0.name):\($0.architecture)", $0.version) }, uniquingKeysWith: { first, _ in first })
    }
    let old = versions(expected)
    let new = versions(
      status.installed.map { .init(name: $0.name, version: $0.version, architecture: $0.architecture) })
    return Set(old.keys).union(new.keys).sorted().filter { old[$0] != new[$0] }.map {
      Drift(kind: .package, subject: $0, expected: old[$0] ?? "not installed", found: new[$0] ?? "not installed")
    }
  }

  private static func units(_ expected: [String], _ found: [String]) -> [Drift] {
    Set(expected).symmetricDifference(found).sorted().map { unit in
      let was = expected.contains(unit)
      return Drift(
        kind: .unit, subject: unit, expected: was ? "enabled" : "not enabled", found: was ? "not enabled" : "enabled")
    }
  }

  /// Keys and identities, which two instances must not share.
  static func leftovers(_ tree: Tree) -> [Drift] {
    tree.entries.filter { entry in
      guard entry.type == .file else { return false }
      let path = entry.path
      return path.wholeMatch(of: /\/etc\/ssh\/ssh_host_.*_key(\.pub)?/) != nil
        || path.wholeMatch(of: /\/(root|home\/[^\/]+)\/\.ssh\/(authorized_keys|id_[^\/]*)/) != nil
        || path.wholeMatch(of: /\/etc\/openvpn\/.*\.(key|crt|pem)/) != nil
        || path == "/var/lib/systemd/random-seed" || path == "/var/lib/systemd/credential.secret"
        || (path == "/etc/machine-id" && entry.digest != .sha256(""))
    }.map { Drift(kind: .leftover, subject: $0.path, expected: "nothing that instances share", found: "a file") }
  }
}
