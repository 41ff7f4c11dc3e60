import Foundation
import Host
import SystemPackage

/// What is known of a guest when its last edit is done.
struct FinishedGuest: Sendable {
  /// The disk that the content was copied to, which wants its bootloader still; nil where it stayed where it was.
  let target: RelayTarget?
  let rootUUID: String
}

/// A disk with cpbuild's own layout and an empty root, ready before the appliance starts.
struct RelayTarget: Sendable {
  let path: FilePath
  /// In bytes.
  let size: UInt64

  /// Those that a recipe's image may be copied to, smallest first: an m1.tiny's GiB, and what the recipe allows.
  static func make(for recipe: Recipe, in work: FilePath) async throws -> [RelayTarget] {
    var targets: [RelayTarget] = []
    for size in Set([min(1 << 30, recipe.maximumSize), recipe.maximumSize]).sorted() {
      let target = RelayTarget(path: work.appending("target-\(size >> 20)MiB.raw"), size: size)
      try await DiskLayout.make(target.path, size: size)
      targets.append(target)
    }
    return targets
  }

  /// Whether this much content fits, with what ext4 wants for itself.
  func holds(_ content: UInt64) -> Bool { content < (size - DiskLayout.overhead) / 100 * 93 }
}

/// The last stage: makes an image of an installed system, small enough for its flavor.
struct FinishStage {
  let session: GuestSession
  let guest: GuestStages
  let recipe: Recipe
  let system: GuestSystem
  let epoch: Int
  /// Of the disk that the base came with, in bytes.
  let virtualSize: UInt64
  /// The session's disks from the second on.
  let targets: [RelayTarget]
  let say: @Sendable (String) -> Void

  /// Leaves nothing mounted.
  ///
  /// - Throws: ``ImageError/tooLarge(image:content:limit:)``, ``GuestError``.
  func run() async throws -> FinishedGuest {
    try await guest.finish(recipe, epoch: epoch)
    // A plain disk that is small enough stays as it is. Any other (larger, LVM, btrfs, split over partitions) is copied
    // into a fresh layout: that is the one way to shrink which is the same for all of them.
    let content = try await content()
    guard let index = targets.firstIndex(where: { $0.holds(content) }) else {
      if system.isPlain && virtualSize <= recipe.maximumSize { return try await trim() }
      throw ImageError.tooLarge(image: recipe.name, content: content, limit: recipe.maximumSize)
    }
    if system.isPlain && virtualSize <= targets[index].size { return try await trim() }
    say("copying \(content >> 20) MiB into a disk of \(targets[index].size >> 20) MiB")
    return try await relay(to: index)
  }

  /// Bytes that all files take.
  private func content() async throws -> UInt64 {
    let text = try await session.runInAppliance(
      "du --summarize --block-size=1 /sysroot | cut -f1", doing: "measure the content")
    return UInt64(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
  }

  private func trim() async throws -> FinishedGuest {
    say("giving unused blocks back")
    try await session.trim("/")
    let uuid = try await session.uuid(of: system.mounts[0].device)
    try await session.flush()
    return FinishedGuest(target: nil, rootUUID: uuid)
  }

  /// Copies the system to another disk, which has its partitions already.
  private func relay(to index: Int) async throws -> FinishedGuest {
    let root = try await session.devices().disks[index + 1] + "\(DiskLayout.rootPartition)"
    try await session.makeExt4(on: root, label: "cloudpipe")
    let point = "/.cpbuild-target"
    try await session.makeFolder(point)
    try await session.mount(root, at: point)
    try await session.runInAppliance(
      """
      set -e; cd /sysroot; tar --create --file=- --numeric-owner --xattrs --xattrs-include='*' --acls \
      --exclude=.\(point) . | tar --extract --file=- --directory=/sysroot\(point) --numeric-owner --same-permissions \
      --xattrs --xattrs-include='*' --acls
      """, doing: "copy the system")
    try await session.flush()
    try await session.mount(root, at: "/")
    let uuid = try await session.uuid(of: root)
    try await session.write("UUID=\(uuid) / ext4 errors=remount-ro 0 1\n", to: "/etc/fstab")
    try await session.makeFolder("/boot/grub")
    try await session.write(DiskLayout.bootMenu(root: uuid), to: "/boot/grub/grub.cfg")
    try await guest.clampTimes(epoch)
    try await session.flush()
    return FinishedGuest(target: targets[index], rootUUID: uuid)
  }
}
