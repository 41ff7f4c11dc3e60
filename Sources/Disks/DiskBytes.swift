import Glibc
import Host
package import SystemPackage

/// A raw disk image, read at any place; every read is held against its bounds.
package final class DiskBytes: Sendable {
  package let path: FilePath
  package let size: UInt64
  private let descriptor: CInt

  /// - Throws: ``HostError``.
  package init(_ path: FilePath) throws {
    self.path = path
    descriptor = open(path.string, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw HostError.file(doing: "open", path: path, errno: errno) }
    size = UInt64(clamping: lseek(descriptor, 0, SEEK_END))
  }

  deinit { close(descriptor) }

  /// Exactly `count` bytes from `offset`.
  ///
  /// - Throws: ``Ext4Error/damaged(disk:reason:)`` where the image ends before, ``HostError``.
  package func read(_ offset: UInt64, _ count: Int) throws -> [UInt8] {
    guard count >= 0, offset <= size, UInt64(count) <= size - offset else {
      throw Ext4Error.damaged(disk: path, reason: "something lies beyond the disk's end")
    }
    var done = 0
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while done < count {
        let got = pread(descriptor, buffer.baseAddress.map { $0 + done }, count - done, Int(offset) + done)
        if got < 0 && errno == EINTR { continue }
        guard got > 0 else { throw HostError.file(doing: "read", path: path, errno: got < 0 ? errno : EIO) }
        done += got
      }
      initialized = done
    }
  }
}

extension Collection<UInt8> where Index == Int {
  /// Little-endian numbers at `offset` from the start; 0 beyond the end, which no field of a disk means anything by.
  func number16(_ offset: Int) -> UInt16 { UInt16(number(offset, 2)) }
  func number32(_ offset: Int) -> UInt32 { UInt32(number(offset, 4)) }
  func number64(_ offset: Int) -> UInt64 { number(offset, 8) }

  private func number(_ offset: Int, _ size: Int) -> UInt64 {
    guard offset >= 0, offset + size <= count else { return 0 }
    return (0..<size).reduce(0) { $0 | UInt64(self[startIndex + offset + $1]) << UInt64(8 * $1) }
  }
}
