import CGuestFS
public import Foundation
import Glibc
import Host
public import SystemPackage

/// A guest's disks, opened in the libguestfs appliance: a small VM, so that a hostile filesystem meets a kernel that
/// has nothing to lose.
///
/// One launch serves all edits. libguestfs's calls block, so the session is an actor on a thread of its own. See
/// guestfs(3) for what each call means.
public actor GuestSession {
  private let executor = ThreadExecutor(name: "guestfs")
  private let handle: OpaquePointer
  private let watchdog: Watchdog

  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// One disk of a session.
  public struct Drive: Sendable {
    public var path: FilePath
    /// Always passed on: without it QEMU would guess, and a raw disk that looks like a qcow2 could name any host file.
    public var format: DiskFormat
    public var readOnly: Bool

    public init(_ path: FilePath, format: DiskFormat, readOnly: Bool = false) {
      self.path = path
      self.format = format
      self.readOnly = readOnly
    }
  }

  /// Starts the appliance with `drives`, hands the session to `body` and closes it, however `body` ends.
  ///
  /// In a cancelled task the appliance's QEMU is killed, so that a call which would block for minutes returns at once.
  ///
  /// - Parameter folder: for libguestfs's temporary files and sockets; also what tells this session's QEMU from others'.
  /// - Throws: ``GuestError``, `CancellationError`, and what `body` throws.
  public static func with<Result: Sendable>(
    _ drives: [Drive], appliance: Appliance, folder: FilePath,
    body: (GuestSession) async throws -> Result
  ) async throws -> Result {
    try Task.checkCancellation()
    let session = try GuestSession(appliance: appliance, folder: folder)
    return try await withTaskCancellationHandler {
      do {
        try await session.launch(drives)
        let result = try await body(session)
        try await session.close()
        return result
      } catch {
        await session.abandon()
        try Task.checkCancellation()
        throw error
      }
    } onCancel: {
      Self.killAppliances(of: folder)
    }
  }

  private init(appliance: Appliance, folder: FilePath) throws {
    guard let handle = cguestfs_create() else { throw GuestError.appliance(reason: String(cString: strerror(errno))) }
    self.handle = handle
    watchdog = Watchdog { Self.killAppliances(of: folder) }
    // Errors are returned, never printed.
    guestfs_set_error_handler(handle, nil, nil)
    try Self.configure(handle, appliance: appliance, folder: folder)
  }

  private static func configure(_ handle: OpaquePointer, appliance: Appliance, folder: FilePath) throws {
    func set(_ result: CInt) throws {
      if result != 0 { throw GuestError.appliance(reason: lastError(handle)) }
    }
    try set(guestfs_set_backend(handle, "direct"))
    try set(guestfs_set_tmpdir(handle, folder.string))
    try set(guestfs_set_cachedir(handle, appliance.cache.string))
    if let path = appliance.path { try set(guestfs_set_path(handle, path.string)) }
    try set(guestfs_set_memsize(handle, CInt(appliance.memory)))
    try set(guestfs_set_smp(handle, CInt(appliance.processors)))
    // ^C at the terminal reaches cpbuild alone.
    try set(guestfs_set_pgroup(handle, 1))
    guard !appliance.usesKVM else { return }
    try withCStrings(["force_tcg"]) { try set(guestfs_set_backend_settings(handle, $0)) }
    // Emulation keeps translated code by address: with libraries at another one in each process, the C library is
    // translated anew for each (measured: 41 s for 44 packages, 20 s without). Nothing that outlives a build runs there.
    try set(guestfs_set_append(handle, "norandmaps"))
    // The plainest processor is the fastest to emulate: with AVX in sight, the C library picks it for every copy.
    #if arch(x86_64)
      try set(guestfs_config(handle, "-cpu", "qemu64"))
    #endif
  }

  private func launch(_ drives: [Drive]) throws {
    for drive in drives {
      try drive.format.rawValue.withCString { format in
        try "unsafe".withCString { unsafeCache in
          try "enable".withCString { enable in
            var options = guestfs_add_drive_opts_argv()
            options.bitmask = UInt64(1 << 0 | 1 << 1)  // readonly, format
            options.readonly = drive.readOnly ? 1 : 0
            options.format = format
            if !drive.readOnly {
              options.bitmask |= UInt64(1 << 9 | 1 << 10)  // cachemode, discard
              options.cachemode = unsafeCache
              options.discard = enable
            }
            try check("open the disk \(drive.path)", guestfs_add_drive_opts_argv(handle, drive.path.string, &options))
          }
        }
      }
    }
    guard guestfs_launch(handle) == 0 else { throw GuestError.appliance(reason: Self.lastError(handle)) }
  }

  /// Writes everything out and ends the appliance.
  private func close() throws {
    defer { abandon() }
    try check("write everything out", guestfs_shutdown(handle))
  }

  private var closed = false

  private func abandon() {
    guard !closed else { return }
    closed = true
    guestfs_close(handle)
    executor.end()
  }

  // MARK: Filesystems

  /// Each filesystem that could be mounted, with its type; a btrfs subvolume is one of its own. `swap` and `unknown` are types.
  public func filesystems() throws -> [(mountable: String, type: String)] {
    let list = try strings("list the filesystems", guestfs_list_filesystems(handle))
    return stride(from: 0, to: list.count - 1, by: 2).map { (list[$0], list[$0 + 1]) }
  }

  /// What `probe` a block device says it is, such as `crypto_LUKS`; empty where nothing is known.
  public func type(of device: String) -> String {
    guestfs_vfs_type(handle, device).map { take($0) } ?? ""
  }

  /// Every whole disk and partition.
  public func devices() throws -> (disks: [String], partitions: [String]) {
    (
      try strings("list the disks", guestfs_list_devices(handle)),
      try strings("list the partitions", guestfs_list_partitions(handle))
    )
  }

  public func mount(_ mountable: String, at point: String, options: String = "") throws {
    try check("mount \(mountable)", watchdog.watch { guestfs_mount_options(handle, options, mountable, point) })
  }

  /// Mounts all of a system that was found before.
  public func mount(_ system: GuestSystem) throws {
    if system.mounts.contains(where: \.isLogicalVolume) { try activateVolumeGroups() }
    for mount in system.mounts { try self.mount(mount.device, at: mount.point) }
  }

  public func unmountAll() throws { try check("unmount", guestfs_umount_all(handle)) }

  /// Unmounts and has QEMU write everything to the host's files, which may be copied then.
  public func flush() throws {
    try check("unmount", watchdog.watch { guestfs_umount_all(handle) })
    try check("write everything out", watchdog.watch { guestfs_sync(handle) })
  }

  /// Runs `body` while the files on the host are a clean copy of the system that is mounted, and still is afterwards.
  ///
  /// One filesystem, the usual case, is held still: a mount after an unmount finds the appliance's cache empty, which
  /// costs the next stage ten seconds where the processor is emulated. Not every filesystem can be held still (vfat
  /// can't), so a system of several is unmounted and mounted again.
  func still<Result: Sendable>(
    _ system: GuestSystem, _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    guard system.mounts.count == 1 else {
      try flush()
      let result = try await body()
      try mount(system)
      return result
    }
    try check("write everything out", watchdog.watch { guestfs_sync(handle) })
    try runWatched("fsfreeze --freeze /sysroot", doing: "hold the filesystem still")
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    // Also after an error: the session couldn't be closed otherwise.
    try runWatched("fsfreeze --unfreeze /sysroot", doing: "let the filesystem go on")
    return try result.get()
  }

  private func runWatched(_ command: String, doing: String) throws {
    _ = try watchdog.watch { Result { try runInAppliance(command, doing: doing) } }.get()
  }

  /// The device with this filesystem UUID or label; nil where there is none.
  public func device(uuid: String) -> String? { guestfs_findfs_uuid(handle, uuid).map { take($0) } }
  public func device(label: String) -> String? { guestfs_findfs_label(handle, label).map { take($0) } }

  public func uuid(of mountable: String) throws -> String {
    try string("read the UUID of \(mountable)", guestfs_vfs_uuid(handle, mountable))
  }

  /// Makes volume groups visible; the appliance loads the device mapper only for guests that need it.
  public func activateVolumeGroups() throws {
    try check("load the device mapper", guestfs_modprobe(handle, "dm_mod"))
    try check("find volume groups", guestfs_lvm_scan(handle, 1))
  }

  /// Bytes in use and in all on the filesystem that holds `path`.
  public func space(at path: String) throws -> (used: UInt64, total: UInt64, free: UInt64) {
    guard let status = guestfs_statvfs(handle, path) else { throw failure("look at the space at \(path)") }
    defer { guestfs_free_statvfs(status) }
    let size = UInt64(clamping: status.pointee.frsize)
    let total = UInt64(clamping: status.pointee.blocks) &* size
    let free = UInt64(clamping: status.pointee.bfree) &* size
    return (total &- min(free, total), total, free)
  }

  /// Gives blocks that the filesystem doesn't use back to the disk file.
  public func trim(_ mountPoint: String) throws {
    var options = guestfs_fstrim_argv()
    try check("trim \(mountPoint)", guestfs_fstrim_argv(handle, mountPoint, &options))
  }

  /// Makes an ext4 filesystem on `device`.
  public func makeExt4(on device: String, label: String) throws {
    try label.withCString { name in
      var options = guestfs_mkfs_opts_argv()
      options.bitmask = UInt64(1 << 4)  // label
      options.label = name
      try check("make a filesystem on \(device)", guestfs_mkfs_opts_argv(handle, "ext4", device, &options))
    }
  }

  // MARK: Files

  public func exists(_ path: String) throws -> Bool {
    let answer = guestfs_exists(handle, path)
    try check("look for \(path)", answer < 0 ? -1 : 0)
    return answer == 1
  }

  /// Whether `path`, links followed, is a regular file.
  public func isFile(_ path: String) throws -> Bool {
    var options = guestfs_is_file_opts_argv()
    options.bitmask = 1  // followsymlinks
    options.followsymlinks = 1
    let answer = guestfs_is_file_opts_argv(handle, path, &options)
    try check("look at \(path)", answer < 0 ? -1 : 0)
    return answer == 1
  }

  /// A message of libguestfs's protocol holds 4 MiB at the most, in bytes.
  private static let largestPiece = 2 << 20

  /// The first `limit` bytes of a file from `offset`; fewer where it ends, and never more than 2 MiB.
  public func read(_ path: String, limit: Int, offset: Int64 = 0) throws -> Data {
    var size = 0
    guard let bytes = guestfs_pread(handle, path, CInt(min(limit, Self.largestPiece)), offset, &size) else {
      throw failure("read \(path)")
    }
    return Data(bytesNoCopy: bytes, count: size, deallocator: .free)
  }

  /// A whole file, or nil where there is none.
  ///
  /// - Throws: ``GuestError/call(call:reason:)`` also for one larger than `limit` bytes.
  public func contents(of path: String, limit: Int = 1 << 20) throws -> Data? {
    guard try isFile(path) else { return nil }
    var bytes = Data()
    while true {
      let piece = try read(path, limit: Self.largestPiece, offset: Int64(bytes.count))
      bytes += piece
      guard bytes.count <= limit else {
        throw GuestError.call(call: "read \(path)", reason: "it is larger than \(limit) bytes")
      }
      if piece.count < Self.largestPiece { return bytes }
    }
  }

  /// The same as text.
  public func text(_ path: String, limit: Int = 1 << 20) throws -> String? {
    try contents(of: path, limit: limit).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The names in a folder; empty where there is none.
  public func names(in folder: String) throws -> [String] {
    guard try exists(folder) else { return [] }
    return try strings("list \(folder)", guestfs_ls(handle, folder))
  }

  public func write(_ text: String, to path: String) throws {
    let bytes = Array(text.utf8)
    try bytes.withUnsafeBytes { buffer in
      let characters = buffer.assumingMemoryBound(to: CChar.self).baseAddress
      try check("write \(path)", guestfs_write(handle, path, characters, bytes.count))
    }
  }

  public func makeFolder(_ path: String) throws { try check("make \(path)", guestfs_mkdir_p(handle, path)) }
  public func remove(_ path: String) throws { try check("remove \(path)", guestfs_rm_rf(handle, path)) }

  /// Unpacks an uncompressed tar from the host below `folder`, owners and modes as they stand in it.
  public func unpack(_ tar: FilePath, into folder: String) throws {
    var options = guestfs_tar_in_opts_argv()
    options.bitmask = UInt64(1 << 1)  // xattrs
    options.xattrs = 1
    try check("unpack into \(folder)", guestfs_tar_in_opts_argv(handle, tar.string, folder, &options))
  }

  /// Runs a shell script in the guest, chrooted, with its /dev, /proc and /sys mounted.
  ///
  /// - Returns: what it wrote to stdout.
  /// - Throws: ``GuestError/call(call:reason:)`` with its stderr when its status isn't 0.
  @discardableResult
  public func run(_ script: String, doing: String) throws -> String {
    try string(doing, guestfs_sh(handle, script))
  }

  /// Runs a shell command in the appliance itself, where the guest is at /sysroot.
  @discardableResult
  public func runInAppliance(_ command: String, doing: String) throws -> String {
    try Self.withCStrings([command]) { arguments in
      try string(doing, guestfs_debug(handle, "sh", arguments))
    }
  }

  // MARK: Results

  private func check(_ doing: String, _ result: CInt) throws {
    if result != 0 { throw failure(doing) }
  }

  private func failure(_ doing: String) -> GuestError {
    watchdog.hasBitten
      ? .stalled(call: doing, seconds: Watchdog.seconds) : .call(call: doing, reason: Self.lastError(handle))
  }

  private static func lastError(_ handle: OpaquePointer) -> String {
    guestfs_last_error(handle).map { String(cString: $0) } ?? "libguestfs gave no reason"
  }

  private func take(_ characters: UnsafeMutablePointer<CChar>) -> String {
    defer { free(characters) }
    return String(cString: characters)
  }

  private func string(_ doing: String, _ characters: UnsafeMutablePointer<CChar>?) throws -> String {
    guard let characters else { throw failure(doing) }
    return take(characters)
  }

  private func strings(
    _ doing: String, _ list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
  ) throws -> [String] {
    guard let list else { throw failure(doing) }
    defer { free(list) }
    var strings: [String] = []
    while let characters = list[strings.count] { strings.append(take(characters)) }
    return strings
  }

  private static func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) throws -> Result
  ) rethrows -> Result {
    var pointers = strings.map { strdup($0) }
    pointers.append(nil)
    defer { pointers.forEach { free($0) } }
    return try body(pointers)
  }

  /// Kills the QEMU processes of this process whose command line names `folder`.
  ///
  /// libguestfs's calls can't be interrupted from another thread, and its handle doesn't tell the process id while one
  /// runs; the end of QEMU ends them.
  private static func killAppliances(of folder: FilePath) {
    for child in ChildProcesses.ofThisProcess() where child.commandLine.contains(folder.string) {
      kill(child.id, SIGKILL)
    }
  }
}
