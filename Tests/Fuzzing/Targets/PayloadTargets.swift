import Foundation
import Names
import Payload

/// The archive that an instance is configured with, and its settings.
struct PayloadTargets {
  private let archives: [[UInt8]]

  init() throws {
    let settings = try Settings(
      project: ProjectID("acme"), mode: .routed(pool: IPv4Network("10.8.0.0/24"), pool6: nil), maxClients: 5)
    let payload = try Payload(
      authorities: Data("ca\n".utf8), serverCertificate: Data("certificate\n".utf8), serverKey: Data("key\n".utf8),
      crl: Data(repeating: 0x41, count: 3000), tunnelKey: Data("tunnel\n".utf8), settings: settings)
    archives = [[UInt8](try payload.archive())]
  }

  private static let words = [
    "PK\u{1}\u{2}", "PK\u{3}\u{4}", "PK\u{5}\u{6}", "PK\u{6}\u{6}", "PK\u{6}\u{7}", "../", "/",
  ]

  var all: [FuzzTarget] {
    [
      FuzzTarget(
        "payload archive", weight: 60, samples: archives, mutator: Mutator(words: Self.words), judge: archive),
      FuzzTarget("payload archive made up", weight: 60, make: { ZipGrammar.archive(&$0) }, judge: archive),
      FuzzTarget("payload settings", make: { Array($0.words(count: 8)) }, judge: settings),
      FuzzTarget("CRL URL", make: NameTargets.value) { bytes in
        try NameTargets.check(CRLLocation.self, String(decoding: bytes, as: UTF8.self))
      },
    ]
  }

  private func archive(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    try verdict(PayloadError.self) {
      let reader = PayloadReader()
      let files = try reader.files(in: Data(bytes))
      try require(files.count <= reader.entryLimit, "there are never more files than the limit")
      try require(files.values.reduce(0) { $0 + $1.count } <= reader.sizeLimit, "never more bytes than the limit")
      let arePlain = files.keys.allSatisfy { !$0.contains("/") && !$0.hasPrefix(".") && !$0.isEmpty }
      try require(arePlain, "every name is a plain one: \(files.keys)")
    }
  }

  /// Numbers become the values of settings, most of which don't fit each other.
  private func settings(_ bytes: [UInt8]) throws -> FuzzTarget.Verdict {
    func number(_ index: Int) -> UInt32 {
      bytes.dropFirst(4 * index).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }
    func address(_ index: Int) throws -> IPv4Address {
      let bits = number(index)
      return try IPv4Address("\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)")
    }
    return try verdict(PayloadError.self) {
      let bounds = [try address(2), try address(3)].sorted()
      let netmask = number(1) & 1 == 0 ? try address(1) : try IPv4Address("255.255.255.0")
      let text = try Settings(
        project: ProjectID("acme"),
        mode: .bridged(address: address(0), netmask: netmask, clients: bounds[0]...bounds[1]),
        dns: [address(4)], maxClients: Int(Int32(bitPattern: number(5)))
      ).text()
      try require(text.hasSuffix("\n") && !text.contains("\"") && !text.contains("$"), "no line can hurt a shell")
    }
  }
}

extension SeededGenerator {
  /// Words of four bytes, every other one small.
  fileprivate mutating func words(count: Int) -> [UInt8] {
    (0..<count).flatMap { _ -> [UInt8] in
      let word = once(in: 2) ? UInt32(below(1024)) : UInt32.random(in: .min ... .max, using: &self)
      return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
    }
  }
}
