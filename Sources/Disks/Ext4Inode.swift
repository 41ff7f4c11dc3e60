/// One file, folder, link or device: the kernel's Documentation/filesystems/ext4/inodes.rst.
package struct Ext4Inode: Sendable {
  package let number: UInt32
  fileprivate let bytes: [UInt8]

  init(number: UInt32, bytes: [UInt8]) {
    self.number = number
    self.bytes = bytes
  }

  /// Type and permission bits: inode(7).
  package var mode: UInt32 { UInt32(bytes.number16(0)) }
  package var owner: Int64 { Int64(bytes.number16(0x2)) | Int64(bytes.number16(0x78)) << 16 }
  package var group: Int64 { Int64(bytes.number16(0x18)) | Int64(bytes.number16(0x7A)) << 16 }
  package var size: UInt64 { UInt64(bytes.number32(0x4)) | UInt64(bytes.number32(0x6C)) << 32 }
  package var links: Int { Int(bytes.number16(0x1A)) }
  /// Seconds since 1970; the low two bits of the extra field carry it past 2038.
  package var modified: Int {
    let extra = bytes.count >= 0x8C ? Int(bytes.number32(0x88) & 3) << 32 : 0
    return Int(Int32(bitPattern: bytes.number32(0x10))) + extra
  }
  private var flags: UInt32 { bytes.number32(0x20) }
  var usesExtents: Bool { flags & 0x80000 != 0 }
  /// The 60 bytes that hold the roots of the extent tree, a short link's target or a device's number.
  var blockArea: [UInt8] { Array(bytes[0x28..<0x64]) }
  /// The block with the extended attributes that don't fit in here; 0 for none.
  var attributeBlock: UInt64 { UInt64(bytes.number32(0x68)) | UInt64(bytes.number16(0x76)) << 32 }

  /// The extended attributes that lie behind the inode itself.
  var attributeArea: ArraySlice<UInt8> {
    guard bytes.count > 128 else { return [] }
    let start = 128 + Int(bytes.number16(0x80))
    return start < bytes.count ? bytes[start...] : []
  }

  /// A symbolic link of up to 59 bytes has no blocks of its own.
  package var shortTarget: String? {
    size < 60 && !usesExtents ? String(decoding: blockArea.prefix(Int(size)), as: UTF8.self) : nil
  }

  /// Major and minor number: the first word holds the old form, the second the new one (new_decode_dev in the kernel).
  package var device: String {
    let old = blockArea.number32(0)
    let new = blockArea.number32(4)
    return old != 0 ? "\(old >> 8 & 0xFF),\(old & 0xFF)" : "\((new & 0xFFF00) >> 8),\(new & 0xFF | new >> 12 & 0xFFF00)"
  }
}
