import Foundation
import Host
import SystemPackage
import Testing

@testable import ImageBuilding

@Suite("the layout of a disk")
struct DiskLayoutTests {
  @Test("has three partitions, each where it says, and is the same every time")
  func partitions() async throws {
    try await withTemporaryFolder { folder in
      let disk = folder.appending("disk.raw")
      try await DiskLayout.make(disk, size: 1 << 30)
      let digest = try Digest.ofFile(disk)
      let text = try await Command("sfdisk", ["--dump", disk.string]).run()
      let starts = text.matches(of: /start= *([0-9]+), size= *([0-9]+)/).map { [UInt64($0.1), UInt64($0.2)] }
      let rootSectors = DiskLayout.rootSize(ofDisk: 1 << 30) / 512
      #expect(starts == [[34, 2014], [2048, 16384], [DiskLayout.rootOffset / 512, rootSectors]])
      try await Command("sfdisk", ["--verify", disk.string]).run()
      try await DiskLayout.make(disk, size: 1 << 30)
      #expect(try Digest.ofFile(disk) == digest)
      #expect(try Folder.names(in: folder) == ["disk.raw"])
    }
  }

  @Test("has a boot loader for BIOS that loads its own sectors, and one for UEFI where firmware looks")
  func bootloader() async throws {
    try await withTemporaryFolder { folder in
      let disk = folder.appending("disk.raw")
      try await DiskLayout.make(disk, size: 64 << 20)
      let before = try DiskLayout.readAll(disk)
      try await DiskLayout.installBootloader(on: disk, root: DerivedUUID.of("root"))
      let bytes = try DiskLayout.readAll(disk)
      #expect(bytes.littleEndian(UInt64.self, at: 0x5C) == 34)
      #expect(Array(bytes[0x1B8..<0x200]) == Array(before[0x1B8..<0x200]), "the partition table changed")
      #expect(Array(bytes[512..<34 * 512]) == Array(before[512..<34 * 512]), "the GPT changed")
      #expect(bytes.littleEndian(UInt64.self, at: 34 * 512 + 0x1F4) == 35)
      #expect(bytes.littleEndian(UInt16.self, at: 34 * 512 + 0x1FE) == 0x820)
      #expect(bytes.count == 64 << 20)
      let esp = folder.appending("esp.img")
      try AtomicFile.write(bytes[(1 << 20)..<(9 << 20)], to: esp)
      let listing = try await Command("mdir", ["-b", "-i", esp.string, "::/EFI/BOOT"]).run()
      #expect(listing.contains("BOOTX64.EFI"))
      #expect(try Folder.names(in: folder) == ["disk.raw", "esp.img"])
      // The same inputs give the same bytes, times in the FAT too.
      let again = folder.appending("again.raw")
      try await DiskLayout.make(again, size: 64 << 20)
      try await Task.sleep(for: .seconds(3))
      try await DiskLayout.installBootloader(on: again, root: DerivedUUID.of("root"))
      #expect(try Digest.ofFile(again) == Digest.ofFile(disk))
    }
  }

  @Test("refuses a boot loader that doesn't fit or isn't one")
  func badBootLoader() throws {
    var boot = [UInt8](repeating: 0, count: 512)
    let core = [UInt8](repeating: 1, count: 10_000)
    let sector = [UInt8](repeating: 2, count: 512)
    #expect(throws: BaseError.self) {
      try BIOSBoot(bootImage: boot, core: core, firstSector: sector, coreSector: 34, room: 1 << 20)
    }
    boot.replaceSubrange(510..<512, with: [0x55, 0xAA])
    #expect(throws: BaseError.self) {
      try BIOSBoot(bootImage: boot, core: core, firstSector: sector, coreSector: 34, room: 10_000)
    }
    #expect(throws: BaseError.self) {
      try BIOSBoot(bootImage: boot, core: [1, 2], firstSector: sector, coreSector: 34, room: 1 << 20)
    }
    let whole = try BIOSBoot(bootImage: boot, core: core, firstSector: sector, coreSector: 34, room: 1 << 20)
    #expect(whole.coreBytes.count == 20 * 512)
    #expect(whole.coreBytes.littleEndian(UInt16.self, at: 0x1FC) == 19)
    #expect(Array(whole.firstSector[0x1B8...]) == Array(sector[0x1B8...]))
  }

  @Test("boots a root by its UUID, from the links that the distribution keeps up")
  func menu() {
    let menu = DiskLayout.bootMenu(root: "abc")
    #expect(menu.contains("linux $from/vmlinuz root=UUID=abc ro console=tty0 console=ttyS0,115200n8\n"))
    #expect(menu.contains("initrd $from/initrd.img\n"))
  }

  @Test("derives UUIDs that are well-formed and differ")
  func uuids() {
    let uuid = DerivedUUID.of("a")
    #expect(uuid.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
    #expect(DerivedUUID.of("b") != uuid)
  }
}
