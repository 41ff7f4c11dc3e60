import Foundation
import Testing

@testable import ImageBuilding

@Suite struct SoftwareBillTests {
  private static let status = """
    Package: dpkg
    Status: install ok installed
    Maintainer: Dpkg Developers <debian-dpkg@lists.debian.org>
    Architecture: amd64
    Version: 1.21.22

    Package: libstdc++6
    Status: install ok installed
    Maintainer: nobody
    Architecture: amd64
    Source: gcc-12 (12.2.0-14)
    Version: 1:12.2.0-14+b1

    Package: libstdc--6
    Status: install ok installed
    Architecture: amd64
    Version: 1

    Package: gone
    Status: deinstall ok config-files
    Architecture: amd64
    Version: 1
    """

  private static func bill() throws -> SoftwareBill {
    try SoftwareBill(
      imageID: "ami-0123456789abcdef0", status: DpkgStatus(Array(status.utf8)),
      release: OSRelease(Array("ID=debian\nVERSION_CODENAME=bookworm\n".utf8)),
      created: Date(timeIntervalSince1970: 1_700_000_000), toolVersion: "1.0")
  }

  @Test("the bill has what SPDX 2.3 demands of a document and its packages")
  func valid() throws {
    let document = try #require(try JSONSerialization.jsonObject(with: Self.bill().json) as? [String: Any])
    // Sections 6.1 to 6.5, 6.8 and 6.9.
    #expect(document["spdxVersion"] as? String == "SPDX-2.3" && document["dataLicense"] as? String == "CC0-1.0")
    #expect(
      document["SPDXID"] as? String == "SPDXRef-DOCUMENT" && document["name"] as? String == "ami-0123456789abcdef0")
    let namespace = try #require(document["documentNamespace"] as? String)
    #expect(URL(string: namespace)?.scheme == "https" && !namespace.contains("#"))
    let creation = try #require(document["creationInfo"] as? [String: Any])
    #expect(creation["created"] as? String == "2023-11-14T22:13:20Z")
    #expect(creation["creators"] as? [String] == ["Tool: cpbuild-1.0"])

    // Sections 7.1, 7.2, 7.5, 7.7, 7.8, 7.13, 7.15, 7.17 and 7.21.
    let packages = try #require(document["packages"] as? [[String: Any]])
    #expect(packages.count == 4)
    for package in packages {
      let identifier = try #require(package["SPDXID"] as? String)
      #expect(identifier.wholeMatch(of: /SPDXRef-[A-Za-z0-9.-]+/) != nil)
      for key in ["name", "versionInfo", "downloadLocation", "licenseConcluded", "licenseDeclared", "copyrightText"] {
        #expect((package[key] as? String)?.isEmpty == false, "\(identifier) lacks \(key)")
      }
      #expect(package["filesAnalyzed"] as? Bool == false)
      let supplier = try #require(package["supplier"] as? String)
      #expect(supplier == "NOASSERTION" || supplier.wholeMatch(of: /Organization: .+ \(.+@.+\)/) != nil)
    }
    let identifiers = packages.compactMap { $0["SPDXID"] as? String }
    #expect(Set(identifiers).count == identifiers.count)

    let locators = packages.flatMap { $0["externalRefs"] as? [[String: String]] ?? [] }.compactMap {
      $0["referenceLocator"]
    }
    #expect(locators.contains("pkg:deb/debian/libstdc%2B%2B6@1%3A12.2.0-14%2Bb1?arch=amd64&distro=bookworm"))
    #expect(!locators.contains { $0.contains("gone") })

    // Section 11: every element named exists, and the document describes something.
    let relationships = try #require(document["relationships"] as? [[String: String]])
    let known = Set(identifiers + ["SPDXRef-DOCUMENT"])
    for relationship in relationships {
      #expect(
        known.contains(relationship["spdxElementId"] ?? "") && known.contains(relationship["relatedSpdxElement"] ?? ""))
    }
    #expect(relationships.count { $0["relationshipType"] == "DESCRIBES" } == 1)
    #expect(relationships.count { $0["relationshipType"] == "CONTAINS" } == 3)
  }

  @Test("the same image has the same bill, to the byte")
  func deterministic() throws { #expect(try Self.bill().json == Self.bill().json) }
}
