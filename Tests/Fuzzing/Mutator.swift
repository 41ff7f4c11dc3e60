/// Damages samples: bits turned, bytes set to telling values, parts cut out, doubled, moved or replaced, words of the
/// format put in, two samples joined.
struct Mutator {
  /// Words that mean something in the format.
  var dictionary: [[UInt8]] = []
  /// Longer inputs are cut.
  var limit = 1 << 16

  private static let telling: [UInt8] = [0x00, 0x01, 0x0a, 0x20, 0x30, 0x7f, 0x80, 0x81, 0x84, 0xfe, 0xff]

  init(words: [String] = [], limit: Int = 1 << 16) {
    dictionary = words.map { Array($0.utf8) }
    self.limit = limit
  }

  func damaged(_ samples: [[UInt8]], _ generator: inout SeededGenerator) -> [UInt8] {
    var bytes = generator.pick(samples) ?? []
    // One in a hundred is left whole: what is good has to stay accepted.
    for _ in 0..<(generator.once(in: 100) ? 0 : 1 + generator.below(4)) {
      damage(&bytes, samples, &generator)
    }
    return Array(bytes.prefix(limit))
  }

  func damage(_ bytes: inout [UInt8], _ samples: [[UInt8]], _ generator: inout SeededGenerator) {
    let start = generator.below(bytes.count + 1)
    let length = generator.once(in: 4) ? generator.below(bytes.count + 1) : 1 + generator.below(20)
    let range = start..<min(bytes.count, start + length)
    switch generator.below(10) {
    case 0 where start < bytes.count: bytes[start] ^= 1 << UInt8(generator.below(8))
    case 1 where start < bytes.count: bytes[start] = generator.pick(Self.telling) ?? 0
    case 2: bytes.removeSubrange(range)
    case 3: bytes.insert(contentsOf: bytes[range], at: start)
    case 4: for place in range { bytes[place] = UInt8.random(in: 0...255, using: &generator) }
    case 5: bytes.insert(contentsOf: generator.pick(dictionary) ?? [0], at: start)
    case 6: bytes.replaceSubrange(range, with: generator.pick(dictionary) ?? [])
    case 7: bytes.replaceSubrange(range, with: repeatElement(generator.pick(Self.telling) ?? 0, count: length))
    case 8: bytes.removeSubrange(start...)
    default:
      let other = generator.pick(samples) ?? []
      let from = generator.below(other.count + 1)
      bytes.replaceSubrange(start..., with: other[from...])
    }
  }
}
