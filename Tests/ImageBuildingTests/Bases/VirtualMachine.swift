import Foundation
import Host
import SystemPackage

/// Boots a disk in software emulation and watches its serial console.
enum VirtualMachine {
  /// - Parameters:
  ///   - disk: raw; it isn't changed.
  ///   - text: what the console has to say.
  /// - Returns: all that the console said until then, or in the time given.
  static func boot(_ disk: FilePath, folder: FilePath, until text: String, within limit: Duration) async throws
    -> String
  {
    let console = folder.appending("console.log")
    let overlay = folder.appending("boot.qcow2")
    try await Command(
      "qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", disk.string, overlay.string]
    ).run()
    let machine = Task {
      try await Command(
        "qemu-system-x86_64",
        [
          "-machine", "q35,accel=tcg", "-m", "512", "-display", "none", "-monitor", "none", "-nic", "none",
          "-no-reboot", "-serial", "file:\(console)",
          "-blockdev", "driver=qcow2,node-name=disk,file.driver=file,file.filename=\(overlay)",
          "-device", "virtio-blk-pci,drive=disk",
        ]
      ).output()
    }
    defer { machine.cancel() }
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
      let said =
        (FileManager.default.contents(atPath: console.string)).map { String(decoding: $0, as: UTF8.self) } ?? ""
      if said.contains(text) {
        machine.cancel()
        _ = await machine.result
        return said
      }
      try await Task.sleep(for: .milliseconds(250))
    }
    machine.cancel()
    _ = await machine.result
    return FileManager.default.contents(atPath: console.string).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}
