/// Whole numbers as they may stand in addresses: digits only, no sign, no leading zero.
enum DecimalNumber {
  /// The value of `digits`; nil when it isn't such a number or is above `most`.
  static func read(_ digits: some Collection<UInt8>, most: Int) -> Int? {
    guard (1...9).contains(digits.count), digits.first != UInt8(ascii: "0") || digits.count == 1 else { return nil }
    var value = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      value = value * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return value <= most ? value : nil
  }
}
