/// A 48-bit Ethernet address, written in lower case with colons.
public struct MACAddress: CheckedText {
  /// The low 48 bits hold the address; the first byte is the highest.
  public let bits: UInt64

  /// Reads six pairs of hexadecimal digits joined by colons. An interface can't have a group address (the lowest bit of
  /// the first byte set; IEEE 802) or the zero address, so those are refused.
  public init(_ text: some StringProtocol) throws(NameError) {
    func refusal(_ reason: NameError.Reason) -> NameError {
      NameError(kind: "MAC address", text: text, reason: reason, remedy: "a form such as fa:16:3e:01:02:03")
    }
    guard !text.isEmpty else { throw refusal(.empty) }
    let pairs = text.split(separator: ":", omittingEmptySubsequences: false)
    var bits: UInt64 = 0
    for pair in pairs {
      guard pair.utf8.count == 2, pair.unicodeScalars.allSatisfy(\.properties.isASCIIHexDigit),
        let byte = UInt64(pair, radix: 16)
      else { throw refusal(.form("it isn't six pairs of hexadecimal digits")) }
      bits = bits << 8 & 0xffff_ffff_ffff | byte
    }
    guard pairs.count == 6 else { throw refusal(.form("it isn't six pairs of hexadecimal digits")) }
    guard bits >> 40 & 1 == 0 else { throw refusal(.form("it is a group address")) }
    guard bits != 0 else { throw refusal(.form("it is all zeros")) }
    self.bits = bits
  }

  private init(bits: UInt64) { self.bits = bits }

  /// One of the 2²⁴ addresses under fa:16:3e, the locally administered prefix that OpenStack gives its instances
  /// (`base_mac` in neutron), so that a cloudpipe's interface looks like any other there.
  public static func random(using generator: inout some RandomNumberGenerator) -> MACAddress {
    MACAddress(bits: 0xfa16_3e00_0000 | UInt64.random(in: 0...0xff_ffff, using: &generator))
  }

  /// ``random(using:)`` with the system's generator.
  public static func random() -> MACAddress {
    var generator = SystemRandomNumberGenerator()
    return random(using: &generator)
  }

  public var text: String {
    stride(from: 40, through: 0, by: -8).map { shift in
      let digits = String(bits >> UInt64(shift) & 255, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined(separator: ":")
  }
}
