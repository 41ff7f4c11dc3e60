import AsyncHTTPClient
import Foundation
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// A user's session with a cloud: has a token and renews it, finds services in the catalog, and tries again where that is
/// safe.
public actor Session {
  public nonisolated let access: CloudAccess
  public nonisolated let tenacity: Tenacity
  let patience: Duration
  private let wire: Wire
  private var grant: Task<Grant, any Error>?
  private var versions: [String: Task<[APIVersion], any Error>] = [:]

  /// - Parameter patience: how long an answer may take.
  /// - Throws: what reading the CA bundle throws.
  public init(_ access: CloudAccess, tenacity: Tenacity = Tenacity(), patience: Duration = .seconds(60)) throws {
    self.access = access
    self.tenacity = tenacity
    self.patience = patience
    wire = try Wire(access)
  }

  public nonisolated var traffic: Traffic { wire.traffic }

  /// The project that the session is in, its user's id, and what that may there.
  public var standing: (project: String, user: String, roles: Set<String>) {
    get async throws {
      let grant = try await currentGrant()
      return (grant.project, grant.user, grant.roles)
    }
  }

  /// Makes a call of a service.
  ///
  /// - Throws: ``OpenStackError``, `CancellationError`.
  public func send(_ request: APIRequest, to service: ServiceType) async throws -> APIAnswer {
    let grant = try await currentGrant()
    let endpoint = try endpoint(of: service, in: grant)
    return try await persist(request, url: endpoint + request.target, grant: grant)
  }

  /// A service's endpoint in the catalog, without a slash at its end.
  func endpoint(of service: ServiceType) async throws -> String {
    try endpoint(of: service, in: try await currentGrant())
  }

  /// The versions of its API that a service says it has, asked for once.
  func versions(of service: ServiceType, at url: String) async throws -> [APIVersion] {
    if let known = versions[service.rawValue], let value = try? await known.valueUnlessCancelled { return value }
    try Task.checkCancellation()
    let task = Task { try await APIVersion.discover(at: url) { try await self.fetch($0) } }
    versions[service.rawValue] = task
    do { return try await task.valueUnlessCancelled } catch {
      versions[service.rawValue] = nil
      throw error
    }
  }

  /// Gets an absolute URL, with the token.
  private func fetch(_ url: String) async throws -> APIAnswer {
    let request = APIRequest(.get, "", doing: "ask for the versions of the API at \(url)")
    return try await persist(request, url: url, grant: try await currentGrant(), accepting: [300])
  }

  private func endpoint(of service: ServiceType, in grant: Grant) throws -> String {
    guard let url = grant.catalog.url(of: service, interface: access.interface, region: access.region) else {
      throw OpenStackError.noService(
        service.rawValue, cloud: access.name, region: access.region, interface: access.interface.rawValue)
    }
    return service.unversioned(url)
  }

  private func persist(
    _ request: APIRequest, url: String, grant first: Grant, accepting others: Set<Int> = []
  ) async throws -> APIAnswer {
    var grant = first
    var renewed = false
    var failures = 0
    while true {
      try Task.checkCancellation()
      let attempt = await once(request, url: url, token: grant.token)
      if !request.isRepeatable, attempt.isUnheard { wire.countUnheard() }
      try Task.checkCancellation()
      switch attempt {
      case .success(let answer) where (200...299).contains(answer.status) || others.contains(answer.status):
        return answer
      case .success(let answer) where answer.status == 401:
        // The token ended before its time, or the service couldn't check it.
        let why = Refusal.reason(answer, hiding: access.secrets + [grant.token])
        guard !renewed, access.canRenew else { throw OpenStackError.unauthorized(cloud: access.name, why: why) }
        renewed = true
        grant = try await renew(insteadOf: grant)
      case .success(let answer):
        let error = Refusal.error(answer, hiding: access.secrets + [grant.token])
        let mayRepeat = request.isRepeatable ? Refusal.isPassing(answer.status) : Refusal.isUndone(answer.status)
        failures += 1
        guard mayRepeat, failures < tenacity.tries else { throw error }
        try await Task.sleep(for: tenacity.wait(after: failures, asked: answer.wait))
      case .failure(let error):
        failures += 1
        guard request.isRepeatable || error.wasNotSent, !error.isLasting, failures < tenacity.tries else {
          throw error.error
        }
        try await Task.sleep(for: tenacity.wait(after: failures))
      }
    }
  }

  private func once(_ request: APIRequest, url: String, token: String?) async -> Result<APIAnswer, WireFailure> {
    let patience = request.patience ?? patience
    do {
      let answer = try await wire.send(request, to: url, token: token, patience: patience)
      if (200...299).contains(answer.status), answer.isCutJSON {
        return .failure(WireFailure(.badAnswer(doing: request.doing, why: "it ends in the middle")))
      }
      return .success(answer)
    } catch {
      return .failure(WireFailure(error, doing: request.doing, patience: patience))
    }
  }
}

extension Session {
  /// A token that will do for a while.
  private func currentGrant() async throws -> Grant {
    if let grant, let value = try? await grant.valueUnlessCancelled, !value.isNearItsEnd { return value }
    try Task.checkCancellation()
    if let grant, !access.canRenew { return try await grant.valueUnlessCancelled }
    return try await begin()
  }

