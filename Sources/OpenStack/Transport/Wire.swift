import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization
import SystemPackage

/// The connections to a cloud: sends one request and reads its answer, once.
final class Wire: Sendable {
  private let client: HTTPClient
  private let counted = Mutex(Traffic())

  /// The largest answer that is read: lists come in pages far smaller.
  private static let limit = 16 << 20

  init(_ access: CloudAccess) throws {
    var tls = TLSConfiguration.makeClientConfiguration()
    if let file = access.caFile {
      do { tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file.string)) } catch {
        throw OpenStackError.credentials(
          cloud: access.name, why: "no certificates can be read from \(file), which is its cacert")
      }
    }
    if !access.verifiesCertificates { tls.certificateVerification = .none }
    var configuration = HTTPClient.Configuration(tlsConfiguration: tls, redirectConfiguration: .disallow)
    configuration.timeout = .init(connect: .seconds(15))
    // Whoever tries again is Session, which knows when that makes sense.
    configuration.connectionPool.retryConnectionEstablishment = false
    if let proxy = access.proxy {
      configuration.proxy = .server(
        host: proxy.host, port: proxy.port,
        authorization: proxy.user.map { .basic(username: $0, password: proxy.password) })
    }
    configuration.httpVersion = .http1Only
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  deinit { client.shutdown { _ in } }

  var traffic: Traffic { counted.withLock { $0 } }

  func countUnheard() { counted.withLock { $0.countUnheard() } }

  /// - Parameter patience: how long the whole answer may take; of a file that is sent, how long nothing may move.
  /// - Throws: what AsyncHTTPClient throws.
  func send(_ request: APIRequest, to url: String, token: String?, patience: Duration) async throws -> APIAnswer {
    var message = HTTPClientRequest(url: url)
    message.method = HTTPMethod(rawValue: request.method.rawValue)
    message.headers.add(name: "User-Agent", value: "cpbuild")
    message.headers.add(name: "Accept", value: "application/json")
    for header in request.headers { message.headers.add(name: header.name, value: header.value) }
    if let token { message.headers.add(name: "X-Auth-Token", value: token) }
    var sent = 0
    let watch = Watch(patience)
    switch request.body {
    case .none: break
    case .json(let data):
      message.body = .bytes(ByteBuffer(bytes: data))
      sent = data.count
    case .file(let path, let size, let progress):
      message.body = .stream(
        FileChunks(path: path) { done in
          watch.restart()
          progress(done)
        }, length: .known(Int64(clamping: size)))
      sent = Int(clamping: size)
    }
    let whole = message
    let (response, body) = try await watch.race {
      // The client's own deadline is for the head of the answer alone.
      let response = try await self.client.execute(whole, timeout: .hours(24))
      return (response, try await response.body.collect(upTo: Self.limit))
    }
    counted.withLock { $0.add(sent: sent, received: body.readableBytes) }
    return APIAnswer(
      status: Int(response.status.code), headers: response.headers, body: Data(body.readableBytesView),
      doing: request.doing)
  }
}

/// Ends what takes too long.
private final class Watch: Sendable {
  private let patience: Duration
  private let begin = Mutex(ContinuousClock.now)

  init(_ patience: Duration) { self.patience = patience }

  /// Something moved: from now on it is waited as long again.
  func restart() { begin.withLock { $0 = .now } }

  /// - Throws: what `body` throws; `HTTPClientError.deadlineExceeded`.
  func race<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask(operation: body)
      group.addTask {
        while true {
          let end = self.begin.withLock { $0 } + self.patience
          guard end > .now else { throw HTTPClientError.deadlineExceeded }
          try await Task.sleep(until: end, clock: .continuous)
        }
      }
      defer { group.cancelAll() }
      guard let first = try await group.next() else { throw CancellationError() }
      return first
    }
  }
}

/// What went over the wire.
public struct Traffic: Sendable, Equatable {
  public private(set) var calls = 0
  /// Of bodies, in bytes.
  public private(set) var sent = 0
  public private(set) var received = 0
  /// Calls that make something and whose answer never came.
  public private(set) var unheard = 0

  mutating func add(sent: Int, received: Int) {
    calls += 1
    self.sent += sent
    self.received += received
  }

  mutating func countUnheard() { unheard += 1 }
}
