import CArchive
import Foundation
import Glibc

/// Writes zip archives that depend on nothing but the files: no owner, no clock and no time zone.
enum ZipWriter {
  /// - Throws: ``PayloadError/notWritten(reason:)``.
  static func archive(_ files: [Payload.File]) throws -> Data {
    guard let writer = archive_write_new() else { throw PayloadError.notWritten(reason: "out of memory") }
    defer { archive_write_free(writer) }
    try check(writer, archive_write_set_format_zip(writer))
    try check(writer, archive_write_set_format_option(writer, "zip", "compression", "deflate"))
    // What deflate can't shrink grows by 5 bytes in 16 KiB (RFC 1951, 3.2.4); the headers of an entry take 200.
    let capacity = files.reduce(1024) { $0 + $1.content.count + $1.content.count / 1024 + 1024 }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
    defer {
      // It held the server's key.
      if let start = buffer.baseAddress { explicit_bzero(start, buffer.count) }
      buffer.deallocate()
    }
    // libarchive writes the length through this pointer until it is closed.
    let used = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    used.initialize(to: 0)
    defer { used.deallocate() }
    try check(writer, archive_write_open_memory(writer, buffer.baseAddress, buffer.count, used))
    for file in files { try add(file, to: writer) }
    try check(writer, archive_write_close(writer))
    return Data(UnsafeRawBufferPointer(rebasing: buffer[..<used.pointee]))
  }

  private static func add(_ file: Payload.File, to writer: OpaquePointer) throws {
    guard let entry = archive_entry_new() else { throw PayloadError.notWritten(reason: "out of memory") }
    defer { archive_entry_free(entry) }
    archive_entry_set_pathname(entry, file.name)
    archive_entry_set_mode(entry, Glibc.S_IFREG | mode_t(file.mode))
    archive_entry_set_uid(entry, 0)
    archive_entry_set_gid(entry, 0)
    archive_entry_set_size(entry, Int64(file.content.count))
    // No time is set: libarchive then writes 1980-01-01, the first that the format knows, in every time zone. A time
    // that is set is written in local time.
    try check(writer, archive_write_header(writer, entry))
    let written = file.content.withUnsafeBytes { archive_write_data(writer, $0.baseAddress, $0.count) }
    guard written == file.content.count else { throw failure(writer) }
  }

  private static func check(_ writer: OpaquePointer, _ status: CInt) throws {
    guard status == ARCHIVE_OK else { throw failure(writer) }
  }

  private static func failure(_ writer: OpaquePointer) -> PayloadError {
    .notWritten(reason: archive_error_string(writer).map { String(cString: $0) } ?? "libarchive gave no reason")
  }
}
