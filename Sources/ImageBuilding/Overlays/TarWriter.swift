import CArchive
import Foundation
import Host
import SystemPackage

/// libarchive's names for the types of files, which Swift can't tell from the C library's (archive_entry.h).
enum FileType {
  static let regular: UInt32 = 0o100000
  static let folder: UInt32 = 0o040000
  static let link: UInt32 = 0o120000
}

/// Writes an uncompressed pax tar (POSIX.1-2001) through libarchive.
struct TarWriter: ~Copyable {
  private let archive: OpaquePointer
  private let path: FilePath

  /// - Throws: ``HostError/file(doing:path:errno:)``.
  init(_ path: FilePath) throws {
    // Only a process without any memory left gets nil here, and Swift traps for it everywhere else too.
    guard let archive = archive_write_new() else { preconditionFailure("out of memory") }
    self.archive = archive
    self.path = path
    archive_write_set_format_pax_restricted(archive)
    try check(archive_write_open_filename(archive, path.string))
  }

  deinit { archive_write_free(archive) }

  private func check(_ status: CInt) throws {
    guard status != ARCHIVE_OK else { return }
    let code = archive_errno(archive)
    throw HostError.file(doing: "write", path: path, errno: code > 0 ? code : EIO)
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
      archive_entry_set_filetype(header, FileType.regular)
      archive_entry_set_size(header, Int64(bytes.count))
      contents = bytes
    case .folder:
      archive_entry_set_filetype(header, FileType.folder)
    case .link(let target):
      archive_entry_set_filetype(header, FileType.link)
      archive_entry_set_symlink_utf8(header, target)
    }
    try check(archive_write_header(archive, header))
    let written = contents.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
    try check(written == contents.count ? ARCHIVE_OK : ARCHIVE_FATAL)
  }

  consuming func finish() throws {
    try check(archive_write_close(archive))
  }
}
