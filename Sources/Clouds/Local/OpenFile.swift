import Glibc
import Host
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

  deinit { close(descriptor) }
}
