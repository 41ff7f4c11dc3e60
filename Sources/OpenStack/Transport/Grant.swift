import Foundation

/// A token, and what it is good for.
struct Grant: Sendable {
  let token: String
  let expires: Date
  let catalog: Catalog
  let project: String
  let user: String
  let roles: Set<String>

  /// It isn't begun with what may end before an answer is here.
  var isNearItsEnd: Bool { expires.timeIntervalSinceNow < 60 }

  /// - Throws: ``OpenStackError/badAnswer(doing:why:)``.
  init(_ answer: APIAnswer) throws {
    let body = try answer.decode(Body.self).token
    guard let token = answer.header("X-Subject-Token"), !token.isEmpty else {
      throw OpenStackError.badAnswer(doing: answer.doing, why: "there is no token in it")
    }
    guard let expires = Self.date(body.expiresAt) else {
      throw OpenStackError.badAnswer(doing: answer.doing, why: "when the token ends isn't a date")
    }
    guard let project = body.project?.id else {
      throw OpenStackError.badAnswer(doing: answer.doing, why: "the token is for no project")
    }
    self.token = token
    self.expires = expires
    self.project = project
    user = body.user.id
    catalog = Catalog(entries: body.catalog ?? [])
    roles = Set((body.roles ?? []).map(\.name))
  }

  /// As Keystone writes it: 2026-01-31T12:00:00.000000Z.
  private static func date(_ text: String) -> Date? {
    let whole = text.replacing(/\.[0-9]+/, with: "")
    return try? Date(whole, strategy: .iso8601)
  }

  private struct Body: Decodable {
    struct Token: Decodable {
      struct Project: Decodable { let id: String }
      struct Role: Decodable { let name: String }
      struct User: Decodable { let id: String }
      let expiresAt: String
      let catalog: [Catalog.Entry]?
      let project: Project?
      let roles: [Role]?
      let user: User
    }
    let token: Token
  }
}

/// The services that there are (Identity API v3, "Service catalog").
struct Catalog: Sendable {
  struct Entry: Decodable, Sendable {
    struct Endpoint: Decodable, Sendable {
      let interface: String
      let regionId: String?
      let region: String?
      let url: String
    }
    let type: String
    let endpoints: [Endpoint]
  }

  let entries: [Entry]

  func url(of service: ServiceType, interface: CloudAccess.Interface, region: String?) -> String? {
    // The official type first, then what clouds called it before there was one.
    for type in [service.rawValue] + service.otherNames {
      for entry in entries where entry.type == type {
        let found = entry.endpoints.first {
          $0.interface == interface.rawValue && (region == nil || $0.regionId == region || $0.region == region)
        }
        if let found {
          var url = found.url
          while url.hasSuffix("/") { url.removeLast() }
          return url
        }
      }
    }
    return nil
  }
}

/// A kind of service, by the name that OpenStack's service types authority gave it.
public enum ServiceType: String, Sendable {
  case identity, image, compute, network

  var otherNames: [String] { self == .compute ? ["computev21"] : [] }

  /// An endpoint without the version that some catalogs have behind it, for those services of which the paths here begin
  /// with one.
  func unversioned(_ url: String) -> String {
    guard self == .image || self == .network else { return url }
    return url.replacing(/\/v2(\.[0-9]+)?$/, with: "")
  }
}

/// What Keystone is asked for a token with.
struct LoginRequest: Encodable {
  struct Auth: Encodable {
    let identity: Identity
    let scope: Scope?
  }
  struct Identity: Encodable {
    let methods: [String]
    var password: Password?
    var token: Token?
    var applicationCredential: ApplicationCredential?
  }
  struct Password: Encodable { let user: User }
  struct Token: Encodable { let id: String }
  struct ApplicationCredential: Encodable {
    let id: String?
    let name: String?
    let user: User?
    let secret: String
  }
  struct Domain: Encodable {
    let id: String?
    let name: String?
  }
  struct User: Encodable {
    let id: String?
    let name: String?
    let domain: Domain?
    var password: String?
  }
  struct Scope: Encodable { let project: User }

  let auth: Auth

  init(_ access: CloudAccess) {
    let identity: Identity
    switch access.method {
    case .password(let user, let password):
      var named = Self.named(user)
      named.password = password
      identity = Identity(methods: ["password"], password: Password(user: named))
    case .token(let token):
      identity = Identity(methods: ["token"], token: Token(id: token))
    case .applicationCredential(let id, let name, let user, let secret):
      let credential = ApplicationCredential(
        id: id, name: id == nil ? name : nil, user: user.map(Self.named), secret: secret)
      identity = Identity(methods: ["application_credential"], applicationCredential: credential)
    }
    auth = Auth(identity: identity, scope: access.project.map { Scope(project: Self.named($0)) })
  }

  private static func named(_ who: CloudAccess.Named) -> User {
    if let id = who.id { return User(id: id, name: nil, domain: nil) }
    return User(id: nil, name: who.name, domain: Domain(id: who.domainID, name: who.domainName))
  }
}
