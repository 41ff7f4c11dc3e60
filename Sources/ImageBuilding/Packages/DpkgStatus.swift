/// What dpkg says is installed: `/var/lib/dpkg/status`, read (dpkg(1), deb822(5)).
public struct DpkgStatus: Equatable, Sendable {
  /// Sorted by name, then architecture.
  public let packages: [Package]

  /// Where dpkg keeps it.
  static let path = "/var/lib/dpkg/status"

  /// One package that dpkg knows about, in whatever state.
  public struct Package: Hashable, Codable, Sendable {
    public let name: String
    /// Empty for a package of which only the configuration is left, where dpkg dropped it.
    public let version: String
    public let architecture: String
    /// dpkg's three words: what is wanted, the error flag, and the state, such as "install ok installed".
    public let status: String
    /// The source package, where it has another name or version: "openssl" or "glibc (2.36-9)".
    public let source: String?
    /// Name and mail address of who maintains it.
    public let maintainer: String?
    /// In KiB, as the package's maker estimated it.
    public let installedSize: Int?

    /// Unpacked, configured and in working order.
    public var isInstalled: Bool { status.hasSuffix(" ok installed") }
  }

  /// Reads the bytes of a status file.
  ///
  /// - Throws: ``PackageError/badStatus(reason:)`` when a paragraph isn't one that dpkg would write.
  public init(_ bytes: [UInt8]) throws {
    packages = try ControlStanza.parse(bytes).enumerated().map { index, stanza in
      guard let name = stanza["Package"], let status = stanza["Status"],
        PackageName(name) != nil, status.split(separator: " ").count == 3
      else {
        throw PackageError.badStatus(reason: "paragraph \(index + 1) has no valid Package and Status")
      }
      return Package(
        name: name, version: stanza["Version"] ?? "", architecture: stanza["Architecture"] ?? "all", status: status,
        source: stanza["Source"], maintainer: stanza["Maintainer"],
        installedSize: stanza["Installed-Size"].flatMap { Int($0) })
    }.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
  }

  /// Those that are installed.
  public var installed: [Package] { packages.filter(\.isInstalled) }

  /// The architecture of this system: that of its dpkg.
  ///
  /// - Throws: ``PackageError/badStatus(reason:)`` where dpkg itself isn't installed.
  public var nativeArchitecture: String {
    get throws {
      guard let dpkg = installed.first(where: { $0.name == "dpkg" }), dpkg.architecture.isArchitecture else {
        throw PackageError.badStatus(reason: "dpkg itself isn't installed, so this is no Debian or Ubuntu")
      }
      return dpkg.architecture
    }
  }
}

extension String {
  /// Looks like the name of a Debian architecture (Debian policy 11.1): lower-case letters, digits and hyphens,
  /// a letter first.
  var isArchitecture: Bool {
    guard let first = utf8.first, (0x61...0x7A).contains(first), utf8.count <= 32 else { return false }
    return utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
  }
}
