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
    if let proxy = access.proxy { configuration.proxy = .server(host: proxy.host, port: proxy.port) }
    configuration.httpVersion = .http1Only
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  deinit { client.shutdown { _ in } }

  var traffic: Traffic { counted.withLock { $0 } }

  func countUnheard() { counted.withLock { $0.countUnheard() } }

  /// - Throws: what AsyncHTTPClient throws.
  func send(_ request: APIRequest, to url: String, token: String?, patience: Duration) async throws -> APIAnswer {
    var message = HTTPClientRequest(url: url)
    message.method = HTTPMethod(rawValue: request.method.rawValue)
    message.headers.add(name: "User-Agent", value: "cpbuild")
    message.headers.add(name: "Accept", value: "application/json")
    for header in request.headers { message.headers.add(name: header.name, value: header.value) }
    if let token { message.headers.add(name: "X-Auth-Token", value: token) }
    var sent = 0
    switch request.body {
    case .none: break
    case .json(let data):
      message.body = .bytes(ByteBuffer(bytes: data))
      sent = data.count
    case .file(let path, let size, let progress):
      message.body = .stream(
        FileChunks(path: path, progress: progress), length: .known(Int64(clamping: size)))
      sent = Int(clamping: size)
    }
    let deadline = TimeAmount.nanoseconds(Int64(patience / .nanoseconds(1)))
    let response = try await client.execute(message, timeout: deadline)
    let body = try await response.body.collect(upTo: Self.limit)
    counted.withLock { $0.add(sent: sent, received: body.readableBytes) }
    return APIAnswer(
      status: Int(response.status.code), headers: response.headers, body: Data(body.readableBytesView),
      doing: request.doing)
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
