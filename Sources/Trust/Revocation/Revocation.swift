public import Foundation

/// One revoked certificate, as it stands in a CRL.
public struct Revocation: Hashable, Sendable {
  public let serial: SerialNumber
  /// Since when it isn't trusted; whole seconds are kept.
  public let revokedAt: Date
  public let reason: RevocationReason

  public init(serial: SerialNumber, revokedAt: Date, reason: RevocationReason = .unspecified) {
    self.serial = serial
    self.revokedAt = revokedAt
    self.reason = reason
  }
}

extension Revocation {
  /// Whether the next CRL still has to list this revocation.
  ///
  /// An entry may go once it has stood on a CRL that was issued after its certificate expired (RFC 5280, §3.3): until
  /// then, somebody with a slow clock could take the certificate for valid.
  /// - Parameters:
  ///   - expires: the end of the revoked certificate (its notAfter).
  ///   - latest: when the newest CRL that lists it was issued (its thisUpdate); nil when none does yet.
  public static func mustBeListed(certificateExpires expires: Date, latestListing latest: Date?) -> Bool {
    guard let latest else { return true }
    return latest <= expires
  }
}
