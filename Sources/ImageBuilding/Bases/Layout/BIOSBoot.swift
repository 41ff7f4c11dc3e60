import SystemPackage

/// GRUB's images for BIOS with the places filled in that `grub-bios-setup` would fill in: which sectors to load.
///
/// From GRUB's source: offsets in `include/grub/i386/pc/boot.h`, the block list in `include/grub/offsets.h`
/// (`struct grub_pc_bios_boot_blocklist`), what is done with them in `util/setup.c`.
struct BIOSBoot: Equatable {
  /// The disk's first sector: GRUB's code, the partition table that was there.
  let firstSector: [UInt8]
  /// What goes to the partition for GRUB, in whole sectors.
  let coreBytes: [UInt8]

  private enum Offset {
    /// GRUB_BOOT_MACHINE_BPB_START and _END: parameters of a filesystem that may be there, kept.
    static let parameters = 0x3..<0x5A
    /// GRUB_BOOT_MACHINE_KERNEL_SECTOR: where the core image begins, 8 bytes.
    static let coreSector = 0x5C
    /// GRUB_BOOT_MACHINE_DRIVE_CHECK: a jump over a check of the drive's number.
    static let driveCheck = 0x66
    /// GRUB_BOOT_MACHINE_WINDOWS_NT_MAGIC to the end of the sector: disk signature, partition table, 0x55AA.
    static let partitionTable = 0x1B8..<0x200
    /// The last 12 bytes of the core image's first sector: first sector (8), number of sectors (2), segment (2).
    static let blockList = 0x1F4
  }

  /// GRUB_BOOT_MACHINE_KERNEL_SEG, and the first sector's 512 bytes further in paragraphs of 16.
  private static let segment: UInt16 = 0x800 + 0x200 >> 4

  /// - Parameters:
  ///   - bootImage: GRUB's `boot.img`.
  ///   - core: what `grub-mkimage -O i386-pc` made.
  ///   - firstSector: the disk's present one.
  ///   - coreSector: where the core image will begin.
  ///   - room: the bytes that it may have there.
  /// - Throws: ``BaseError/badBootLoader(file:reason:)``.
  init(
    bootImage: [UInt8], core: [UInt8], firstSector: [UInt8], coreSector: UInt64, room: UInt64
  ) throws(BaseError) {
    guard bootImage.count == 512, firstSector.count == 512, bootImage[0x1FE...].elementsEqual([0x55, 0xAA]) else {
      throw .badBootLoader(file: GRUBImage.bootImagePath, reason: "it isn't a boot sector")
    }
    let sectors = (core.count + 511) / 512
    guard sectors >= 2, UInt64(sectors) * 512 <= room, let rest = UInt16(exactly: sectors - 1) else {
      throw .badBootLoader(
        file: GRUBImage.modules(of: .bios),
        reason: "the image made of it has \(core.count) bytes, and \(room) is the most")
    }
    var first = bootImage
    first.replaceSubrange(Offset.parameters, with: firstSector[Offset.parameters])
    first.replaceSubrange(Offset.partitionTable, with: firstSector[Offset.partitionTable])
    first.set(coreSector, at: Offset.coreSector)
    // Some BIOSes hand over a wrong number for a hard disk; GRUB's setup takes the jump out for every one.
    first.replaceSubrange(Offset.driveCheck..<Offset.driveCheck + 2, with: [0x90, 0x90])
    self.firstSector = first

    var padded = core + [UInt8](repeating: 0, count: sectors * 512 - core.count)
    padded.set(coreSector + 1, at: Offset.blockList)
    padded.set(rest, at: Offset.blockList + 8)
    padded.set(Self.segment, at: Offset.blockList + 10)
    coreBytes = padded
  }
}

extension [UInt8] {
  /// Writes a little-endian number over the bytes at `offset`.
  fileprivate mutating func set(_ number: some FixedWidthInteger, at offset: Int) {
    Swift.withUnsafeBytes(of: number.littleEndian) { replaceSubrange(offset..<offset + $0.count, with: $0) }
  }
}
