import Foundation
import Listening
import NIOCore
import NIOHTTP1
import NIOPosix
import Names
public import SystemPackage

/// The metadata service of one network, to be run inside of the network's namespace: it listens on 169.254.169.254 port 80
/// until it is ended.
public struct MetadataService: Sendable {
  let folder: FilePath
  /// At most so many connections at once, of one machine and of all together: none can keep another from being answered.
  private static let (mostOfOne, mostOfAll) = (8, 512)

  /// - Parameter folder: the network's.
  public init(folder: FilePath) { self.folder = folder }

  /// - Throws: an `IOError` when it can't listen.
  public func run() async throws {
    // A thread that does nothing but answer: there is little to answer.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let log = BoundedLog()
    let window = BootWindow(console: folder.appending(NetworkSpace.consoleName))
    let answers = MetadataAnswers(folder: folder, window: window, log: log)
    let connections = OpenConnections(ofOne: Self.mostOfOne, ofAll: Self.mostOfAll)
    let server = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 64)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try connections.admit(channel)
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
          try connections.follow(channel)
          try channel.pipeline.syncOperations.addHandler(MetadataHandler(answers))
        }
      }
      .bind(host: "169.254.169.254", port: 80).get()
    log.write("answering")
    try await withTaskCancellationHandler {
      try await server.closeFuture.get()
    } onCancel: {
      // Nothing that is said in the middle of an answer is worth a command's wait for this process.
      server.close(promise: nil)
    }
  }
}
