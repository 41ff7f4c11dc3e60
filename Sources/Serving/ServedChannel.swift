import HummingbirdCore
import Listening
import Logging
import NIOCore
import NIOSSL

/// One connection of the server: within its bounds, with TLS where there is a certificate, and then HTTP/1.1.
struct ServedChannel: ServerChildChannel {
  typealias Value = HTTP1Channel.Value

  let http: HTTP1Channel
  let connections: OpenConnections
  let identity: ServedIdentity?

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    channel.eventLoop.makeCompletedFuture {
      try connections.admit(channel)
      guard let identity else { return }
      try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: identity.context))
    }.flatMap {
      http.setup(channel: channel, logger: logger)
    }.flatMapThrowing { value in
      try connections.follow(channel)
      return value
    }
  }

  func handle(value: Value, logger: Logger) async { await http.handle(value: value, logger: logger) }
}
