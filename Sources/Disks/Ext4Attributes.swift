import Host

/// Extended attributes: the kernel's Documentation/filesystems/ext4/attributes.rst.
extension Ext4Volume {
  /// Every attribute of `inode` by its full name.
  package func attributes(of inode: Ext4Inode) throws -> [String: [UInt8]] {
    var attributes: [String: [UInt8]] = [:]
    let inside = inode.attributeArea
    if inside.count >= 8, inside.number32(0) == Self.magic {
      // Values are counted from behind the four bytes of the magic number.
      try collect(Array(inside.dropFirst(4)), from: 0, into: &attributes)
    }
    if inode.attributeBlock != 0 {
      let outside = try block(inode.attributeBlock)
      guard outside.number32(0) == Self.magic else { throw damaged("a file's attributes make no sense") }
      try collect(outside, from: 32, into: &attributes)
    }
    return attributes
  }

  private static let magic: UInt32 = 0xEA02_0000
  private static let prefixes: [UInt8: String] = [
    1: "user.", 2: "system.posix_acl_access", 3: "system.posix_acl_default", 4: "trusted.", 6: "security.",
    7: "system.",
    8: "system.richacl",
  ]

  private func collect(_ area: [UInt8], from first: Int, into attributes: inout [String: [UInt8]]) throws {
    var place = first
    while place + 16 <= area.count, area.number32(place) != 0 {
      let length = Int(area[place])
      let value = Int(area.number16(place + 2))
      let size = Int(area.number32(place + 8))
      guard area.number32(place + 4) == 0, place + 16 + length <= area.count, size <= area.count,
        value + size <= area.count
      else { throw damaged("a file's attributes make no sense") }
      let name = String(decoding: area[(place + 16)..<(place + 16 + length)], as: UTF8.self)
      attributes[(Self.prefixes[area[place + 1]] ?? "\(area[place + 1]).") + name] = Array(area[value..<(value + size)])
      place += (16 + length + 3) & ~3
    }
  }
}
