/// Damages DER where it hurts: values are exchanged, doubled, left out, retagged or filled with others, and the lengths of
/// all that is around them are written anew, so that the change gets past the first look.
struct DERMutator {
  /// A value: primitive with bytes, or constructed with others inside.
  private struct Value {
    var tag: UInt8
    var bytes: [UInt8] = []
    var values: [Value] = []
    var isConstructed: Bool { tag & 0x20 != 0 }

    var encoded: [UInt8] {
      let content = isConstructed ? values.flatMap(\.encoded) : bytes
      return [tag] + Self.length(content.count) + content
    }

    private static func length(_ count: Int) -> [UInt8] {
      guard count >= 0x80 else { return [UInt8(count)] }
      var octets: [UInt8] = []
      var rest = count
      while rest > 0 {
        octets.insert(UInt8(rest & 0xff), at: 0)
        rest >>= 8
      }
      return [0x80 | UInt8(octets.count)] + octets
    }

    /// How many values it holds, itself included.
    var size: Int { 1 + values.reduce(0) { $0 + $1.size } }
  }

  private static let tags: [UInt8] = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x30, 0x31, 0x80, 0xa0, 0xa3, 0x1f,
  ]

  func damaged(_ samples: [[UInt8]], _ generator: inout SeededGenerator) -> [UInt8] {
    let sample = generator.pick(samples) ?? []
    guard var tree = Self.parse(sample[...])?.first else { return sample }
    let others = generator.once(in: 3) ? Self.parse((generator.pick(samples) ?? [])[...]) ?? [] : []
    for _ in 0..<1 + generator.below(3) {
      var place = generator.below(tree.size)
      Self.change(&tree, at: &place, donor: others.first ?? tree, &generator)
    }
    return tree.encoded
  }

  private static func parse(_ bytes: ArraySlice<UInt8>) -> [Value]? {
    var rest = bytes
    var values: [Value] = []
    while let tag = rest.popFirst() {
      guard let first = rest.popFirst() else { return nil }
      var length = Int(first)
      if first >= 0x80 {
        let octets = Int(first & 0x7f)
        guard octets <= 4, octets <= rest.count else { return nil }
        length = rest.prefix(octets).reduce(0) { $0 << 8 | Int($1) }
        rest = rest.dropFirst(octets)
      }
      guard length <= rest.count else { return nil }
      let content = rest.prefix(length)
      rest = rest.dropFirst(length)
      var value = Value(tag: tag)
      if value.isConstructed {
        guard let inner = parse(content) else { return nil }
        value.values = inner
      } else {
        value.bytes = Array(content)
      }
      values.append(value)
    }
    return values
  }

  /// Changes the `place`-th value, counted depth first.
  private static func change(
    _ value: inout Value, at place: inout Int, donor: Value, _ generator: inout SeededGenerator
  ) {
    if place == 0 {
      place -= 1
      return alter(&value, donor: donor, &generator)
    }
    place -= 1
    for index in value.values.indices where place >= 0 {
      change(&value.values[index], at: &place, donor: donor, &generator)
    }
  }

  private static func alter(_ value: inout Value, donor: Value, _ generator: inout SeededGenerator) {
    let inner = generator.below(value.values.count)
    switch generator.below(8) {
    case 0: value.tag = generator.pick(tags) ?? 0
    case 1 where !value.values.isEmpty: value.values.remove(at: inner)
    case 2 where !value.values.isEmpty: value.values.insert(value.values[inner], at: inner)
    case 3 where !value.values.isEmpty: value.values.swapAt(inner, generator.below(value.values.count))
    case 4: value = part(of: donor, &generator)
    case 5: for _ in 0..<generator.below(40) { value = Value(tag: 0x30, values: [value]) }
    case 6: value.bytes = (0..<generator.below(40)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    default: Mutator().damage(&value.bytes, [], &generator)
    }
  }

  private static func part(of value: Value, _ generator: inout SeededGenerator) -> Value {
    var value = value
    while let inner = generator.pick(value.values), !generator.once(in: 4) { value = inner }
    return value
  }
}
