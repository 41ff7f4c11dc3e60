import CArchive
import Foundation
import Glibc
import Host
import SystemPackage

/// A .deb: an `ar` archive of "debian-binary", "control.tar" and "data.tar", the last two compressed or not (deb(5)).
struct DebArchive {
  let path: FilePath
  private let bytes: Data
  private let members: [Member]

  private struct Member {
    let name: String
    /// The 60 bytes of its header.
    let header: Range<Int>
    let content: Range<Int>
  }

  private static let magic = Array("!<arch>\n".utf8)

  /// Opens a package; its bytes are mapped, not read.
  ///
  /// - Throws: ``PackageError/badPackage(path:reason:)``.
  init(_ path: FilePath) throws {
    self.path = path
    do {
      bytes = try Data(contentsOf: URL(filePath: path.string), options: .alwaysMapped)
    } catch {
      throw PackageError.badPackage(path: path, reason: "it can't be read")
    }
    members = try Self.members(of: bytes, path: path)
    let names = members.map { $0.name.split(separator: ".").prefix(2).joined(separator: ".") }
    guard names.first == "debian-binary",
      names.filter({ !$0.hasPrefix("_") }).dropFirst() == ["control.tar", "data.tar"]
    else { throw PackageError.badPackage(path: path, reason: "its members are \(names.joined(separator: ", "))") }
    guard let version = members.first, bytes[version.content].starts(with: "2.".utf8) else {
      throw PackageError.badPackage(path: path, reason: "its format isn't 2.x")
    }
  }

  /// Writes the same package with its members uncompressed. What dpkg unpacks from it is the same to the byte.
  ///
  /// - Throws: ``PackageError/badPackage(path:reason:)``, `HostError`; nothing is left at `target` then.
  func writeUncompressed(to target: FilePath) throws {
    guard let file = fopen(target.string, "wxe") else {
      throw HostError.file(doing: "create", path: target, errno: errno)
    }
    do {
      defer { fclose(file) }
      let output = Output(file: file, path: target)
      try output.write(Self.magic)
      for member in members { try write(member, to: output) }
      guard fflush(file) == 0 else { throw HostError.file(doing: "write", path: target, errno: errno) }
    } catch {
      unlink(target.string)
      throw error
    }
  }

  private func write(_ member: Member, to output: Output) throws {
    let start = output.position
    try output.write(bytes[member.header])
    let name = member.name.split(separator: ".").prefix(2).joined(separator: ".")
    if name.hasSuffix(".tar") && name != member.name {
      try decompress(member, to: output)
    } else {
      try output.write(bytes[member.content])
    }
    let size = output.position - start - 60
    if size % 2 == 1 { try output.write([UInt8(ascii: "\n")]) }
    try output.write(Self.field(name, width: 16), at: start)
    try output.write(Self.field(String(size), width: 10), at: start + 48)
  }

  private func decompress(_ member: Member, to output: Output) throws {
    guard let archive = archive_read_new() else { throw broken("out of memory") }
    defer { archive_read_free(archive) }
    archive_read_support_format_raw(archive)
    for filter in [
      archive_read_support_filter_gzip, archive_read_support_filter_bzip2, archive_read_support_filter_xz,
      archive_read_support_filter_lzma, archive_read_support_filter_zstd,
    ] { _ = filter(archive) }
    try bytes[member.content].withUnsafeBytes { content in
      var entry: OpaquePointer?
      guard archive_read_open_memory(archive, content.baseAddress, content.count) == ARCHIVE_OK,
        archive_read_next_header(archive, &entry) == ARCHIVE_OK, archive_filter_code(archive, 0) != ARCHIVE_FILTER_NONE
      else { throw broken("\(member.name) isn't compressed as its name says") }
      let start = output.position
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
      defer { buffer.deallocate() }
      while true {
        let count = archive_read_data(archive, buffer.baseAddress, buffer.count)
        if count == 0 { break }
        guard count > 0 else { throw broken("\(member.name) is damaged") }
        try output.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        // ar has ten digits for a size.
        guard output.position - start < 9_999_999_999 else { throw broken("\(member.name) is too big") }
      }
      guard output.position > start, (output.position - start) % 512 == 0 else {
        throw broken("\(member.name) ends in the middle of a block")
      }
    }
  }

  private func broken(_ reason: String) -> PackageError { .badPackage(path: path, reason: reason) }

  private static func members(of bytes: Data, path: FilePath) throws -> [Member] {
    guard bytes.starts(with: magic) else { throw PackageError.badPackage(path: path, reason: "it isn't an ar archive") }
    var members: [Member] = []
    var position = magic.count
    while position < bytes.count && members.count < 16 {
      let header = position..<position + 60
      guard header.upperBound <= bytes.count, bytes[header].suffix(2).elementsEqual([0x60, 0x0A]),
        let size = Int(text(bytes[header.lowerBound + 48..<header.lowerBound + 58])), size >= 0,
        size <= bytes.count - header.upperBound
      else { throw PackageError.badPackage(path: path, reason: "it is cut short or damaged at byte \(position)") }
      var name = text(bytes[header.prefix(16)])
      if name.hasSuffix("/") { name.removeLast() }
      members.append(Member(name: name, header: header, content: header.upperBound..<header.upperBound + size))
      position = header.upperBound + size + size % 2
    }
    return members
  }

  private static func text(_ bytes: Data) -> String {
    String(String(decoding: bytes, as: UTF8.self).prefix { $0 != " " })
  }

  private static func field(_ text: String, width: Int) -> [UInt8] {
    Array(text.utf8.prefix(width)) + [UInt8](repeating: UInt8(ascii: " "), count: max(0, width - text.utf8.count))
  }

  /// A file that is written front to back, with a few fields filled in afterwards.
  private final class Output {
    private let file: UnsafeMutablePointer<FILE>
    private let path: FilePath
    private(set) var position = 0

    init(file: UnsafeMutablePointer<FILE>, path: FilePath) {
      self.file = file
      self.path = path
    }

    func write(_ bytes: some DataProtocol) throws {
      for region in bytes.regions {
        try region.withUnsafeBytes { buffer in
          guard fwrite(buffer.baseAddress, 1, buffer.count, file) == buffer.count else { throw failure() }
        }
      }
      position += bytes.count
    }

    func write(_ bytes: [UInt8], at offset: Int) throws {
      guard fseek(file, offset, SEEK_SET) == 0, fwrite(bytes, 1, bytes.count, file) == bytes.count,
        fseek(file, 0, SEEK_END) == 0
      else { throw failure() }
    }

    private func failure() -> HostError { .file(doing: "write", path: path, errno: errno) }
  }
}
