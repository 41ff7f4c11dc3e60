import Foundation
import Glibc
import Host
public import SystemPackage

/// What an instance says on its serial console: a file that QEMU appends to, and one that holds what came before.
///
/// A guest can say as much as it likes, so that the file is cut whenever somebody looks at it, and QEMU can't write
/// beyond the limit that ``LocalInstanceMachine`` sets on its files.
public struct LocalInstanceConsole: Sendable {
  public let file: FilePath
  private var earlier: FilePath { FilePath(file.string + ".1") }

  /// Neither of the two files keeps more, in bytes.
  public static let limit = 1 << 20

  public init(file: FilePath) { self.file = file }

  /// Begins anew: what earlier boots said is of another instance.
  ///
  /// - Returns: the file, open for QEMU to append to.
  /// - Throws: ``HostError``.
  func begin() throws -> OpenFile {
    try Folder.remove(earlier)
    let opened = try OpenFile(file, O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, mode: 0o600)
    guard fchmod(opened.descriptor, 0o600) == 0 else {
      throw HostError.file(doing: "protect", path: file, errno: errno)
    }
    return opened
  }

  /// Puts what is there aside when it is long. A few bytes that come meanwhile may be lost.
  ///
  /// - Throws: ``HostError``.
  public func cut() throws {
    var status = stat()
    guard stat(file.string, &status) == 0, status.st_size > Self.limit else { return }
    try AtomicFile.write(Data(Self.end(of: file, Self.limit)), to: earlier, mode: 0o600)
    // Appending, QEMU goes on at the new end, which is the beginning.
    guard truncate(file.string, 0) == 0 else { throw HostError.file(doing: "cut", path: file, errno: errno) }
  }

  /// The last `limit` bytes of all that was said; bytes that aren't UTF-8 are replaced.
  public func text(limit: Int = limit) -> String {
    let latest = Self.end(of: file, limit)
    let before = latest.count < limit ? Self.end(of: earlier, limit - latest.count) : []
    return String(decoding: before + latest, as: UTF8.self)
  }

  /// - Throws: ``HostError``.
  func remove() throws {
    for path in [file, earlier] { try Folder.remove(path) }
  }

  private static func end(of path: FilePath, _ limit: Int) -> [UInt8] {
    guard let handle = FileHandle(forReadingAtPath: path.string) else { return [] }
    defer { try? handle.close() }
    guard let size = try? handle.seekToEnd(), (try? handle.seek(toOffset: size - min(size, UInt64(limit)))) != nil,
      let bytes = try? handle.read(upToCount: limit)
    else { return [] }
    return Array(bytes)
  }
}
