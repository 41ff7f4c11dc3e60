import Foundation
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
    let limit = ConnectionLimit(ofOne: Self.mostOfOne, ofAll: Self.mostOfAll)
    let server = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 64)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        guard limit.enter(channel) else { return channel.close() }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
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

/// Counts connections. Used on the one event loop.
private final class ConnectionLimit: @unchecked Sendable {
  private let (mostOfOne, mostOfAll): (Int, Int)
  private var counts: [String: Int] = [:]
  private var count = 0

  init(ofOne: Int, ofAll: Int) { (mostOfOne, mostOfAll) = (ofOne, ofAll) }

  func enter(_ channel: any Channel) -> Bool {
    let address = channel.remoteAddress?.ipAddress ?? ""
    let own = counts[address, default: 0]
    guard own < mostOfOne, count < mostOfAll else { return false }
    counts[address] = own + 1
    count += 1
    channel.closeFuture.whenComplete { _ in self.leave(address) }
    return true
  }

  private func leave(_ address: String) {
    count -= 1
    let left = counts[address, default: 1] - 1
    counts[address] = left > 0 ? left : nil
  }
}
