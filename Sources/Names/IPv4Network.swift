/// An IPv4 network in CIDR notation (RFC 4632), such as 10.1.0.0/24.
public struct IPv4Network: CheckedText {
  /// The network's own address, all host bits zero.
  public let address: IPv4Address
  /// 0 to 32.
  public let prefixLength: Int

  /// The network of that prefix length that holds `address`; nil when `prefixLength` isn't 0 to 32.
  public init?(containing address: IPv4Address, prefixLength: Int) {
    guard (0...32).contains(prefixLength) else { return nil }
    self.address = IPv4Address(bits: address.bits & Self.mask(prefixLength))
    self.prefixLength = prefixLength
  }

  /// Reads `address/prefix`. Host bits that are set are a mistake to be told of, not to be masked away silently.
  public init(_ text: some StringProtocol) throws(NameError) {
    func refusal(_ phrase: String, _ remedy: String) -> NameError {
      NameError(kind: "IPv4 network", text: text, reason: text.isEmpty ? .empty : .form(phrase), remedy: remedy)
    }
    let example = "a form such as 10.1.0.0/24, without leading zeros"
    let parts = String(text).utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw refusal("it isn't an address and a prefix length", example) }
    guard let address = try? IPv4Address(Substring(parts[0])) else {
      throw refusal("its address isn't an IPv4 address", example)
    }
    guard let length = DecimalNumber.read(parts[1], most: 32),
      let network = IPv4Network(containing: address, prefixLength: length)
    else { throw refusal("its prefix length isn't a number from 0 to 32", example) }
    guard network.address == address else {
      throw refusal("\(address) isn't the first address of a /\(length)", network.text)
    }
    self = network
  }

  private init(knownBits bits: UInt32, prefixLength: Int) {
    address = IPv4Address(bits: bits)
    self.prefixLength = prefixLength
  }

  /// 10.0.0.0/8, the largest of the private networks of RFC 1918.
  public static let tens = IPv4Network(knownBits: 10 << 24, prefixLength: 8)

  public var text: String { "\(address)/\(prefixLength)" }

  public static func < (left: IPv4Network, right: IPv4Network) -> Bool {
    (left.address, left.prefixLength) < (right.address, right.prefixLength)
  }

  /// How many addresses there are, the network's own and the broadcast address included: 1 to 2³².
  public var count: Int { 1 << (32 - prefixLength) }

  /// Such as 255.255.255.0.
  public var netmask: IPv4Address { IPv4Address(bits: Self.mask(prefixLength)) }

  /// The last address: the broadcast address where the prefix is shorter than /31.
  public var last: IPv4Address { IPv4Address(bits: address.bits | ~Self.mask(prefixLength)) }

  /// The addresses that hosts can have: all but the first and the last; all of a /31 (RFC 3021) and of a /32.
  public var hosts: ClosedRange<IPv4Address> {
    if prefixLength >= 31 { return address...last }
    return IPv4Address(bits: address.bits + 1)...IPv4Address(bits: last.bits - 1)
  }

  /// The address at `index`, where 0 is the network's own and -1 the last; nil outside of the network.
  public func address(at index: Int) -> IPv4Address? {
    guard (-count..<count).contains(index) else { return nil }
    return address.advanced(by: index < 0 ? count + index : index)
  }

  /// The `count` highest host addresses, as cloudpipe hands them to clients; nil when there aren't as many or none is
  /// asked for.
  public func lastHosts(_ count: Int) -> ClosedRange<IPv4Address>? {
    let top = hosts.upperBound
    guard count > 0, let low = top.advanced(by: 1 - count), low >= hosts.lowerBound else { return nil }
    return low...top
  }

  public func contains(_ address: IPv4Address) -> Bool {
    address.bits & Self.mask(prefixLength) == self.address.bits
  }

  /// Whether all of `other` is inside of this one.
  public func contains(_ other: IPv4Network) -> Bool {
    prefixLength <= other.prefixLength && contains(other.address)
  }

  /// Whether the two have an address in common.
  public func overlaps(_ other: IPv4Network) -> Bool { contains(other) || other.contains(self) }

  private static func mask(_ length: Int) -> UInt32 {
    // Shifting by all 32 bits gives 0 with Swift's smart shift, as a /0 wants.
    UInt32.max << UInt32(32 - length)
  }
}
