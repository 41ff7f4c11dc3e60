import Foundation
import NIOCore
import NIOPosix
import SystemPackage

/// Hears on the instance's second QMP socket that the instance was reset, and opens the boot window again.
///
/// QEMU may come after the service and go before it, so that the socket is tried again each second.
final class ResetListener: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let socket: FilePath
  private let window: BootWindow
  private let log: BoundedLog
  // Used on the event loop alone.
  private var line: [UInt8] = []
  private static let longestLine = 64 << 10

  init(socket: FilePath, window: BootWindow, log: BoundedLog) {
    self.socket = socket
    self.window = window
    self.log = log
  }

  /// Listens for as long as the event loop runs.
  static func listen(_ socket: FilePath, window: BootWindow, log: BoundedLog, on loop: any EventLoop) {
    // sun_path has 108 bytes (unix(7)).
    guard socket.string.utf8.count < 108 else { return log.write("\(socket) is too long for a socket's name") }
    let connection = ClientBootstrap(group: loop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ResetListener(socket: socket, window: window, log: log))
        }
      }
      .connect(unixDomainSocketPath: socket.string)
    connection.flatMap(\.closeFuture).whenComplete { _ in
      loop.scheduleTask(in: .seconds(1)) { listen(socket, window: window, log: log, on: loop) }
    }
  }

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "{\"execute\":\"qmp_capabilities\"}\n")), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    for byte in unwrapInboundIn(data).readableBytesView {
      if byte != UInt8(ascii: "\n") {
        line.append(byte)
        if line.count > Self.longestLine { return context.close(promise: nil) }
      } else {
        hear(line)
        line.removeAll()
      }
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private struct Message: Decodable { let event: String? }

  private func hear(_ line: [UInt8]) {
    guard (try? JSONDecoder().decode(Message.self, from: Data(line)))?.event == "RESET" else { return }
    log.write("the instance was reset: the payload is served until it has booted")
    window.reopen()
  }
}