  /// A token that isn't that one: somebody else may have renewed it meanwhile.
  private func renew(insteadOf old: Grant) async throws -> Grant {
    if let grant, let value = try? await grant.valueUnlessCancelled, value.token != old.token { return value }
    try Task.checkCancellation()
    return try await begin()
  }

  /// Asks for a token; all who need one at the same moment wait for the same.
  private func begin() async throws -> Grant {
    let task = Task { try await self.login() }
    grant = task
    do { return try await task.valueUnlessCancelled } catch {
      if grant == task { grant = nil }
      throw error
    }
  }

  private func login() async throws -> Grant {
    var request = try APIRequest(
      .post, "/auth/tokens", doing: "log in to the cloud \(access.name)", json: LoginRequest(access))
    // A second token is as good as the first.
    request.isRepeatable = true
    var failures = 0
    while true {
      try Task.checkCancellation()
      var asked: Int?
      switch await once(request, url: access.authURL + request.path, token: nil) {
      case .success(let answer) where answer.status == 201 || answer.status == 200:
        return try Grant(answer)
      // Keystone says 404 of a token that it can't read.
      case .success(let answer) where answer.status == 401 || answer.status == 404 && !access.canRenew:
        let why = Refusal.reason(answer, hiding: access.secrets)
        throw OpenStackError.unauthorized(cloud: access.name, why: why)
      case .success(let answer):
        failures += 1
        guard Refusal.isPassing(answer.status), failures < tenacity.tries else {
          throw Refusal.error(answer, hiding: access.secrets)
        }
        asked = answer.wait
      case .failure(let error):
        failures += 1
        try Task.checkCancellation()
        guard !error.isLasting, failures < tenacity.tries else { throw error.error }
      }
      try await Task.sleep(for: tenacity.wait(after: failures, asked: asked))
    }
  }
}

extension Result<APIAnswer, WireFailure> {
  /// What was asked for may have been done, or may be done yet.
  fileprivate var isUnheard: Bool {
    switch self {
    case .success(let answer): Refusal.isPassing(answer.status) && !Refusal.isUndone(answer.status)
    case .failure(let failure): !failure.wasNotSent
    }
  }
}

/// Why there is no answer.
struct WireFailure: Error {
  let error: OpenStackError
  /// Nothing can have reached the service.
  var wasNotSent = false
  /// It will be the same a moment later.
  var isLasting = false

  init(_ error: OpenStackError) { self.error = error }

  init(_ cause: any Error, doing: String, patience: Duration) {
    switch cause {
    case let cause as HTTPClientError where cause == .connectTimeout:
      error = .unreachable(doing: doing, why: "the connection wasn't accepted in time")
      wasNotSent = true
    case let cause as HTTPClientError where [.deadlineExceeded, .readTimeout, .writeTimeout].contains(cause):
      error = .noAnswer(doing: doing, seconds: Int(patience.components.seconds))
    case let cause as HTTPClientError where cause == .remoteConnectionClosed:
      error = .unreachable(doing: doing, why: "the connection was closed in the middle")
    case let cause as NIOConnectionError:
      let failure = cause.connectionErrors.first?.error
      let reason = (failure as? IOError).map { String(cString: strerror($0.errnoCode)) }
      error = .unreachable(doing: doing, why: reason ?? failure.map { "\($0)" } ?? "no such host")
      wasNotSent = true
    // BoringSSL's name for it is in the text alone.
    case let cause as NIOSSLError where "\(cause)".contains("CERTIFICATE_VERIFY_FAILED"):
      error = .unreachable(
        doing: doing,
        why: "its certificate isn't valid here: it has expired, or is of no CA that is trusted, of which 'cacert' in "
          + "clouds.yaml, or OS_CACERT, names a bundle")
      wasNotSent = true
      isLasting = true
    case let cause as HTTPClientError where cause == .proxyAuthenticationRequired:
      error = .unreachable(
        doing: doing,
        why: "the proxy wants a user and a password, which https_proxy or http_proxy may hold: "
          + "http://USER:PASSWORD@HOST")
      wasNotSent = true
      isLasting = true
    case is NIOTooManyBytesError:
      error = .badAnswer(doing: doing, why: "it is too long")
    default:
      error = .unreachable(doing: doing, why: "\(cause)")
    }
  }
}

extension CloudAccess {
  /// A token is all that we have where we came with one.
  var canRenew: Bool {
    if case .token = method { return false }
    return true
  }
}

extension Task where Failure == any Error {
  /// The value of a task that others may wait for too. Who waits and is cancelled cancels it for all: the others begin anew.
  fileprivate var valueUnlessCancelled: Success {
    get async throws {
      try await withTaskCancellationHandler {
        try await value
      } onCancel: {
        cancel()
      }
    }
  }
}

extension APIAnswer {
  /// After how many seconds the service wants to be asked again.
  fileprivate var wait: Int? { header("Retry-After").flatMap { Int($0) } }

  /// JSON that isn't whole: a proxy that ended in the middle closes its answer as any other.
  var isCutJSON: Bool {
    guard header("Content-Type")?.contains("json") == true, !body.isEmpty else { return false }
    return (try? JSONSerialization.jsonObject(with: body, options: .fragmentsAllowed)) == nil
  }
}
