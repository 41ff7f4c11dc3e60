import Names
import State
import Trust

/// What people type: names, addresses and numbers.
struct NameTargets {
  var all: [FuzzTarget] {
    [
      FuzzTarget("name", weight: 150, make: { Array(TextGrammar.word(&$0).utf8) }, judge: name),
      FuzzTarget("name of damaged UTF-8", weight: 50, make: Self.damagedUTF8, judge: name),
      FuzzTarget("address", weight: 150, make: { Array(TextGrammar.address(&$0).utf8) }, judge: address),
      FuzzTarget("value of a certificate or setting", make: Self.value, judge: value),
    ]
  }

  private static func damagedUTF8(_ generator: inout SeededGenerator) -> [UInt8] {
    Mutator().damaged([Array(TextGrammar.word(&generator).utf8)], &generator)
  }

  static func value(_ generator: inout SeededGenerator) -> [UInt8] {
    let prefix = generator.pick(["", "", "http://", "https://", "keys/", "CA/private/", "00"]) ?? ""
    let rest = generator.once(in: 2) ? TextGrammar.word(&generator, length: 100) : TextGrammar.address(&generator)
    return Array((prefix + rest).utf8)
  }

  /// What is accepted is spelled in one way, and harmless in a line, a path or a log.
  static func check<Name: CheckedText>(_ type: Name.Type, _ text: String) throws -> FuzzTarget.Verdict {
    do {
      let name = try Name(text)
      try require(try Name(name.text) == name, "\(type) reads back what it wrote: \(NameError.quoted(text))")
      try require(
        name.text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7f },
        "no \(type) holds blanks or control characters: \(NameError.quoted(text))")
      return .accepted
    } catch let error as NameError {
      let isPrintable = "\(error)".unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
      try require(isPrintable, "an error never repeats a control character: \(NameError.quoted(text))")
      return .refused
    }
  }

  private static func any(_ verdicts: [FuzzTarget.Verdict]) -> FuzzTarget.Verdict {
    verdicts.contains(.accepted) ? .accepted : .refused
  }

  private func name(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    let text = String(decoding: bytes, as: UTF8.self)
    if let user = try? UserName(text) { _ = try DistinguishedName(commonName: user.text) }
    return Self.any(
      try [
        Self.check(ProjectID.self, text), Self.check(UserName.self, text), Self.check(NetworkName.self, text),
        Self.check(HostName.self, text),
      ])
  }

  private func address(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    let text = String(decoding: bytes, as: UTF8.self)
    return Self.any(
      try [
        Self.check(IPv4Address.self, text), Self.check(IPv4Network.self, text), Self.check(IPv6Address.self, text),
        Self.check(IPv6Network.self, text), Self.check(MACAddress.self, text),
        verdict(NameError.self) { _ = try PortNumber(text) },
      ])
  }

  private func value(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    let text = String(decoding: bytes, as: UTF8.self)
    return Self.any(
      try [
        Self.check(State.SerialNumber.self, text),
        Self.check(KeyFile.self, text),
        verdict(TrustError.self) { _ = try Trust.CRLLocation(text) },
        verdict(TrustError.self) { _ = try DNSName(text) },
        verdict(TrustError.self) { _ = try Remote(host: text, port: 1194) },
        verdict(TrustError.self) { _ = try Trust.SerialNumber(hex: text) },
        verdict(TrustError.self) { _ = try DistinguishedName(commonName: text, organization: text) },
      ])
  }
}
