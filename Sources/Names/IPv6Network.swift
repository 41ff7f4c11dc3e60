/// An IPv6 network in CIDR notation, such as fd00:1::/64.
public struct IPv6Network: CheckedText {
  /// The network's own address, all host bits zero.
  public let address: IPv6Address
  /// 0 to 128.
  public let prefixLength: Int

  /// The network of that prefix length that holds `address`; nil when `prefixLength` isn't 0 to 128.
  public init?(containing address: IPv6Address, prefixLength: Int) {
    guard (0...128).contains(prefixLength) else { return nil }
    self.address = IPv6Address(bits: address.bits & Self.mask(prefixLength))
    self.prefixLength = prefixLength
  }

  /// Reads `address/prefix`; host bits that are set are refused.
  public init(_ text: some StringProtocol) throws(NameError) {
    func refusal(_ phrase: String, _ remedy: String) -> NameError {
      NameError(kind: "IPv6 network", text: text, reason: text.isEmpty ? .empty : .form(phrase), remedy: remedy)
    }
    let example = "a form such as fd00:1::/64"
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw refusal("it isn't an address and a prefix length", example) }
    guard let address = try? IPv6Address(parts[0]) else { throw refusal("its address isn't an IPv6 address", example) }
    guard let length = DecimalNumber.read(parts[1].utf8, most: 128),
      let network = IPv6Network(containing: address, prefixLength: length)
    else { throw refusal("its prefix length isn't a number from 0 to 128", example) }
    guard network.address == address else {
      throw refusal("\(address) isn't the first address of a /\(length)", network.text)
    }
    self = network
  }

  public var text: String { "\(address)/\(prefixLength)" }

  public static func < (left: IPv6Network, right: IPv6Network) -> Bool {
    (left.address, left.prefixLength) < (right.address, right.prefixLength)
  }

  /// The last address.
  public var last: IPv6Address { IPv6Address(bits: address.bits | ~Self.mask(prefixLength)) }

  /// The address at `index`, where 0 is the network's own; nil outside of the network.
  public func address(at index: UInt128) -> IPv6Address? {
    index <= ~Self.mask(prefixLength) ? IPv6Address(bits: address.bits | index) : nil
  }

  public func contains(_ address: IPv6Address) -> Bool {
    address.bits & Self.mask(prefixLength) == self.address.bits
  }

  /// Whether all of `other` is inside of this one.
  public func contains(_ other: IPv6Network) -> Bool {
    prefixLength <= other.prefixLength && contains(other.address)
  }

  /// Whether the two have an address in common.
  public func overlaps(_ other: IPv6Network) -> Bool { contains(other) || other.contains(self) }

  private static func mask(_ length: Int) -> UInt128 { UInt128.max << UInt128(128 - length) }
}
