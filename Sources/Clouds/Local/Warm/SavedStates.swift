import Foundation
import Host
import SystemPackage

/// The saved states of images, beside what is unpacked of each: `<home>/images/<id>/warm/<key>/`. They go with their image.
struct SavedStates: Sendable {
  let images: LocalInstanceImages
  let image: InstanceImage

  private var folder: FilePath { images.folder(of: image).appending("warm") }
  /// Not within the image's folder, which may be removed meanwhile.
  private var lock: FilePath { images.folder.appending("warm.lock") }

  /// The state that a machine can go on from; saved now when there is none.
  ///
  /// - Parameter machine: one that pauses.
  /// - Throws: ``LocalInstanceError``, ``HostError``; `CancellationError`.
  func open(for machine: LocalInstanceMachine) async throws -> SavedState.Open {
    let state = SavedState(folder: folder.appending(try key(of: machine)))
    let lock = try await FileLock.wait(for: lock)
    defer { _ = lock }
    try await sweep()
    if let open = try? state.open() { return open }
    try Folder.make(folder, mode: 0o700)
    let aside = folder.appending(".\(state.folder.lastComponent?.string ?? "").tmp")
    let saving = StateSaving(machine: machine, images: images, image: image, state: SavedState(folder: aside))
    do {
      try await saving.run()
      try removeOthers(of: machine.flavor)
      try AtomicFile.publish(aside, as: state.folder)
    } catch {
      await Task { try? await sweep() }.value
      throw error
    }
    return try state.open()
  }

  /// Forgets one that is of no use.
  ///
  /// - Throws: ``HostError``; `CancellationError`.
  func remove(for machine: LocalInstanceMachine) async throws {
    let lock = try await FileLock.wait(for: lock)
    defer { _ = lock }
    try Folder.remove(folder.appending(try key(of: machine)))
  }

  /// What a command left half done that was killed. Nobody else is at it while the lock is held.
  func sweepIfIdle() async throws {
    guard let names = try? Folder.names(in: folder), names.contains(where: { $0.hasPrefix(".") }),
      let lock = try? FileLock.take(lock)
    else { return }
    defer { _ = lock }
    try await sweep()
  }

  private func sweep() async throws {
    for name in try Folder.names(in: folder) where name.hasPrefix(".") {
      let aside = folder.appending(name)
      try await StateSaving.process(in: aside).stop(grace: .zero)
      try Folder.remove(aside)
    }
  }

  /// Those of an earlier QEMU or processor.
  private func removeOthers(of flavor: Flavor) throws {
    for name in try Folder.names(in: folder) where name.hasPrefix(Self.prefix(of: flavor)) {
      try Folder.remove(folder.appending(name))
    }
  }

  private static func prefix(of flavor: Flavor) -> String {
    "\(flavor.processors)-\(flavor.memory)-\(flavor.disk)-"
  }

  /// Everything that a state depends on. One that is loaded by another machine may be refused, or never come up.
  private func key(of machine: LocalInstanceMachine) throws -> String {
    var parts = machine.arguments + [try Program.identity(LocalInstanceMachine.program)]
    // What a guest sees of the processor is the host's own under KVM.
    if machine.accelerator == .kvm { parts.append(Self.processor) }
    parts += [image.id, image.sha256]
    let digest = Digest.sha256(parts.joined(separator: "\u{0}")).hex.prefix(16)
    return Self.prefix(of: machine.flavor) + digest
  }

  /// The first processor's identity and flags, and the kernel that lends it.
  private static var processor: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let wanted: Set = ["vendor_id", "cpu family", "model", "model name", "stepping", "microcode", "flags"]
    let first = text.split(separator: "\n\n", maxSplits: 1).first ?? ""
    let lines = first.split(separator: "\n").filter { line in
      wanted.contains(line.prefix { $0 != ":" }.trimmingCharacters(in: .whitespaces))
    }
    let kernel = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)) ?? ""
    return kernel + lines.joined(separator: "\n")
  }
}
