import CLinux
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

  private let window: BootWindow
  private let log: BoundedLog
  // Used on the event loop alone.
  private var line: [UInt8] = []
  private static let longestLine = 64 << 10

  init(window: BootWindow, log: BoundedLog) {
    self.window = window
    self.log = log
  }

  /// Listens for as long as the event loop runs.
  static func listen(_ socket: FilePath, window: BootWindow, log: BoundedLog, on loop: any EventLoop) {
    @Sendable func again() {
      loop.scheduleTask(in: .seconds(1)) { listen(socket, window: window, log: log, on: loop) }
    }
    let descriptor = cpbuild_connect(socket.string)
    guard descriptor >= 0 else { return again() }
    ClientBootstrap(group: loop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ResetListener(window: window, log: log))
        }
      }
      .withConnectedSocket(descriptor)
      .flatMap(\.closeFuture).whenComplete { _ in again() }
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
