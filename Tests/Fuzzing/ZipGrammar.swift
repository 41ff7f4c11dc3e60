/// Writes zip archives that no well-meaning program would (APPNOTE.TXT 6.3): names that lead out, sizes that lie,
/// methods that nobody asked for, links, directories that say something else than the entries.
enum ZipGrammar {
  private static let names = [
    "autorun.sh", "ca.crt", "settings", "a", "../a", "/a", "a/b", "a/", ".a", "-a", "a\\b", "a\0b", "", "a\u{1b}", "é",
    "autorun.sh", String(repeating: "x", count: 200),
  ]
  private static let modes: [UInt32] = [0o100644, 0o100600, 0o120777, 0o040755, 0o020644, 0o060644, 0o010644, 0o140644]
  /// Stored, deflated, and what libarchive knows besides: bzip2, LZMA, zstd, xz, PPMd.
  private static let methods: [UInt16] = [0, 0, 0, 8, 8, 8, 9, 12, 14, 93, 95, 98, 99]

  static func archive(_ generator: inout SeededGenerator) -> [UInt8] {
    var archive: [UInt8] = []
    var directory: [UInt8] = []
    let count = generator.once(in: 20) ? 40 : generator.below(5)
    for _ in 0..<count {
      let offset = archive.count
      let name = Array((generator.pick(names) ?? "a").utf8)
      let other = generator.once(in: 8) ? Array((generator.pick(names) ?? "a").utf8) : name
      let content = content(&generator)
      let method = generator.pick(methods) ?? 0
      let body = method == 8 ? stored(content) : content
      let sum = generator.once(in: 10) ? 0 : checksum(content)
      let flags: UInt16 = generator.once(in: 10) ? generator.pick([1, 8, 0x800, 0x2041]) ?? 0 : 0
      var fields = le(UInt16(20)) + le(flags) + le(method) + le(UInt32(0x5a21_0000))
      fields += le(sum) + le(lied(body.count, &generator)) + le(lied(content.count, &generator))
      archive += Array("PK\u{3}\u{4}".utf8) + fields + le(UInt16(name.count)) + le(UInt16(0)) + name + body
      let mode = (generator.once(in: 3) ? generator.pick(modes) ?? 0 : 0o100644) << 16
      directory += Array("PK\u{1}\u{2}".utf8) + le(UInt16(0x0314)) + fields + le(UInt16(other.count))
      directory += le(UInt32(0)) + le(UInt32(0)) + le(mode) + le(UInt32(offset)) + other
    }
    let start = UInt32(archive.count)
    archive += directory + Array("PK\u{5}\u{6}".utf8) + le(UInt32(0)) + le(lied16(count, &generator))
    archive += le(UInt16(count)) + le(UInt32(directory.count)) + le(start) + le(UInt16(0))
    if generator.once(in: 8) { Mutator().damage(&archive, [], &generator) }
    return archive
  }

  private static func content(_ generator: inout SeededGenerator) -> [UInt8] {
    switch generator.below(6) {
    case 0: []
    case 1: [UInt8](repeating: 0, count: generator.below(50_000))
    default: (0..<generator.below(300)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
  }

  /// Now and then not the size that it is.
  private static func lied(_ size: Int, _ generator: inout SeededGenerator) -> UInt32 {
    generator.once(in: 12) ? UInt32.random(in: .min ... .max, using: &generator) : UInt32(size)
  }

  private static func lied16(_ count: Int, _ generator: inout SeededGenerator) -> UInt16 {
    generator.once(in: 12) ? UInt16.random(in: .min ... .max, using: &generator) : UInt16(count)
  }

  /// One stored block of RFC 1951, section 3.2.4.
  private static func stored(_ content: [UInt8]) -> [UInt8] {
    let length = UInt16(truncatingIfNeeded: content.count)
    return [1] + le(length) + le(~length) + content.prefix(Int(length))
  }

  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { sum, _ in sum & 1 == 1 ? sum >> 1 ^ 0xedb8_8320 : sum >> 1 }
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum = UInt32.max
    for byte in bytes { sum = sum >> 8 ^ table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] }
    return ~sum
  }

  private static func le<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }
}
