public import Foundation

/// The zip archive of a user's credentials.
public enum CredentialsArchive {
  /// The same bytes for the same files.
  ///
  /// - Throws: ``PayloadError/notWritten(reason:)``.
  public static func zip(_ files: [(name: String, content: Data, isPrivate: Bool)]) throws -> Data {
    try ZipWriter.archive(
      files.map { Payload.File(name: $0.name, content: $0.content, mode: $0.isPrivate ? 0o600 : 0o644) })
  }
}
