import Foundation
import NIOCore
import SystemPackage

/// A file's bytes as a body that is sent, a piece at a time, from its start each time it is asked for.
struct FileChunks: AsyncSequence, Sendable {
  typealias Element = ByteBuffer

  let path: FilePath
  /// Told how many bytes have been read so far.
  let progress: @Sendable (UInt64) -> Void

  private static let size = 1 << 20

  func makeAsyncIterator() -> Iterator { Iterator(chunks: self) }

  struct Iterator: AsyncIteratorProtocol {
    let chunks: FileChunks
    private var handle: FileHandle?
    private var done: UInt64 = 0

    init(chunks: FileChunks) { self.chunks = chunks }

    mutating func next() async throws -> ByteBuffer? {
      try Task.checkCancellation()
      let open = try handle ?? FileHandle(forReadingFrom: URL(filePath: chunks.path.string))
      handle = open
      guard let data = try open.read(upToCount: FileChunks.size), !data.isEmpty else {
        try open.close()
        return nil
      }
      done += UInt64(data.count)
      chunks.progress(done)
      return ByteBuffer(bytes: data)
    }
  }
}
