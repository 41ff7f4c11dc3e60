import Glibc

/// An IPv6 address, without a zone.
public struct IPv6Address: CheckedText {
  /// In host byte order: `::1` is 1.
  public let bits: UInt128

  public init(bits: UInt128) { self.bits = bits }

  /// Reads the forms of RFC 4291, section 2.2; no zone (`%eth0`), brackets or spaces.
  public init(_ text: some StringProtocol) throws(NameError) {
    guard let bits = Self.bits(of: String(text)) else {
      throw NameError(
        kind: "IPv6 address", text: text, reason: text.isEmpty ? .empty : .form("it isn't in the form of RFC 4291"),
        remedy: "a form such as 2001:db8::2")
    }
    self.bits = bits
  }

  /// In the form that `inet_ntop` gives, which is RFC 5952's.
  public var text: String {
    var value = in6_addr()
    withUnsafeMutableBytes(of: &value) { $0.storeBytes(of: bits.bigEndian, as: UInt128.self) }
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    inet_ntop(AF_INET6, &value, &buffer, socklen_t(buffer.count))
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  public static func < (left: IPv6Address, right: IPv6Address) -> Bool { left.bits < right.bits }

  private static func bits(of text: String) -> UInt128? {
    // inet_pton stops at a NUL, so the text is looked at before it becomes a C string.
    guard text.unicodeScalars.allSatisfy({ $0.properties.isASCIIHexDigit || $0 == ":" || $0 == "." }) else {
      return nil
    }
    var value = in6_addr()
    guard inet_pton(AF_INET6, text, &value) == 1 else { return nil }
    return withUnsafeBytes(of: &value) { UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) }
  }
}
