import Foundation
import Host
import Synchronization
import SystemPackage

/// Reads a guest's files through a session and notes down every answer, so that the same questions can be answered
/// later without opening the guest.
final class RecordingFiles: GuestFiles {
  private let session: GuestSession
  private let answers = Mutex(RecordedFiles())

  init(_ session: GuestSession) { self.session = session }

  var recorded: RecordedFiles { answers.withLock { $0 } }

  func read(_ path: FilePath, limit: Int) async throws -> [UInt8]? {
    let bytes = try await session.contents(of: path.string, limit: limit)
    answers.withLock { $0.files[path.string] = bytes }
    return bytes.map { [UInt8]($0) }
  }

  func names(in folder: FilePath) async throws -> [String] {
    let names = try await session.names(in: folder.string)
    answers.withLock { $0.folders[folder.string] = names }
    return names
  }
}

/// The answers that a guest once gave.
struct RecordedFiles: GuestFiles, Codable {
  var files: [String: Data] = [:]
  var folders: [String: [String]] = [:]

  func read(_ path: FilePath, limit: Int) async throws -> [UInt8]? {
    files[path.string].map { [UInt8]($0) }
  }

  func names(in folder: FilePath) async throws -> [String] { folders[folder.string] ?? [] }
}
