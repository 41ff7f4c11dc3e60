/// What people hand in by mistake, told by its first bytes (file(1) knows the same ones).
public struct ForeignFormat: Equatable, Sendable {
  /// With its article.
  public let name: String
  public let remedy: String

  private init(_ name: String, _ remedy: String) {
    self.name = name
    self.remedy = remedy
  }

  /// Bytes at an offset, and what they mean.
  private struct Signature {
    let offset: Int
    let bytes: [UInt8]
    let format: ForeignFormat

    init(_ bytes: [UInt8], at offset: Int = 0, _ name: String, _ remedy: String) {
      self.offset = offset
      self.bytes = bytes
      format = ForeignFormat(name, remedy)
    }

    init(_ text: String, at offset: Int = 0, _ name: String, _ remedy: String) {
      self.init(Array(text.utf8), at: offset, name, remedy)
    }
  }

  private static let signatures: [Signature] = {
    let convert = "convert it with 'qemu-img convert -O qcow2 OLD NEW'"
    let unpack = "unpack it and use the image inside"
    return [
      Signature([0x1F, 0x8B], "compressed with gzip", unpack),
      Signature([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "compressed with xz", unpack),
      Signature("BZh", "compressed with bzip2", unpack),
      Signature([0x28, 0xB5, 0x2F, 0xFD], "compressed with zstd", unpack),
      Signature([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", unpack),
      Signature("PK\u{3}\u{4}", "a zip archive", unpack),
      Signature("ustar", at: 257, "a tar archive (an OVA is one, too)", unpack),
      Signature("CD001", at: 0x8001, "an ISO image", "give an installed disk; an installation medium can't be one"),
      Signature("KDMV", "a VMDK image", convert),
      Signature("# Disk DescriptorFile", "the descriptor of a VMDK image", convert),
      Signature("vhdxfile", "a VHDX image", convert),
      Signature("conectix", "a VHD image", convert),
      Signature([0x7F, 0x10, 0xDA, 0xBE], at: 0x40, "a VDI image", convert),
      Signature("QED\0", "a QED image", convert),
      Signature("WithoutFreeSpace", "a Parallels image", convert),
      Signature("WithouFreSpacExt", "a Parallels image", convert),
      Signature(
        [0x4C, 0x55, 0x4B, 0x53, 0xBA, 0xBE], "an encrypted LUKS volume", "decrypt it and use the disk inside"),
      Signature("hsqs", "a squashfs filesystem", "give a whole disk, as clouds boot it"),
      Signature("\u{7F}ELF", "a program", "give the path of a disk image"),
      Signature("!<arch>", "a Debian package or archive", "give the path of a disk image"),
      Signature([0x1A, 0x45, 0xDF, 0xA3], "a film", "give the path of a disk image"),
    ]
  }()

  /// How many bytes of the start ``of(_:)`` looks at.
  static let length = 0x8006

  /// What `start`, the first bytes of a file, gives away; nil for what may be a disk.
  static func of(_ start: [UInt8]) -> ForeignFormat? {
    for signature in signatures
    where start.count >= signature.offset + signature.bytes.count
      && start[signature.offset...].starts(with: signature.bytes)
    { return signature.format }
    return isPage(start)
      ? ForeignFormat("a web page", "check the URL: it may lead to a page about the image or to a login") : nil
  }

  private static func isPage(_ start: [UInt8]) -> Bool {
    let text = String(decoding: start.prefix(512), as: UTF8.self).lowercased()
    return ["<!doctype html", "<html", "<head", "<?xml"].contains { text.drop(while: \.isWhitespace).hasPrefix($0) }
  }
}
