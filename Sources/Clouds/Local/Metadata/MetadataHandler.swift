import Foundation
import NIOCore
import NIOHTTP1
import Names
import SystemPackage

/// Answers one request of one machine and closes the connection.
final class MetadataHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let service: MetadataAnswers
  private var head: HTTPRequestHead?
  private var answered = false

  init(_ service: MetadataAnswers) { self.service = service }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): self.head = head
    // A body isn't read, but neither is it a reason to wait.
    case .body, .end:
      guard let head, !answered else { return }
      answered = true
      respond(context, to: head)
    }
  }

  private func respond(_ context: ChannelHandlerContext, to head: HTTPRequestHead) {
    let answer =
      head.method == .GET || head.method == .HEAD
      ? service.answer(to: head.uri, from: context.channel.remoteAddress)
      : MetadataAnswers.Response(.methodNotAllowed, "only GET and HEAD\n")
    var headers = HTTPHeaders([
      ("Content-Type", answer.type), ("Content-Length", "\(answer.body.count)"), ("Connection", "close"),
      ("Cache-Control", "no-store"),
    ])
    if answer.status == .methodNotAllowed { headers.add(name: "Allow", value: "GET, HEAD") }
    context.write(
      wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers))),
      promise: nil)
    if head.method != .HEAD {
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
    }
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
  }
}
