import Foundation
import Host
import SystemPackage

/// What is known of a guest when its last edit is done.
struct FinishedGuest: Sendable {
  /// The content lies on the second disk, in cpbuild's own layout, and wants its bootloader there.
  let isRelaid: Bool
  let rootUUID: String
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
  let work: FilePath
  let say: @Sendable (String) -> Void

  /// Leaves nothing mounted.
  ///
  /// - Throws: ``ImageError/tooLarge(image:content:limit:)``, ``GuestError``.
  func run() async throws -> FinishedGuest {
    try await guest.finish(recipe, epoch: epoch)
    // A plain disk that is small enough stays as it is. Any other (larger, LVM, btrfs, split over partitions) is copied
    // into a fresh layout: that is the one way to shrink which is the same for all of them.
    let isRelaid = !system.isPlain || virtualSize > recipe.maximumSize
    if isRelaid {
      try await relay()
    } else {
      say("giving unused blocks back")
      try await session.trim("/")
    }
    let root = isRelaid ? try await session.targetRoot() : system.mounts[0].device
    let uuid = try await session.uuid(of: root)
    try await session.flush()
    return FinishedGuest(isRelaid: isRelaid, rootUUID: uuid)
  }

  /// Copies the system to the second disk, which has its partitions already, and mounts that instead.
  private func relay() async throws {
    let root = try await session.targetRoot()
    let used = try await session.runInAppliance(
      "du --summarize --one-file-system --block-size=1 /sysroot | cut -f1", doing: "measure the content")
    let content = UInt64(used.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    let room = recipe.maximumSize - DiskLayout.overhead
    // ext4 wants some blocks for itself.
    guard content < room / 100 * 95 else {
      throw ImageError.tooLarge(image: recipe.name, content: content, limit: recipe.maximumSize)
    }
    say("copying \(content >> 20) MiB into a disk of \(recipe.maximumSize >> 20) MiB")
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
  }
}

extension GuestSession {
  /// The root partition of the second disk, as `DiskLayout` makes it.
  func targetRoot() throws -> String { try devices().disks[1] + "\(DiskLayout.rootPartition)" }
}
