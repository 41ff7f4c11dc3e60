/// Where a CA's revocation list can be fetched: an http or https URI for the CRL distribution point extension.
///
/// OpenVPN doesn't fetch it; it is for the instance's refresher and for whoever else checks these certificates. Plain http
/// is usual and fine, since the list is signed. It stands in every certificate for all to read, so that it takes no user name
/// and password; a query and a fragment would come before what is appended to it.
public struct CRLLocation: Hashable, Sendable, CustomStringConvertible {
  /// The URI as it stands in certificates.
  public let uri: String

  /// - Throws: `TrustError.valueRefused` unless it is an http or https URI of at most 1024 visible ASCII characters
  ///   without user information, query and fragment; the error doesn't hold it.
  public init(_ uri: String) throws {
    let prefix = ["http://", "https://"].first { uri.lowercased().hasPrefix($0) }
    guard let prefix, uri.utf8.count > prefix.utf8.count else {
      throw TrustError.valueRefused(field: "CRL location", reason: "it is not an http or https URI")
    }
    guard uri.utf8.count <= 1024, uri.utf8.allSatisfy(ASCII.isVisible),
      !uri.contains(where: { "\"<>\\^`{|}".contains($0) })
    else {
      throw TrustError.valueRefused(
        field: "CRL location", reason: "it is too long or has characters that URIs can't have")
    }
    guard !uri.dropFirst(prefix.count).prefix(while: { $0 != "/" }).contains("@") else {
      throw TrustError.valueRefused(
        field: "CRL location", reason: "it has a user name or password, which every certificate would show")
    }
    guard !uri.contains("?"), !uri.contains("#") else {
      throw TrustError.valueRefused(field: "CRL location", reason: "it has a query ('?') or a fragment ('#')")
    }
    self.uri = uri
  }

  public var description: String { uri }
}
