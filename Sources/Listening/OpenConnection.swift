import NIOCore

/// One connection, nearest to its socket, so that it is closed at once whatever its other end does: TLS would first take
/// leave of it.
final class OpenConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  /// For a request's head to be there: since the connection was opened, or since the answer before. TLS's handshake
  /// is in it.
  static let patience = TimeAmount.seconds(10)
  /// From a request's head until its answer is sent.
  static let answering = TimeAmount.seconds(60)
  /// The same for a server that ends.
  static let parting = TimeAmount.seconds(5)

  let address: String
  private let connections: OpenConnections
  private var context: ChannelHandlerContext?
  private var timer: Scheduled<Void>?
  private var unanswered = 0

  init(among connections: OpenConnections, address: String) {
    self.connections = connections
    self.address = address
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    close(in: Self.patience)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    self.context = nil
    connections.left(self)
  }

  func asked() {
    unanswered += 1
    connections.heard(of: self)
    // One of several that came together waits for those before it.
    if unanswered == 1 { close(in: Self.answering) }
  }

  func answered() {
    unanswered -= 1
    connections.heard(of: self)
    if unanswered == 0 && connections.isEnding { return close() }
    close(in: unanswered == 0 ? Self.patience : Self.answering)
  }

  func end() {
    if unanswered == 0 { close() } else { close(in: Self.parting) }
  }

  func close() { context?.close(promise: nil) }

  private func close(in time: TimeAmount) {
    timer?.cancel()
    timer = context?.eventLoop.assumeIsolated().scheduleTask(in: time) { self.close() }
  }
}
