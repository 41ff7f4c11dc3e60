import CArchive
public import Foundation
import Glibc
import Names

/// Reads a payload's archive without trusting it: nothing is written anywhere, and whatever a payload never holds is
/// refused.
public struct PayloadReader: Sendable {
  /// The most entries that are read.
  public var entryLimit = 32
  /// The most bytes that all entries may have together.
  public var sizeLimit = 1 << 20
  /// How many times as large as the archive its content may be.
  public var ratioLimit = 100

  public init() {}

  /// The files of a payload by their names.
  ///
  /// - Throws: ``PayloadError/notAnArchive(reason:)`` for anything but a whole zip archive,
  ///   ``PayloadError/hostile(entry:why:)`` for an absolute path, `..`, a folder, a link or special file, an encrypted or
  ///   repeated entry, and for more or larger content than the limits allow.
  public func files(in archive: Data) throws -> [String: Data] {
    // A zip that something else stands before is legal, and two programs may read two things in it.
    guard archive.starts(with: [0x50, 0x4b, 0x03, 0x04]) else {
      throw PayloadError.notAnArchive(reason: "it doesn't begin with a zip entry")
    }
    return try archive.withUnsafeBytes { bytes in
      guard let reader = archive_read_new() else { throw PayloadError.notAnArchive(reason: "out of memory") }
      defer { archive_read_free(reader) }
      // Only the reader that goes by the directory at the end: the streaming one takes half an archive for a whole one.
      guard archive_read_support_format_zip_seekable(reader) == ARCHIVE_OK,
        archive_read_open_memory(reader, bytes.baseAddress, bytes.count) == ARCHIVE_OK
      else { throw Self.failure(reader) }
      return try readAll(reader, archiveSize: bytes.count)
    }
  }

  private func readAll(_ reader: OpaquePointer, archiveSize: Int) throws -> [String: Data] {
    var files: [String: Data] = [:]
    var budget = min(sizeLimit, archiveSize.multipliedReportingOverflow(by: ratioLimit).partialValue)
    var entry: OpaquePointer?
    while true {
      let status = archive_read_next_header(reader, &entry)
      if status == ARCHIVE_EOF { return files }
      guard status == ARCHIVE_OK, let entry else { throw Self.failure(reader) }
      let name = try Self.checkedName(of: entry)
      try Self.checkMethod(reader, name)
      guard files[name] == nil else { throw PayloadError.hostile(entry: name, why: "it is there twice") }
      guard files.count < entryLimit else {
        throw PayloadError.hostile(entry: name, why: "there are more than \(entryLimit) entries")
      }
      let content = try read(reader, name: name, limit: budget)
      budget -= content.count
      files[name] = content
    }
  }

  private func read(_ reader: OpaquePointer, name: String, limit: Int) throws -> Data {
    var content = Data()
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = archive_read_data(reader, &piece, piece.count)
      guard count >= 0 else { throw Self.failure(reader) }
      if count == 0 { return content }
      content.append(contentsOf: piece.prefix(count))
      guard content.count <= limit else {
        throw PayloadError.hostile(entry: name, why: "it unpacks to more than \(limit) bytes")
      }
    }
  }

  private static func checkedName(of entry: OpaquePointer) throws -> String {
    let bytes = archive_entry_pathname(entry).map { String(cString: $0) } ?? ""
    func refusal(_ why: String) -> PayloadError { .hostile(entry: NameError.quoted(bytes), why: why) }
    guard !bytes.hasPrefix("/") else { throw refusal("its path is absolute") }
    guard !bytes.split(separator: "/").contains("..") else { throw refusal("its path leads out of the folder") }
    let isLink = archive_entry_hardlink(entry) != nil || archive_entry_symlink(entry) != nil
    guard !isLink, archive_entry_filetype(entry) == Glibc.S_IFREG else {
      throw refusal("it isn't a plain file")
    }
    guard archive_entry_is_encrypted(entry) == 0 else { throw refusal("it is encrypted") }
    let isPlain = bytes.utf8.allSatisfy { byte in
      switch Unicode.Scalar(byte) {
      case "a"..."z", "A"..."Z", "0"..."9", ".", "-", "_": true
      default: false
      }
    }
    guard isPlain, (1...100).contains(bytes.utf8.count), !bytes.hasPrefix("."), !bytes.hasPrefix("-") else {
      throw refusal("its name isn't a plain one")
    }
    return bytes
  }

  /// libarchive also unpacks bzip2, LZMA, XZ, PPMd and Zstandard, whose heads say how much memory that takes; no payload
  /// has them, and neither the guest's unpacker nor others read them. The method stands in the format's name alone:
  /// `ZIP 2.0 (deflation)`.
  private static func checkMethod(_ reader: OpaquePointer, _ name: String) throws {
    let format = archive_format_name(reader).map { String(cString: $0) } ?? ""
    guard format.hasSuffix("(deflation)") || format.hasSuffix("(uncompressed)") else {
      throw PayloadError.hostile(entry: name, why: "it is neither stored nor deflated: \(NameError.quoted(format))")
    }
  }

  private static func failure(_ reader: OpaquePointer) -> PayloadError {
    .notAnArchive(
      reason: archive_error_string(reader).map { NameError.quoted(String(cString: $0)) } ?? "libarchive gave no reason")
  }
}
