public import SystemPackage

/// All that it takes to speak to a cloud as one user of it. Holds secrets: never printed.
public struct CloudAccess: Sendable {
  /// How Keystone is told who we are (Identity API v3, "Password authentication" and its kin).
  public enum Method: Sendable {
    case password(user: Named, password: String)
    case token(String)
    /// By id, or by name and user.
    case applicationCredential(id: String?, name: String?, user: Named?, secret: String)
  }

  /// A user or project, by id or by name and domain.
  public struct Named: Sendable, Equatable {
    public var id: String?
    public var name: String?
    public var domainID: String?
    public var domainName: String?

    public init(id: String? = nil, name: String? = nil, domainID: String? = nil, domainName: String? = nil) {
      self.id = id
      self.name = name
      self.domainID = domainID
      self.domainName = domainName
    }
  }

  public enum Interface: String, Sendable, CaseIterable { case `public`, `internal`, admin }

  /// The name in clouds.yaml; `envvars` where environment variables say it all, as other clients call it.
  public var name: String
  public var authURL: String
  public var method: Method
  /// Nil with an application credential, which has its own.
  public var project: Named?
  public var region: String?
  public var interface = Interface.public
  /// PEM certificates to check the cloud's against instead of the system's.
  public var caFile: FilePath?
  public var verifiesCertificates = true
  /// What is between us and the cloud; nil: nothing.
  public var proxy: HTTPProxyAddress?

  public init(name: String, authURL: String, method: Method, project: Named?) {
    self.name = name
    self.authURL = authURL
    self.method = method
    self.project = project
  }

  /// What may never be shown.
  var secrets: [String] {
    let own =
      switch method {
      case .password(_, let password): password
      case .token(let token): token
      case .applicationCredential(_, _, _, let secret): secret
      }
    return [own] + (proxy.map { [$0.password] } ?? [])
  }
}

/// Where an HTTP proxy listens.
public struct HTTPProxyAddress: Hashable, Sendable {
  public let host: String
  public let port: Int
  /// Who it lets through; nil: anybody.
  public let user: String?
  public let password: String

  public init(host: String, port: Int, user: String? = nil, password: String = "") {
    self.host = host
    self.port = port
    self.user = user
    self.password = password
  }
}
