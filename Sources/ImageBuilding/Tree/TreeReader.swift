import CArchive
import Foundation
import Glibc
import Host
import SystemPackage

/// Reads a tar of a guest's whole filesystem, as it streams by, into a ``Tree``.
struct TreeReader {
  /// Latest time that an entry may have, in seconds since 1970.
  let epoch: Int
  /// Files whose content is wanted too, up to 16 MiB each.
  var wanted: @Sendable (String) -> Bool = { _ in false }

  struct Result: Sendable {
    let tree: Tree
    let contents: [String: Data]
    /// Of all regular files, in bytes.
    let size: UInt64
  }

  private static let maximumContent = 16 << 20

  /// Packs the guest's filesystem and reads what comes, both at once.
  ///
  /// - Throws: ``GuestError``, ``HostError``.
  func read(_ session: GuestSession) async throws -> Result {
    let (reading, writing) = try FileDescriptor.pipe()
    // The appliance's end is closed once all is packed, or else the reader would wait for more for ever.
    async let packed: Void = {
      defer { try? writing.close() }
      try await session.pack("/", to: FilePath("/dev/fd/\(writing.rawValue)"))
    }()
    let reader = ThreadExecutor(name: "tree")
    defer { reader.end() }
    let worker = Worker(executor: reader)
    do {
      let result = try await worker.run { try self.read(descriptor: reading) }
      try? reading.close()
      try await packed
      return result
    } catch {
      // The appliance gets EPIPE and stops; what it says of that isn't the reason.
      try? reading.close()
      _ = try? await packed
      throw error
    }
  }

  private actor Worker {
    let executor: ThreadExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    init(executor: ThreadExecutor) { self.executor = executor }
    func run<R: Sendable>(_ body: @Sendable () throws -> R) throws -> R { try body() }
  }

  /// Reads a tar from an open file or pipe.
  func read(descriptor: FileDescriptor) throws -> Result {
    guard let archive = archive_read_new() else { throw failure("out of memory") }
    defer { archive_read_free(archive) }
    archive_read_support_format_tar(archive)
    guard archive_read_open_fd(archive, descriptor.rawValue, 1 << 18) == ARCHIVE_OK else { throw failure(archive) }

    var entries: [TreeEntry] = []
    var names: [String: [Int]] = [:]  // first name of a file with several → its other entries
    var contents: [String: Data] = [:]
    var size: UInt64 = 0
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    var header: OpaquePointer?
    while true {
      let status = archive_read_next_header(archive, &header)
      if status == ARCHIVE_EOF { break }
      guard status == ARCHIVE_OK || status == ARCHIVE_WARN, let header else { throw failure(archive) }
      guard var entry = entry(header) else { continue }
      if let first = archive_entry_hardlink(header).map({ Self.absolute(String(cString: $0)) }) {
        names[first, default: []].append(entries.count)
      } else if entry.type == .file {
        let keep = wanted(entry.path)
        let (digest, length, content) = try content(of: archive, buffer: &buffer, keep: keep)
        entry.digest = digest
        size += length
        if keep { contents[entry.path] = content }
      }
      entries.append(entry)
    }
    join(names, in: &entries)
    return Result(tree: Tree(entries), contents: contents, size: size)
  }

  private func content(
    of archive: OpaquePointer, buffer: inout [UInt8], keep: Bool
  ) throws -> (Digest, UInt64, Data) {
    var hasher = Digest.Hasher()
    var length: UInt64 = 0
    var content = Data()
    while true {
      let count = buffer.withUnsafeMutableBytes { archive_read_data(archive, $0.baseAddress, $0.count) }
      guard count >= 0 else { throw failure(archive) }
      if count == 0 { return (hasher.finish(), length, content) }
      buffer.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      length += UInt64(count)
      if keep && content.count < Self.maximumContent { content.append(contentsOf: buffer[..<count]) }
    }
  }

  private func entry(_ header: OpaquePointer) -> TreeEntry? {
    guard let name = archive_entry_pathname(header).map({ String(cString: $0) }) else { return nil }
    let isHardLink = archive_entry_hardlink(header) != nil
    let type: TreeEntry.Kind
    switch archive_entry_filetype(header) {
    case FileType.regular: type = .file
    case FileType.folder: type = .folder
    case FileType.link: type = .link
    case FileType.character: type = .character
    case FileType.block: type = .block
    case FileType.pipe: type = .pipe
    case FileType.socket: type = .socket
    default: type = isHardLink ? .file : .socket
    }
    let isDevice = type == .character || type == .block
    return TreeEntry(
      path: Self.absolute(name), type: type, mode: String(archive_entry_perm(header), radix: 8),
      owner: archive_entry_uid(header), group: archive_entry_gid(header), digest: nil,
      target: archive_entry_symlink(header).map { String(cString: $0) }, sameAs: nil,
      device: isDevice ? "\(archive_entry_rdevmajor(header)),\(archive_entry_rdevminor(header))" : nil,
      attributes: attributes(header), modified: min(epoch, Int(archive_entry_mtime(header))))
  }

  private func attributes(_ header: OpaquePointer) -> [String: Digest]? {
    guard archive_entry_xattr_reset(header) > 0 else { return nil }
    var attributes: [String: Digest] = [:]
    var name: UnsafePointer<CChar>?
    var value: UnsafeRawPointer?
    var size = 0
    while archive_entry_xattr_next(header, &name, &value, &size) == ARCHIVE_OK, let name {
      attributes[String(cString: name)] = .sha256(value.map { Data(bytes: $0, count: size) } ?? Data())
    }
    return attributes
  }

  /// A file with several names is told by the first of them in byte order, whichever the tar met first.
  private func join(_ names: [String: [Int]], in entries: inout [TreeEntry]) {
    let index = Dictionary(entries.enumerated().map { ($1.path, $0) }, uniquingKeysWith: { first, _ in first })
    for (first, others) in names {
      guard let origin = index[first] else { continue }
      let group = [origin] + others
      let least = group.map { entries[$0].path }.min { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      for place in group {
        entries[place].type = .file
        entries[place].digest = entries[origin].digest
        entries[place].sameAs = entries[place].path == least ? nil : least
      }
    }
  }

  /// `./etc/passwd`, as tar names it, is `/etc/passwd`.
  private static func absolute(_ name: String) -> String {
    let path = name.hasPrefix("./") ? String(name.dropFirst()) : name.hasPrefix("/") ? name : "/" + name
    return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  private func failure(_ archive: OpaquePointer) -> GuestError {
    failure(archive_error_string(archive).map { String(cString: $0) } ?? "the archive can't be read")
  }

  private func failure(_ reason: String) -> GuestError { .call(call: "list all files", reason: reason) }
}
