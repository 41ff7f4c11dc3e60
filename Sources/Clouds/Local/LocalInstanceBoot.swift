/// How an image's system is started.
///
/// Straight into its own kernel is fastest: no firmware's search, no bootloader, and no initramfs where the drivers for
/// disk and filesystem are built into the kernel.
enum LocalInstanceBoot: Hashable, Codable, Sendable {
  enum Bus: String, Codable, Sendable {
    case nvme, virtio

    func partition(_ number: Int) -> String { self == .nvme ? "/dev/nvme0n1p\(number)" : "/dev/vda\(number)" }
  }

  /// Without initramfs, from a partition's number.
  case kernel(bus: Bus, partition: Int)
  /// With the image's initramfs, which finds the root by its UUID.
  case initramfs(root: String)
  /// By the bootloader on the disk.
  case bootloader

  var bus: Bus {
    if case .kernel(let bus, _) = self { return bus }
    return .virtio
  }

  /// What the kernel is told of its root; nil where the bootloader tells it.
  var root: String? {
    switch self {
    case .kernel(let bus, let partition): bus.partition(partition)
    case .initramfs(let root): "UUID=\(root)"
    case .bootloader: nil
    }
  }

  /// Decides by what is built into the kernel.
  ///
  /// - Parameters:
  ///   - partition: where the root is, counted from 1.
  ///   - root: the root filesystem's UUID.
  ///   - builtIn: the text of `modules.builtin` (kbuild's Documentation/kbuild/kbuild.rst); nil where there is none.
  init(partition: Int, root: String, builtIn: String?, hasInitramfs: Bool) {
    let lines = (builtIn ?? "").split(separator: "\n")
    let drivers = Set(lines.compactMap { $0.split(separator: "/").last.map(String.init) })
    let ways: [(Bus, Set<String>)] = [(.nvme, ["nvme.ko"]), (.virtio, ["virtio_blk.ko", "virtio_pci.ko"])]
    for (bus, needed) in ways where drivers.isSuperset(of: needed.union(["ext4.ko"])) {
      self = .kernel(bus: bus, partition: partition)
      return
    }
    self = hasInitramfs ? .initramfs(root: root) : .bootloader
  }
}
