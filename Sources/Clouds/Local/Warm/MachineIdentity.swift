import CLinux
import Foundation
import Glibc
import Host
import Names
import SystemPackage

/// What a machine that goes on from a saved state is told: random numbers, and its network card's address. It lies in QEMU's
/// firmware configuration device (docs/specs/fw_cfg.rst), whose files are no part of a saved state; the guest's `identity` reads it.
enum MachineIdentity {
  static let name = "opt/cpbuild/identity"
  /// Bytes of random numbers, which come first.
  private static let seed = 64
  /// Of an address as text.
  private static let address = 17

  /// - Parameter mac: nil in the machine that is saved, which is told nothing: all its bytes are zeros.
  /// - Throws: ``HostError``.
  static func open(_ mac: MACAddress?, user: LocalInstanceUser?) throws -> OpenFile {
    let file = try OpenFile.inMemory(bytes: UInt64(seed + address), user: user)
    guard let mac else { return file }
    var generator = SystemRandomNumberGenerator()
    let bytes = (0..<seed).map { _ in UInt8.random(in: .min ... .max, using: &generator) } + Array("\(mac)".utf8)
    guard pwrite(file.descriptor, bytes, bytes.count, 0) == bytes.count else {
      throw HostError.file(doing: "write", path: "identity", errno: errno)
    }
    return file
  }
}
