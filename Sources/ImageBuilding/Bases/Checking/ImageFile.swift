import Glibc
import Host
import SystemPackage

/// A file that is opened once: all that is found out about it holds for what is read through it, whatever happens to
/// its name meanwhile.
final class ImageFile: Sendable {
  /// What tells a file and its state from any other.
  struct Identity: Hashable, Sendable {
    let device: UInt64
    let inode: UInt64
    let size: UInt64
    /// Nanoseconds since 1970.
    let modified: Int
    /// When its content or inode changed, which nobody can set.
    let changed: Int
  }

  let path: FilePath
  let descriptor: CInt
  /// When it was opened.
  let identity: Identity

  /// - Throws: ``BaseError/notAFile(_:)``, `HostError`.
  init(_ path: FilePath) throws {
    // Without O_NONBLOCK a FIFO would be waited for.
    let descriptor = open(path.string, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw HostError.file(doing: "open", path: path, errno: errno) }
    do {
      identity = try Self.identity(of: descriptor, path: path)
    } catch {
      close(descriptor)
      throw error
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// At most `count` bytes from `offset`; fewer at the end of the file.
  ///
  /// - Throws: `HostError`.
  func read(at offset: UInt64, count: Int) throws -> [UInt8] {
    guard offset < identity.size, count > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: min(count, Int(identity.size - offset)))
    var filled = 0
    while filled < bytes.count {
      let got = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress?.advanced(by: filled), $0.count - filled, off_t(offset) + off_t(filled))
      }
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw HostError.file(doing: "read", path: path, errno: errno) }
      if got == 0 { break }
      filled += got
    }
    return filled == bytes.count ? bytes : Array(bytes[..<filled])
  }

  /// The digest of all of it.
  ///
  /// - Parameters:
  ///   - checkCancellation: called once a MiB.
  ///   - block: called with each piece and where it lies.
  /// - Throws: ``BaseError/changedWhileRead(_:)``, `HostError`, what the two functions throw.
  func digest(
    kind: Digest.Kind = .sha256, checkCancellation: () throws -> Void,
    block: (UnsafeRawBufferPointer, UInt64) throws -> Void = { _, _ in }
  ) throws -> Digest {
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    var hasher = Digest.Hasher(kind)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { buffer.deallocate() }
    var offset: UInt64 = 0
    while offset < identity.size {
      try checkCancellation()
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw HostError.file(doing: "read", path: path, errno: errno) }
      guard count > 0 else { throw BaseError.changedWhileRead(path) }
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      hasher.update(bytes)
      try block(bytes, offset)
      offset += UInt64(count)
    }
    try checkUnchanged()
    return hasher.finish()
  }

  /// Nobody has written to it since it was opened.
  ///
  /// - Throws: ``BaseError/changedWhileRead(_:)``, `HostError`.
  func checkUnchanged() throws {
    guard try Self.identity(of: descriptor, path: path) == identity else { throw BaseError.changedWhileRead(path) }
  }

  private static func identity(of descriptor: CInt, path: FilePath) throws -> Identity {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw HostError.file(doing: "look at", path: path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw BaseError.notAFile(path) }
    return Identity(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: UInt64(status.st_size),
      modified: status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec,
      changed: status.st_ctim.tv_sec * 1_000_000_000 + status.st_ctim.tv_nsec)
  }
}
