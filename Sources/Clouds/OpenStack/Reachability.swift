import NIOCore
import NIOPosix
import Names

/// Whether there is an ssh server at an address.
enum Reachability {
  /// Packets that a firewall drops get no answer, and some gateways take every connection.
  private static let patience = Duration.seconds(2)

  /// Whether a server says its version there, which it does before it is asked anything (RFC 4253, section 4.2).
  static func hasShell(at address: IPv4Address) async -> Bool {
    await withTaskGroup(of: Bool.self) { group in
      group.addTask { (try? await greets(address)) ?? false }
      group.addTask {
        try? await Task.sleep(for: patience)
        return false
      }
      let first = await group.next() ?? false
      group.cancelAll()
      return first
    }
  }

  private static func greets(_ address: IPv4Address) async throws -> Bool {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connectTimeout(TimeAmount(patience))
      .connect(to: SocketAddress(ipAddress: address.text, port: 22)) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, Never>(wrappingChannelSynchronously: channel)
        }
      }
    return try await channel.executeThenClose { inbound in
      for try await part in inbound { return part.readableBytesView.starts(with: "SSH-".utf8) }
      return false
    }
  }
}
