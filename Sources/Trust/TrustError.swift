/// What can go wrong in this module. Nothing in it is ever secret: reasons come from libcrypto's fixed texts or from the
/// checks of this module, which name what they refused by kind and, where it is public, by value.
public enum TrustError: Error, Equatable {
  /// The bytes are not a well-formed document of this kind.
  case malformed(Document, reason: String)
  /// The passphrase doesn't open the key, or the file is damaged: an encrypted key can't tell one from the other.
  case wrongPassphrase
  /// The key is encrypted and no passphrase was given.
  case passphraseNeeded
  /// The passphrase itself can't be used.
  case passphraseRefused(reason: String)
  /// The key is of a kind, size or encoding that isn't accepted.
  case keyRefused(reason: String)
  /// A value can't stand in a distinguished name, a certificate, a key file or a profile.
  case valueRefused(field: String, reason: String)
  /// The request isn't signed by the key in it: whoever sent it may not hold that key.
  case requestNotSelfSigned
  /// The request names somebody else than the user that it was handed in for.
  case requestNameMismatch(expected: String, found: String)
  /// The certificate may not do this (issue certificates or CRLs, or stand this deep in the chain).
  case notPermitted(subject: String, reason: String)
  /// The private key is not the one in the certificate.
  case keyMismatch(subject: String)
  /// The issuer can't issue at this moment: it is expired, or not valid yet.
  case issuerNotValid(subject: String, reason: String)
  /// The document names another issuer, or isn't signed by this one.
  case notIssuedBy(Document, issuer: String, reason: String)
  /// A rollover step that doesn't fit the stage that the project is in.
  case rolloverRefused(reason: String)
  /// libcrypto failed at what it should have been able to do.
  case cryptographyFailed(operation: String, reason: String)
}

/// The kinds of documents that this module reads.
public enum Document: String, Sendable, Equatable {
  case certificate = "certificate"
  case signingRequest = "certificate signing request"
  case revocationList = "revocation list"
  case privateKey = "private key"
  case publicKey = "public key"
  case serialNumber = "serial number"
  case tlsCryptServerKey = "tls-crypt-v2 server key"
  case tlsCryptClientKey = "tls-crypt-v2 client key"
}

extension TrustError: CustomStringConvertible {
  /// One sentence for what failed and why, and one for what to do.
  public var description: String { "\(failure). \(remedy)" }

  private var failure: String {
    switch self {
    case .malformed(let document, let reason): "this is no usable \(document.rawValue): \(reason)"
    case .wrongPassphrase: "the passphrase doesn't open the private key"
    case .passphraseNeeded: "the private key is encrypted and no passphrase was given"
    case .passphraseRefused(let reason): "the passphrase can't be used: \(reason)"
    case .keyRefused(let reason): "the key can't be used: \(reason)"
    case .valueRefused(let field, let reason): "the \(field) can't be used: \(reason)"
    case .requestNotSelfSigned: "the signing request isn't signed by the key in it"
    case .requestNameMismatch(let expected, let found): "the signing request is for \"\(found)\", not \"\(expected)\""
    case .notPermitted(let subject, let reason): "\(subject) may not do this: \(reason)"
    case .keyMismatch(let subject): "the private key doesn't belong to the certificate of \(subject)"
    case .issuerNotValid(let subject, let reason): "\(subject) can't issue now: \(reason)"
    case .notIssuedBy(let document, let issuer, let reason): "this \(document.rawValue) is not \(issuer)'s: \(reason)"
    case .rolloverRefused(let reason): "the CA rollover can't take this step: \(reason)"
    case .cryptographyFailed(let operation, let reason): "libcrypto failed to \(operation): \(reason)"
    }
  }

  /// What the person who reads the error can do about it.
  public var remedy: String {
    switch self {
    case .malformed(.privateKey, _): "Give an unchanged PKCS#8 PEM file (BEGIN PRIVATE KEY)."
    case .malformed: "Give the whole, unchanged file."
    case .wrongPassphrase:
      "Check the passphrase, including its last character; if it is right, restore the key from a backup."
    case .passphraseNeeded: "Name the file, descriptor or credential that holds the passphrase."
    case .passphraseRefused: "Choose one of 1 to 1023 bytes."
    case .keyRefused: "Use p256, p384, ed25519, or RSA of 2048 to 8192 bits."
    case .valueRefused: "Choose another value."
    case .requestNotSelfSigned:
      "Make the request anew with the private key at hand: openssl req -new -key FILE -subj /CN=NAME."
    case .requestNameMismatch(let expected, _): "Make the request anew with -subj \"/CN=\(expected)\"."
    case .notPermitted: "Use the CA that is meant for it."
    case .keyMismatch: "Restore certificate and key from the same backup."
    case .issuerNotValid: "Check this machine's clock; if it is right, renew the CA."
    case .notIssuedBy: "Use the one that this CA made."
    case .rolloverRefused: "See docs/trust.md for the order of the stages."
    case .cryptographyFailed: "Check the OpenSSL installation (openssl version) and free memory, then try again."
    }
  }
}
