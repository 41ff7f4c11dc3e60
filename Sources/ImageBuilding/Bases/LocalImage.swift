import Foundation
import Glibc
import Host
import SystemPackage

/// A base that lies on this machine.
///
/// It is copied into the cache, and the copy is what is checked and used: so nobody can exchange or change it between
/// the check and the use, and it can be moved or updated while a build runs. Where the filesystem can share blocks
/// (btrfs, XFS) the copy takes no space.
struct LocalImage: Sendable {
  let file: ImageFile
  let header: DiskImageHeader
  let cache: BaseCache

  /// Opens the file and checks its header.
  ///
  /// - Throws: ``BaseError``, `HostError`.
  init(_ path: FilePath, cache: BaseCache, limit: UInt64) throws {
    file = try ImageFile(path)
    self.cache = cache
    do {
      header = try DiskImageHeader.read(file, limit: limit)
    } catch let refusal as ImageRefusal {
      throw BaseError.refused(image: path.string, refusal)
    }
  }

  /// The digest of its bytes: from the note of an earlier run, where nothing has changed since.
  ///
  /// - Throws: ``BaseError/changedWhileRead(_:)``, `HostError`, `CancellationError`.
  func digest() async throws -> Digest {
    if let knownDigest { return knownDigest }
    return try await BlockingThread.run { checkCancellation in
      let digest = try file.digest(checkCancellation: checkCancellation)
      try remember(digest)
      return digest
    }
  }

  /// Copies it to `target`, which must not exist.
  ///
  /// - Returns: the digest of what was copied.
  /// - Throws: ``BaseError``, `HostError`, `CancellationError`; nothing is left at `target` then.
  func copy(to target: FilePath, progress: @escaping @Sendable (UInt64) -> Void) async throws -> Digest {
    try await BlockingThread.run { checkCancellation in
      let descriptor = open(target.string, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw HostError.file(doing: "create", path: target, errno: errno) }
      defer { close(descriptor) }
      do {
        let isShared = ioctl(descriptor, Self.shareBlocks, file.descriptor) == 0
        if !isShared, ftruncate(descriptor, off_t(file.identity.size)) != 0 {
          throw HostError.file(doing: "write", path: target, errno: errno)
        }
        let digest = try file.digest(checkCancellation: checkCancellation) { bytes, offset in
          progress(offset)
          if !isShared { try Self.writeSparsely(bytes, to: descriptor, at: offset, path: target) }
        }
        try remember(digest)
        return digest
      } catch {
        unlink(target.string)
        throw error
      }
    }
  }

  /// FICLONE of linux/fs.h, ioctl_ficlone(2).
  private static let shareBlocks: UInt = 0x4004_9409

  /// A block of zeros stays a hole.
  private static func writeSparsely(
    _ bytes: UnsafeRawBufferPointer, to descriptor: CInt, at offset: UInt64, path: FilePath
  ) throws {
    for start in stride(from: 0, to: bytes.count, by: 1 << 16) {
      let block = UnsafeRawBufferPointer(rebasing: bytes[start..<min(bytes.count, start + 1 << 16)])
      if !isZero(block) { try write(block, to: descriptor, at: offset + UInt64(start), path: path) }
    }
  }

  private static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    // The first byte is zero and each equals the next: memcmp is far faster than a loop.
    guard let start = bytes.baseAddress, bytes.first == 0 else { return false }
    return memcmp(start, start + 1, bytes.count - 1) == 0
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt, at offset: UInt64, path: FilePath)
    throws
  {
    var done = 0
    while done < bytes.count {
      let count = pwrite(
        descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + off_t(done))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw HostError.file(doing: "write", path: path, errno: errno) }
      done += count
    }
  }

  // MARK: What earlier runs noted

  /// Stands for the file in the state in which it was opened.
  var identityName: String {
    let identity = file.identity
    let parts = [identity.device, identity.inode, identity.size].map(String.init)
    return Digest.sha256((parts + ["\(identity.modified) \(identity.changed)"]).joined(separator: " ")).hex
  }

  private var note: FilePath { cache.digests.appending(identityName) }

  /// What an earlier run noted; nil where none did, or the file has changed since.
  var knownDigest: Digest? {
    (try? String(contentsOfFile: note.string, encoding: .utf8)).flatMap { Digest(hex: $0) }
  }

  private func remember(_ digest: Digest) throws {
    // A write within the same tick of the clock as the last one would leave the times as they are.
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    guard now.tv_sec - file.identity.changed / 1_000_000_000 > 2 else { return }
    try Folder.make(cache.digests, mode: 0o700)
    try AtomicFile.write(digest.hex, to: note, mode: 0o600)
  }
}
