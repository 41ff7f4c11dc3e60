import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// One request and its answer, with the redirections in between.
struct HTTPExchange {
  /// How long to wait for a connection, and for more of an answer.
  struct Patience: Sendable {
    var connect: Duration = .seconds(15)
    var read: Duration = .seconds(60)
  }

  var address: HTTPAddress
  var method = HTTPMethod.GET
  var headers: [(name: String, value: String)] = []
  var patience = Patience()

  /// Hands the answer's head and body to `body`.
  ///
  /// - Throws: ``BaseError/badURL(_:reason:)``, what AsyncHTTPClient and `body` throw.
  func run<Result>(_ body: (HTTPClientResponse) async throws -> Result) async throws -> Result {
    var current = address
    for _ in 0...5 {
      let outcome = try await once(current) { response -> Outcome<Result> in
        guard [301, 302, 303, 307, 308].contains(response.status.code),
          let location = response.headers.first(name: "Location")
        else { return .answer(try await body(response)) }
        return .redirection(location)
      }
      switch outcome {
      case .answer(let result): return result
      case .redirection(let location): current = try current.following(location)
      }
    }
    throw BaseError.badURL(address.description, reason: "the server redirects more than five times")
  }

  private enum Outcome<Result> {
    case answer(Result)
    case redirection(String)
  }

  private func once<Result>(
    _ address: HTTPAddress, _ body: (HTTPClientResponse) async throws -> Result
  ) async throws -> Result {
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    configuration.timeout = .init(connect: patience.connect.amount, read: patience.read.amount)
    configuration.httpVersion = .http1Only
    if let proxy = try HTTPProxy.choose(for: address) {
      configuration.proxy = .server(host: proxy.host, port: proxy.port)
    }
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    var request = HTTPClientRequest(url: address.url.absoluteString)
    request.method = method
    request.headers.add(name: "User-Agent", value: "cpbuild")
    for header in headers { request.headers.add(name: header.name, value: header.value) }
    do {
      // The deadline would hold for the whole body too; a day is no limit, reading has its own.
      let result = try await body(try await client.execute(request, timeout: .hours(24)))
      try await client.shutdown()
      return result
    } catch {
      try? await client.shutdown()
      // Cancellation comes out of the client in several shapes.
      try Task.checkCancellation()
      throw error
    }
  }

  /// What to tell a person about an error of the connection.
  static func reason(_ error: any Error) -> String {
    switch error {
    case let error as HTTPClientError where error == .connectTimeout: "no connection in time"
    case let error as HTTPClientError where error == .readTimeout: "nothing more came in time"
    case let error as HTTPClientError where error == .remoteConnectionClosed:
      "the connection was closed in the middle"
    case let error as NIOConnectionError:
      error.connectionErrors.first.map { "\($0.error)" } ?? "no address for \(error.host)"
    default: String(describing: error)
    }
  }
}

extension Duration {
  fileprivate var amount: TimeAmount {
    .milliseconds(components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000)
  }
}
