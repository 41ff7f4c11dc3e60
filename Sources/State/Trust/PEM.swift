public import Foundation

/// The textual encoding of RFC 7468: base64 in lines of 64 characters between two labelled lines.
public enum PEM {
  /// A certificate from its DER.
  public static func certificate(_ der: Data) -> String { encode(der, label: "CERTIFICATE") }

  /// A CRL from its DER.
  public static func crl(_ der: Data) -> String { encode(der, label: "X509 CRL") }

  private static func encode(_ der: Data, label: String) -> String {
    let body = der.base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
    return "-----BEGIN \(label)-----\n\(body)\n-----END \(label)-----\n"
  }
}
