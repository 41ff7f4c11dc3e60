public import Foundation
import Host

/// What is in an image, as an SPDX 2.3 document (spdx.github.io/spdx-spec/v2.3): one package for each that dpkg has
/// installed.
public struct SoftwareBill: Sendable {
  /// The JSON document, the same bytes for the same input.
  public let json: Data

  /// - Parameters:
  ///   - imageID: names the document.
  ///   - status: what the finished image has installed.
  ///   - release: the distribution in it.
  ///   - created: when; the build's SOURCE_DATE_EPOCH.
  ///   - toolVersion: of cpbuild.
  /// - Throws: `EncodingError`, never in practice.
  public init(
    imageID: String, status: DpkgStatus, release: OSRelease, created: Date, toolVersion: String
  ) throws {
    let image = Package(
      spdxID: "SPDXRef-Image", name: imageID, versionInfo: imageID, supplier: "NOASSERTION",
      primaryPackagePurpose: "OPERATING-SYSTEM", sourceInfo: nil, externalRefs: nil)
    let packages = status.installed.map { Self.package($0, release: release) }
    let document = Document(
      name: imageID,
      // A UUID-like part that depends on the content keeps the namespace unique (section 6.5).
      documentNamespace: "https://spdx.org/spdxdocs/\(imageID)-\(Self.fingerprint(of: status, imageID: imageID))",
      creationInfo: .init(
        created: created.formatted(.iso8601), creators: ["Tool: cpbuild-\(toolVersion)"]),
      packages: [image] + packages,
      relationships: [
        .init(spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: image.spdxID)
      ]
        + packages.map {
          .init(spdxElementId: image.spdxID, relationshipType: "CONTAINS", relatedSpdxElement: $0.spdxID)
        })
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    json = try encoder.encode(document) + Data("\n".utf8)
  }

  private static func package(_ package: DpkgStatus.Package, release: OSRelease) -> Package {
    Package(
      spdxID: "SPDXRef-Package-\(identifier(package.name))-\(identifier(package.architecture))", name: package.name,
      versionInfo: package.version, supplier: supplier(package.maintainer), primaryPackagePurpose: nil,
      sourceInfo: "built from the source package \(package.source ?? package.name)",
      externalRefs: [
        .init(
          referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl(package, release: release)
        )
      ])
  }

  /// package-url's type "deb": pkg:deb/<vendor>/<name>@<version>?arch=…&distro=…
  private static func purl(_ package: DpkgStatus.Package, release: OSRelease) -> String {
    let distribution = release.codename.map { "&distro=\(escaped($0))" } ?? ""
    return "pkg:deb/\(escaped(release.id))/\(escaped(package.name))@\(escaped(package.version))"
      + "?arch=\(escaped(package.architecture))\(distribution)"
  }

  /// "Name <mail>" as SPDX writes it (section 7.5). A list of maintainers is an organization's.
  private static func supplier(_ maintainer: String?) -> String {
    guard let maintainer, let start = maintainer.firstIndex(of: "<"), maintainer.last == ">" else {
      return "NOASSERTION"
    }
    let name = maintainer[..<start].split(whereSeparator: \.isWhitespace).joined(separator: " ")
    let mail = maintainer[maintainer.index(after: start)...].dropLast()
    return name.isEmpty || mail.isEmpty ? "NOASSERTION" : "Organization: \(name) (\(mail))"
  }

  /// SPDX identifiers have letters, digits, '.' and '-' only (section 7.2); a '+' must not become a "-".
  private static func identifier(_ text: String) -> String {
    text.map {
      $0 == "+" ? ".plus." : $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".") ? "\($0)" : "-"
    }
    .joined()
  }

  private static func escaped(_ text: String) -> String {
    let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_~".utf8)
    return text.utf8.map { byte in
      plain.contains(byte)
        ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }.joined()
  }

  private static func fingerprint(of status: DpkgStatus, imageID: String) -> Substring {
    Digest.sha256(
      imageID + "\n" + status.installed.map { "\($0.name) \($0.version) \($0.architecture)\n" }.joined()
    ).hex.prefix(32)
  }
}

extension SoftwareBill {
  private struct Document: Encodable {
    let spdxVersion = "SPDX-2.3"
    let dataLicense = "CC0-1.0"
    let spdxID = "SPDXRef-DOCUMENT"
    let name: String
    let documentNamespace: String
    let creationInfo: CreationInfo
    let packages: [Package]
    let relationships: [Relationship]

    enum CodingKeys: String, CodingKey {
      case spdxVersion, dataLicense, name, documentNamespace, creationInfo, packages, relationships
      case spdxID = "SPDXID"
    }
  }

  private struct CreationInfo: Encodable {
    let created: String
    let creators: [String]
  }

  private struct Package: Encodable {
    let spdxID: String
    let name: String
    let versionInfo: String
    let supplier: String
    let primaryPackagePurpose: String?
    let sourceInfo: String?
    let externalRefs: [ExternalReference]?
    let downloadLocation = "NOASSERTION"
    let filesAnalyzed = false
    let licenseConcluded = "NOASSERTION"
    let licenseDeclared = "NOASSERTION"
    let copyrightText = "NOASSERTION"

    enum CodingKeys: String, CodingKey {
      case name, versionInfo, supplier, primaryPackagePurpose, sourceInfo, externalRefs, downloadLocation
      case filesAnalyzed, licenseConcluded, licenseDeclared, copyrightText
      case spdxID = "SPDXID"
    }
  }

  private struct ExternalReference: Encodable {
    let referenceCategory: String
    let referenceType: String
    let referenceLocator: String
  }

  private struct Relationship: Encodable {
    let spdxElementId: String
    let relationshipType: String
    let relatedSpdxElement: String
  }
}
