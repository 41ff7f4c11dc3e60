import CArchive
import Foundation
import Host
import SystemPackage

/// Writes an uncompressed pax tar (POSIX.1-2001) through libarchive.
struct TarWriter: ~Copyable {
  private let archive: OpaquePointer
  private let path: FilePath

  /// - Throws: ``HostError/file(doing:path:errno:)``.
  init(_ path: FilePath) throws {
    guard let archive = archive_write_new() else { throw HostError.file(doing: "write", path: path, errno: ENOMEM) }
    self.archive = archive
    self.path = path
    archive_write_set_format_pax_restricted(archive)
    guard archive_write_open_filename(archive, path.string) == ARCHIVE_OK else { throw failure() }
  }

  deinit { archive_write_free(archive) }

  private func failure() -> HostError {
    let code = archive_errno(archive)
    return .file(doing: "write", path: path, errno: code > 0 ? code : EIO)
  }

  /// Adds one entry; `owner` and `group` are numbers, `time` is seconds since 1970.
  func add(_ entry: Overlay.Entry, owner: Int64, group: Int64, time: Int) throws {
    let header = archive_entry_new()
    defer { archive_entry_free(header) }
    archive_entry_set_pathname_utf8(header, "." + entry.path)
    archive_entry_set_perm(header, mode_t(entry.mode))
    archive_entry_set_uid(header, owner)
    archive_entry_set_gid(header, group)
    archive_entry_set_mtime(header, time, 0)
    var contents = Data()
    switch entry.kind {
    case .file(let bytes):
      archive_entry_set_filetype(header, UInt32(S_IFREG))
      archive_entry_set_size(header, Int64(bytes.count))
      contents = bytes
    case .folder:
      archive_entry_set_filetype(header, UInt32(S_IFDIR))
    case .link(let target):
      archive_entry_set_filetype(header, UInt32(S_IFLNK))
      archive_entry_set_symlink_utf8(header, target)
    }
    guard archive_write_header(archive, header) == ARCHIVE_OK else { throw failure() }
    let written = contents.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
    guard written == contents.count else { throw failure() }
  }

  consuming func finish() throws {
    guard archive_write_close(archive) == ARCHIVE_OK else { throw failure() }
  }
}
