import Foundation
import Host
import Names
import Payload
public import SystemPackage
import Trust

/// The files that a user's profile goes to. They are reserved before the certificate is issued.
public struct ProfileDelivery: Sendable {
  private let profile: ReservedFile?
  private let archive: ReservedFile?

  /// - Parameters:
  ///   - out: the profile's file, if any.
  ///   - zip: the file of the archive with profile, certificate, key and CA certificate, if any.
  ///   - replacing: what is there may be replaced.
  /// - Throws: `HostError`.
  public init(out: FilePath?, zip: FilePath?, replacing: Bool) throws {
    profile = try out.map { try ReservedFile($0, replacing: replacing) }
    do {
      archive = try zip.map { try ReservedFile($0, replacing: replacing) }
    } catch {
      profile?.discard()
      throw error
    }
  }

  /// Writes both files, or neither.
  func deliver(_ made: Profile, stem: String) throws {
    if let archive {
      let files = try CredentialsBundle(made, stem: stem).files
      try archive.fill(CredentialsArchive.zip(files.map { ($0.name, $0.contents.data, $0.isPrivate) }))
    }
    try profile?.fill(made.render().data)
    try archive?.publish()
    do { try profile?.publish() } catch {
      archive?.withdraw()
      throw error
    }
  }

  /// Takes back what was delivered.
  func withdraw() {
    profile?.withdraw()
    archive?.withdraw()
  }

  /// Removes what was reserved and not delivered.
  public func discard() {
    profile?.discard()
    archive?.discard()
  }
}

extension UserName {
  /// What the user's files in an archive are called: the name, with `_` for what not every system takes in a file's.
  var fileStem: String {
    let plain = text.unicodeScalars.map { scalar in
      scalar.isASCII
        && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "._-".contains(Character(scalar)))
        ? Character(scalar) : "_"
    }
    let name = String(plain.prefix(48))
    return name.first.map { $0 == "_" || $0 == "." || $0 == "-" } ?? true ? "user" + name : name
  }
}
