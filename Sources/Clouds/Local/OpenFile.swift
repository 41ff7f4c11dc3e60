import CLinux
import Glibc
import Host
import State
import SystemPackage

/// A descriptor that is closed when nobody holds it any more.
final class OpenFile: Sendable {
  let descriptor: CInt

  /// Takes over a descriptor.
  init(owning descriptor: CInt) { self.descriptor = descriptor }

  /// - Throws: ``HostError``.
  convenience init(_ path: FilePath, _ flags: CInt, mode: mode_t = 0) throws {
    let descriptor = open(path.string, flags | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw HostError.file(doing: "open", path: path, errno: errno) }
    self.init(owning: descriptor)
  }

  /// One that is nothing but memory, of zeros: it belongs to the user that a machine runs as, and goes with its QEMU.
  ///
  /// - Throws: ``HostError``.
  static func inMemory(bytes: UInt64, user: LocalInstanceUser?) throws -> OpenFile {
    let descriptor = cpbuild_memory_file("cloudpipe", bytes, user?.id ?? geteuid())
    guard descriptor >= 0 else { throw HostError.file(doing: "make", path: "memory", errno: -descriptor) }
    return OpenFile(owning: descriptor)
  }

  /// A machine's memory.
  static func memory(of flavor: Flavor, user: LocalInstanceUser?) throws -> OpenFile {
    try inMemory(bytes: UInt64(clamping: flavor.memory) << 20, user: user)
  }

  /// A tap device of a network namespace; without one, the only device of another that ends with it.
  ///
  /// - Throws: ``HostError``.
  static func tap(_ name: String, in space: FilePath? = nil) throws -> OpenFile {
    let descriptor = cpbuild_open_tap(space?.string, name)
    guard descriptor >= 0 else { throw HostError.file(doing: "open", path: FilePath(name), errno: -descriptor) }
    return OpenFile(owning: descriptor)
  }

  deinit { close(descriptor) }
}
