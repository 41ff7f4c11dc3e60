import Foundation
import Glibc
import Host
import Synchronization
import SystemPackage

/// Makes a bootable disk out of packages that are in the cache: native speed, no appliance, no loop device.
struct BootstrapRun {
  let room: BootstrapRoom
  let content: BootstrapContent
  let resolution: Resolution
  let supply: PackageSupply
  let wanted: [PackageName]
  let epoch: Int
  /// Of the disk, in bytes.
  let size: UInt64
  let events: @Sendable (BaseEvent) -> Void

  private var repository: FilePath { room.path.appending("packages") }
  private var root: FilePath { room.root }
  private var disk: FilePath { room.path.appending("disk.raw") }

  /// - Returns: the disk, in the room.
  /// - Throws: ``BaseError``, ``PackageError``, `HostError`, `CancellationError`.
  func run() async throws -> FilePath {
    let progress = BootstrapProgress(packages: resolution.packages.count, events: events)
    progress.step("laying out packages")
    try await makeRepository()
    try await bootstrap(progress)
    try checkPackages()
    progress.step("filling the disk")
    try await tidy()
    try await DiskLayout.make(disk, size: size)
    try await fill()
    progress.step("installing the boot loader")
    try await DiskLayout.installBootloader(on: disk, root: content.root)
    // mke2fs wrote zeros where the disk was empty already.
    try await Command("fallocate", ["--dig-holes", "--", disk.string]).run()
    return disk
  }

  /// A repository with the resolved packages and no others: what mmdebstrap's apt finds is what was planned. Its
  /// packages were checked against the archive's signed index, and are uncompressed, which spares dpkg the work.
  private func makeRepository() async throws {
    try Folder.make(repository, mode: 0o755)
    let missing = try await supply.cache.lay(resolution.packages, into: repository)
    guard missing.isEmpty else { throw PackageError.offlineWithoutPackages(missing.map(\.name)) }
    for name in try Folder.names(in: repository) { chmod(repository.appending(name).string, 0o644) }
    let script = try write(PackageResources.index_packages_sh, as: "index-packages.sh")
    let index = try await Command("sh", [script.string, repository.string]).run()
    try AtomicFile.write(index, to: repository.appending("Packages"))
  }

