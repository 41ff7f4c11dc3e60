import CLinux
import Foundation
import Glibc
import Host
import SystemPackage

/// The state of a machine that was saved before anything of one project was in it, for any number of instances to go on
/// from. Each has copies of its memory and its disk, so that what breaks out of one can't change another's.
struct SavedState: Sendable {
  let folder: FilePath

  /// The machine's memory; pages of zeros are holes.
  var memory: FilePath { folder.appending("memory") }
  /// Its processors and devices, in QEMU's migration format.
  var devices: FilePath { folder.appending("devices") }
  /// What it changed on its disk, over the image's.
  var disk: FilePath { folder.appending("disk.qcow2") }

  /// Its files, open: they stay what they are when the state is replaced.
  struct Open: Sendable {
    let memory: OpenFile
    let devices: OpenFile
    let disk: OpenFile
  }

  /// - Throws: ``HostError``.
  func open() throws -> Open {
    Open(
      memory: try OpenFile(memory, O_RDONLY), devices: try OpenFile(devices, O_RDONLY),
      disk: try OpenFile(disk, O_RDONLY))
  }

  /// - Throws: ``HostError``.
  static func copy(_ source: OpenFile, to target: OpenFile, _ name: FilePath) throws {
    let code = cpbuild_copy_sparse(source.descriptor, target.descriptor)
    guard code == 0 else { throw HostError.file(doing: "copy", path: name, errno: code) }
  }
}

extension LocalInstanceMonitor {
  /// Has memory left out of what is saved and loaded: it is in a file of its own.
  func leaveOutMemory(deadline: ContinuousClock.Instant) async throws {
    let capability: [String: any Sendable] = ["capability": "x-ignore-shared", "state": true]
    try await execute("migrate-set-capabilities", ["capabilities": [capability]], deadline: deadline)
  }
}
