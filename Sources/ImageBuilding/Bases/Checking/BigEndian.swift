/// Numbers in bytes that somebody else wrote: nil beyond their end, never a trap.
extension [UInt8] {
  func bigEndian<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number? {
    number(type, at: offset).map { Number(bigEndian: $0) }
  }

  func littleEndian<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number? {
    number(type, at: offset).map { Number(littleEndian: $0) }
  }

  private func number<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number? {
    guard offset >= 0, count >= MemoryLayout<Number>.size, offset <= count - MemoryLayout<Number>.size else {
      return nil
    }
    return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
  }
}