  private func bootstrap(_ progress: BootstrapProgress) async throws {
    let seed = room.path.appending("seed")
    for (name, file) in content.files {
      let path = seed.appending(name)
      try Folder.make(path.removingLastComponent())
      try AtomicFile.write(file.text, to: path, mode: file.mode)
    }
    let top = try Folder.names(in: seed).map { seed.appending($0).string }.joined(separator: " ")
    // A merged /usr, as every release of the last years has it (usrmerge's convert-usrmerge makes the same links).
    let merge = #"for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d"; ln -s "usr/$d" "$1/$d"; done"#
    // What is copied in has the owner that it had outside.
    let own = #"chown -hR 0:0 "$1/etc" "$1/boot""#
    // mmdebstrap unpacks essential packages once without dpkg, and so without its exclusions.
    let shares = ["doc", "man", "info", "lintian", "bug", "locale"].map { #""$1"/usr/share/\#($0)/*"# }
    let slim = #"rm -rf \#(shares.joined(separator: " ")) "$1"/usr/lib/*/gconv/*"#
    var command = Command(
      "mmdebstrap",
      [
        "--mode=\(room.isRoot ? "root" : "unshare")", "--variant=apt", "--format=directory", "--verbose",
        "--architectures=\(resolution.nativeArchitecture)", "--skip=check/signed-by", "--dpkgopt=force-unsafe-io",
        "--setup-hook=\(merge)", "--setup-hook=copy-in \(top) /", "--setup-hook=\(own)",
        "--extract-hook=\(slim)",
        "--include=\(wanted.map(\.description).joined(separator: ","))", "--", "", root.string,
        "deb [trusted=yes] copy://\(repository) ./",
      ],
      // Its temporary files belong to the work folder, and the times in the initramfs to the epoch.
      environment: ["TMPDIR": room.path.string, "SOURCE_DATE_EPOCH": "\(epoch)", "APT_CONFIG": nil],
      folder: room.path)
    command.ownsDescendants = true
    let output = try await command.output { progress.line($0) }
    guard output.status == 0 else { throw BaseError.bootstrapFailed(output: output.stderrTail) }
  }

  /// The new system has the packages of the key, each at its version.
  private func checkPackages() throws {
    let status = try DpkgStatus(try DiskLayout.readAll(root.appending("var/lib/dpkg/status")))
    let found = Set(status.installed.map { "\($0.name) \($0.version)" })
    let planned = Set(resolution.packages.map { "\($0.name) \($0.version)" })
    let difference = found.symmetricDifference(planned)
    guard difference.isEmpty else { throw BaseError.unplanned(packages: difference.sorted()) }
  }

  private func tidy() async throws {
    let script = try write(PackageResources.tidy_root_sh, as: "tidy-root.sh")
    let sources = room.path.appending("sources")
    try AtomicFile.write(content.sources, to: sources)
    let arguments =
      [script, root].map(\.string) + ["\(epoch)", sources.string, content.distribution.id]
    try await room.inside("sh", arguments).run()
  }

  /// Fills the root partition from outside (mke2fs(8), -d), inside the namespace where the owners are right.
  private func fill() async throws {
    if !room.isRoot { chmod(disk.string, 0o666) }
    let settings = room.path.appending("mke2fs.conf")
    // This machine's own would add features that the guest's kernel or GRUB may not know.
    try AtomicFile.write("[defaults]\nbase_features = none\n[fs_types]\next4 = {\n}\n", to: settings)
    let features = [
      "has_journal", "ext_attr", "resize_inode", "dir_index", "filetype", "extent", "64bit", "flex_bg", "sparse_super",
      "large_file", "huge_file", "dir_nlink", "extra_isize", "metadata_csum",
    ]
    let arguments = [
      "-q", "-F", "-t", "ext4",
      // Pages of memory have 4 KiB; what smaller blocks save is zeros, which compress to nothing.
      "-b", "4096", "-I", "256",
      // A minimal system has 8,000 files; the usual 65,000 inodes would take 16 MB.
      "-N", "32768",
      // The least that ext4 takes, and plenty for a gateway's log.
      "-J", "size=4",
      // Room for root to log in when the disk is full.
      "-m", "1",
      "-U", content.root, "-L", "root", "-O", features.joined(separator: ","),
      // Tables are zeroed now, so that no instance has to.
      "-E",
      "offset=\(DiskLayout.rootOffset),hash_seed=\(content.root),lazy_itable_init=0,lazy_journal_init=0,nodiscard",
      "-d", root.string, disk.string, "\(DiskLayout.rootSize(ofDisk: size) / 1024)k",
    ]
    // Up to 1.47.0 the first one sets the clock, from 1.47.1 on the second.
    let clock = ["E2FSPROGS_FAKE_TIME": "\(epoch)", "SOURCE_DATE_EPOCH": "\(epoch)", "MKE2FS_CONFIG": settings.string]
    let output = try await room.inside("mke2fs", arguments, environment: clock).output()
    guard output.status == 0 else { throw BaseError.tooSmall(size: size, output: output.stderrTail) }
    if !room.isRoot { chmod(disk.string, 0o600) }
  }

  private func write(_ script: [UInt8], as name: String) throws -> FilePath {
    let path = room.path.appending(name)
    try AtomicFile.write(script, to: path)
    return path
  }
}

extension Resolution {
  fileprivate var nativeArchitecture: String { packages.first { $0.architecture != "all" }?.architecture ?? "amd64" }
}

/// Counts what dpkg does.
final class BootstrapProgress: Sendable {
  private let total: Int
  private let done = Atomic(0)
  private let events: @Sendable (BaseEvent) -> Void

  /// - Parameter packages: each is unpacked and set up; five steps are around that.
  init(packages: Int, events: @escaping @Sendable (BaseEvent) -> Void) {
    total = packages * 2 + 5
    self.events = events
  }

  func step(_ text: String) {
    let number = done.add(1, ordering: .relaxed).newValue
    events(.bootstrapping(step: text, done: min(number, total), total: total))
  }

  /// A line of mmdebstrap's.
  func line(_ text: String) {
    let words = text.split(separator: " ")
    if text.hasPrefix("Unpacking "), words.count > 1 {
      step("unpacking \(words[1])")
    } else if text.hasPrefix("Setting up "), words.count > 2 {
      step("setting up \(words[2])")
    } else if text.hasPrefix("update-initramfs: ") {
      events(
        .bootstrapping(step: "making the initramfs", done: min(done.load(ordering: .relaxed), total), total: total))
    }
  }
}
