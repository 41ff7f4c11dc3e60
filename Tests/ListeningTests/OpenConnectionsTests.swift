import Listening
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

/// A server's connections, without sockets and with a clock that the tests move.
@Suite("Open connections") struct OpenConnectionsTests {
  private let loop = EmbeddedEventLoop()
  private let connections = OpenConnections(ofOne: 2, ofAll: 3)

  private func open(from address: String = "192.0.2.1") throws -> EmbeddedChannel {
    let channel = EmbeddedChannel(loop: loop)
    let source = try SocketAddress(ipAddress: address, port: 4321)
    channel.remoteAddress = source
    try connections.admit(channel)
    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
    try connections.follow(channel)
    try channel.connect(to: source).wait()
    return channel
  }

  private func ask(_ channel: EmbeddedChannel, _ text: String = "GET / HTTP/1.1\r\nHost: x\r\n\r\n") throws {
    try channel.writeInbound(ByteBuffer(string: text))
  }

  private func answer(_ channel: EmbeddedChannel) throws {
    let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["Content-Length": "0"])
    try channel.writeOutbound(HTTPServerResponsePart.head(head))
    try channel.writeOutbound(HTTPServerResponsePart.end(nil))
  }

  @Test("one that says nothing, or never ends a request's head, has ten seconds", arguments: ["", "GET / HTT"])
  func silence(said: String) throws {
    let channel = try open()
    try ask(channel, said)
    loop.advanceTime(by: .seconds(9))
    try ask(channel, said.isEmpty ? "" : "P/1.1\r\nX: ")
    #expect(channel.isActive)
    loop.advanceTime(by: .seconds(1))
    #expect(!channel.isActive)
  }

  @Test("one that asks again in time stays open; after the last answer it has ten seconds")
  func keptAlive() throws {
    let channel = try open()
    for _ in 1...5 {
      loop.advanceTime(by: .seconds(9))
      try ask(channel)
      try answer(channel)
    }
    loop.advanceTime(by: .seconds(9))
    #expect(channel.isActive)
    loop.advanceTime(by: .seconds(1))
    #expect(!channel.isActive)
  }

  @Test("an answer has a minute, and so has each of several that were asked for at once")
  func answering() throws {
    let channel = try open()
    try ask(channel)
    try ask(channel)
    loop.advanceTime(by: .seconds(59))
    try answer(channel)
    loop.advanceTime(by: .seconds(59))
    #expect(channel.isActive)
    loop.advanceTime(by: .seconds(1))
    #expect(!channel.isActive)
  }

  @Test("a body that never ends keeps a connection no longer than silence")
  func body() throws {
    let channel = try open()
    try ask(channel, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
    try answer(channel)
    loop.advanceTime(by: .seconds(9))
    try ask(channel, "x")
    loop.advanceTime(by: .seconds(1))
    #expect(!channel.isActive)
  }

  @Test("for one more of an address than it may have, that one of its own is closed that was silent for longest")
  func ofOne() throws {
    let other = try open(from: "192.0.2.2")
    let (first, second) = (try open(), try open())
    try ask(first)
    let third = try open()
    #expect([other, first, second, third].map(\.isActive) == [true, true, false, true])
  }

  @Test("for one more than there may be in all, that one is closed that was silent for longest")
  func ofAll() throws {
    let channels = try (1...4).map { try open(from: "192.0.2.\($0)") }
    #expect(channels.map(\.isActive) == [false, true, true, true])
    try ask(channels[1])
    try answer(channels[1])
    _ = try open(from: "2001:db8::5")
    #expect(channels.map(\.isActive) == [false, true, false, true])
  }

  @Test("those that are gone make room")
  func gone() throws {
    let first = try open()
    try open().close().wait()
    loop.run()
    _ = try open()
    #expect(first.isActive)
  }

  @Test("when the server ends, only what was asked for is waited for, and for five seconds")
  func end() throws {
    let (idle, asked, stuck) = (try open(), try open(), try open(from: "192.0.2.2"))
    try ask(asked)
    try ask(stuck)
    connections.end()
    #expect([idle, asked, stuck].map(\.isActive) == [false, true, true])
    try answer(asked)
    #expect(!asked.isActive)
    loop.advanceTime(by: .seconds(5))
    #expect(!stuck.isActive)
  }
}
