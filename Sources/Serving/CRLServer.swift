import Foundation
import Hummingbird
import HummingbirdCore
public import Launching
import Listening
import Logging
import NIOCore
import NIOPosix
import Names
public import State
import Synchronization
import SystemPackage

/// What instances in a cloud fetch newer CRLs from: `/crl/<project>.pem`. What certificates name as the place of their
/// issuer's: `/crl/projects/<project>/<generation>.crl`, `/crl/root/<generation>.crl`. Also `/healthz`, and `/metrics` in
/// Prometheus's text format (0.0.4). It renews what is due while it runs.
///
/// A CRL is public (RFC 5280 section 5), so that nobody is asked who he is; nothing else is served.
public struct CRLServer: Sendable {
  /// Where it listens, and with what it proves itself.
  public struct Listener: Sendable {
    public var host: String
    public var port: Int
    /// Nil: without TLS.
    public var identity: ServedIdentity?

    public init(host: String, port: Int, identity: ServedIdentity? = nil) {
      self.host = host
      self.port = port
      self.identity = identity
    }

    /// As in a URL (RFC 3986, 3.2.2).
    public var place: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  }

  let state: StateStore
  let trust: TrustKeeper
  /// How often what is due is looked for.
  let interval: Duration
  let counts = RequestCounts()

  public init(state: StateStore, trust: TrustKeeper, interval: Duration = .seconds(60)) {
    self.state = state
    self.trust = trust
    self.interval = interval
  }

  /// Serves until its task is cancelled.
  ///
  /// - Parameters:
  ///   - started: told the port once it listens.
  ///   - trouble: told what can't be renewed.
  /// - Throws: ``ServingError``; `CancellationError` when what was asked for by then has been answered.
  public func run(
    _ listener: Listener, started: @escaping @Sendable (Int) async -> Void,
    trouble: @escaping @Sendable (String) -> Void
  ) async throws {
    // One loop does, and the bounds are kept there.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let connections = OpenConnections(ofOne: ConnectionBounds.ofOne, ofAll: ConnectionBounds.ofAll)
    var logger = Logger(label: "serve")
    // What goes wrong is thrown; what is said besides is that connections were open when it ended.
    logger.logLevel = .critical
    let application = Application(
      router: router(),
      server: HTTPServerBuilder {
        ServedChannel(http: HTTP1Channel(responder: $0), connections: connections, identity: listener.identity)
      },
      configuration: ApplicationConfiguration(
        address: .hostname(listener.host, port: listener.port), serverName: "cpbuild"),
      onServerRunning: { await started($0.localAddress?.port ?? listener.port) },
      eventLoopGroupProvider: .shared(group), logger: logger)
    let result: Result<Void, any Error>
    do {
      result = .success(
        try await withTaskCancellationHandler {
          try await run(application, at: listener, trouble: trouble)
        } onCancel: {
          group.next().execute { connections.end() }
        })
    } catch { result = .failure(error) }
    try await group.shutdownGracefully()
    try result.get()
  }

  private func run(
    _ application: some ApplicationProtocol, at listener: Listener, trouble: @escaping @Sendable (String) -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        do { try await application.run() } catch let error as IOError {
          throw ServingError.listening(listener.place, errno: error.errnoCode)
        } catch  where !(error is CancellationError) {
          throw ServingError.unusable(listener.place, why: "\(error)")
        }
      }
      group.addTask { try await renew(trouble) }
      defer { group.cancelAll() }
      try await group.next()
    }
    // What was cancelled may have come to its end in order.
    try Task.checkCancellation()
  }

  private func renew(_ trouble: @Sendable (String) -> Void) async throws {
    while true {
      // What goes wrong now may go well the next time; serving goes on.
      do {
        for sentence in try await trust.renewDue(all: true) { trouble(sentence) }
      } catch let error as CancellationError {
        throw error
      } catch {
        trouble("\(error)")
      }
      try await Task.sleep(for: interval)
    }
  }

  private func router() -> Router<BasicRequestContext> {
    // Who only wants to know whether it answers asks with HEAD.
    let router = Router(options: .autoGenerateHeadEndpoints)
    router.get("healthz") { _, _ in
      // The state has to be readable for anything here to be of use.
      let count = try await state.read { try $0.projects.all().count }
      return Self.answer("ok, \(count) projects\n", type: "text/plain; charset=utf-8")
    }
    router.get("metrics") { _, _ in
      Self.answer(
        try await ServerMetrics(state: state, counts: counts).text(), type: "text/plain; version=0.0.4; charset=utf-8")
    }
    router.get("crl/:file") { _, context in
      try await counted { try await crl(context.parameters.get("file") ?? "") }
    }
    router.get("crl/root/:file") { _, context in
      try await counted { try await distributionPoint(of: nil, context.parameters.get("file") ?? "") }
    }
    router.get("crl/projects/:project/:file") { _, context in
      try await counted {
        guard let project = try? ProjectID(context.parameters.get("project") ?? "") else {
          return Response(status: .notFound)
        }
        return try await distributionPoint(of: project, context.parameters.get("file") ?? "")
      }
    }
    return router
  }

  private func counted(_ answer: () async throws -> Response) async throws -> Response {
    do {
      let response = try await answer()
      counts.add(response.status.code)
      return response
    } catch {
      // What Hummingbird makes of it.
      counts.add(500)
      throw error
    }
  }

  /// What certificates name as their issuer's distribution point: one generation's newest CRL, in DER (RFC 5280, 4.2.1.13;
  /// the media type is RFC 2585's).
  private func distributionPoint(of project: ProjectID?, _ file: String) async throws -> Response {
    guard file.hasSuffix(".crl"), let generation = Int(file.dropLast(4)) else { return Response(status: .notFound) }
    let crl = try await state.read { transaction in
      try transaction.authorities.all(of: project).first { $0.generation == generation }.flatMap {
        try transaction.crls.newest(of: $0.id)
      }
    }
    guard let crl else { return Response(status: .notFound) }
    return Response(
      status: .ok, headers: [.contentType: "application/pkix-crl", .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: crl.crl)))
  }

  private func crl(_ file: String) async throws -> Response {
    guard file.hasSuffix(".pem"), let project = try? ProjectID(file.dropLast(4)),
      let text = try await state.read({ try $0.exportedCRLs(of: project) })
    else { return Response(status: .notFound) }
    return Self.answer(text, type: "application/x-pem-file")
  }

  private static func answer(_ text: String, type: String) -> Response {
    Response(
      status: .ok, headers: [.contentType: type, .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}

/// How many CRLs were asked for, by what came of it.
final class RequestCounts: Sendable {
  private let byStatus = Mutex<[Int: Int]>([:])

  func add(_ status: Int) { byStatus.withLock { $0[status, default: 0] += 1 } }
  var all: [(status: Int, count: Int)] { byStatus.withLock { $0.map { ($0.key, $0.value) } }.sorted { $0 < $1 } }
}
