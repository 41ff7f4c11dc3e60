/// Why a certificate was revoked (RFC 5280, §5.3.1). `removeFromCRL`, which only delta CRLs have, is left out.
public enum RevocationReason: String, Sendable, CaseIterable {
  case unspecified
  /// The private key is, or may be, in other hands.
  case keyCompromise
  /// The issuing CA's key is in other hands.
  case caCompromise
  /// The user left, or changed their name.
  case affiliationChanged
  /// Another certificate took its place.
  case superseded
  /// It isn't needed any more.
  case cessationOfOperation
  /// Suspended. Read, but not used here: a mistaken revocation is mended with a new certificate.
  case certificateHold
  /// The user may not use the VPN any more.
  case privilegeWithdrawn
  case aaCompromise

  /// CRLReason's number.
  var code: UInt8 {
    switch self {
    case .unspecified: 0
    case .keyCompromise: 1
    case .caCompromise: 2
    case .affiliationChanged: 3
    case .superseded: 4
    case .cessationOfOperation: 5
    case .certificateHold: 6
    case .privilegeWithdrawn: 9
    case .aaCompromise: 10
    }
  }

  init?(code: UInt8) {
    guard let reason = Self.allCases.first(where: { $0.code == code }) else { return nil }
    self = reason
  }
}
