public import NIOCore
import NIOHTTP1

/// The connections of a server, at most so many of one address and of all together. There is room for a new one always:
/// that which nothing was heard of for longest is closed for it, so that whoever holds connections keeps nobody from being
/// answered.
///
/// Used on the one event loop of the server.
public final class OpenConnections: @unchecked Sendable {
  private let (mostOfOne, mostOfAll): (Int, Int)
  /// Those that nothing was heard of for longest come first.
  private var open: [OpenConnection] = []
  private(set) var isEnding = false

  public init(ofOne: Int, ofAll: Int) { (mostOfOne, mostOfAll) = (ofOne, ofAll) }

  /// Takes in a new connection. To be called before anything else is added to its pipeline, such as TLS.
  public func admit(_ channel: any Channel) throws {
    let connection = OpenConnection(among: self, address: channel.remoteAddress?.ipAddress ?? "")
    if open.count(where: { $0.address == connection.address }) >= mostOfOne {
      evict { $0.address == connection.address }
    } else if open.count >= mostOfAll {
      evict { _ in true }
    }
    try channel.pipeline.syncOperations.addHandler(connection)
    open.append(connection)
  }

  /// Sees from then on when the connection's requests come and are answered. To be called when its pipeline has NIO's
  /// HTTP/1 decoder.
  public func follow(_ channel: any Channel) throws {
    let pipeline = channel.pipeline.syncOperations
    let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
    try pipeline.addHandler(RequestWatch(try pipeline.handler(type: OpenConnection.self)), position: .after(decoder))
  }

  /// Closes all: at once where nothing was asked for, else when that is answered.
  public func end() {
    isEnding = true
    for connection in open { connection.end() }
  }

  func heard(of connection: OpenConnection) {
    guard let index = open.firstIndex(where: { $0 === connection }) else { return }
    open.append(open.remove(at: index))
  }

  func left(_ connection: OpenConnection) { open.removeAll { $0 === connection } }

  private func evict(_ condition: (OpenConnection) -> Bool) {
    guard let index = open.firstIndex(where: condition) else { return }
    open.remove(at: index).close()
  }
}
