import Foundation
import SystemPackage

extension CloudAccess {
  /// The cloud of that name in clouds.yaml; without a name the one that `$OS_CLOUD` names, else the one that the `OS_*`
  /// variables describe, else the only one that there is.
  ///
  /// - Throws: ``OpenStackError/noCloud(_:known:searched:)``, ``OpenStackError/credentials(cloud:why:)``,
  ///   `DeclarationError`, `HostError`.
  public static func find(_ name: String?, in surroundings: CloudsFile.Surroundings = .own) throws -> CloudAccess {
    var access = try known(name, in: surroundings)
    access.proxy = HTTPProxyAddress(for: access.authURL, in: surroundings)
    return access
  }

  private static func known(_ name: String?, in surroundings: CloudsFile.Surroundings) throws -> CloudAccess {
    let file = try CloudsFile.read(surroundings)
    if let name = name ?? surroundings.value("OS_CLOUD") {
      if let cloud = file.clouds[name] { return try CloudAccess(name: name, cloud, file: file) }
      if name == environmentName, surroundings.value("OS_AUTH_URL") != nil { return try fromVariables(surroundings) }
      throw OpenStackError.noCloud(name, known: file.clouds.keys, searched: file.files)
    }
    if surroundings.value("OS_AUTH_URL") != nil { return try fromVariables(surroundings) }
    guard let only = file.clouds.keys.first, file.clouds.keys.count == 1, let cloud = file.clouds[only] else {
      throw OpenStackError.noCloud("by default", known: file.clouds.keys, searched: file.files)
    }
    return try CloudAccess(name: only, cloud, file: file)
  }

  /// What the cloud that environment variables describe is called.
  public static let environmentName = "envvars"

  /// `OS_USERNAME` and its kin are `username` in a cloud's `auth`, and `OS_REGION_NAME` is its `region_name`.
  private static func fromVariables(_ surroundings: CloudsFile.Surroundings) throws -> CloudAccess {
    var auth: [String: SettingTree] = [:]
    var cloud: [String: SettingTree] = [:]
    for (name, value) in surroundings.environment where name.hasPrefix("OS_") && !value.isEmpty {
      let key = name.dropFirst(3).lowercased()
      cloud[key] = .text(value)
      auth[key == "tenant_name" ? "project_name" : key == "tenant_id" ? "project_id" : key] = .text(value)
    }
    cloud["auth"] = .mapping(auth)
    return try CloudAccess(name: environmentName, .mapping(cloud), file: nil)
  }

  init(name: String, _ cloud: SettingTree, file: CloudsFile?) throws {
    let reader = AccessReader(name: name, cloud: cloud)
    let address = try reader.needed("auth_url")
    self.init(
      name: name, authURL: try Self.identityURL(address, cloud: name), method: try reader.method(),
      project: try reader.project())
    region = reader.option("region_name")
    if let text = reader.option("interface") ?? reader.option("endpoint_type") {
      // Older files write publicURL.
      let bare = text.hasSuffix("URL") ? String(text.dropLast(3)) : text
      guard let known = Interface(rawValue: bare) else {
        throw reader.mistake("interface has to be public, internal or admin, not '\(text.prefix(40))'")
      }
      interface = known
    }
    let folder = file?.files.first.map { FilePath($0).removingLastComponent() }
    if let path = reader.option("cacert") {
      let expanded = NSString(string: path).expandingTildeInPath
      caFile = folder.map { $0.pushing(FilePath(expanded)) } ?? FilePath(expanded)
    }
    if let text = reader.option("verify") { verifiesCertificates = !["false", "no", "0"].contains(text.lowercased()) }
    if let text = reader.option("insecure"), ["true", "yes", "1"].contains(text.lowercased()) {
      verifiesCertificates = false
    }
  }

  /// Keystone's v3 API, also where the address is given without a version or with the old one.
  private static func identityURL(_ text: String, cloud: String) throws -> String {
    guard let url = URL(string: text), let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme),
      url.host()?.isEmpty == false, url.user() == nil, url.query() == nil
    else { throw OpenStackError.credentials(cloud: cloud, why: "auth_url isn't an http or https URL") }
    var bare = text
    while bare.hasSuffix("/") { bare.removeLast() }
    if bare.hasSuffix("/v2.0") { bare.removeLast(5) }
    return bare.hasSuffix("/v3") ? bare : bare + "/v3"
  }
}

/// Reads one cloud's settings.
private struct AccessReader {
  let name: String
  let cloud: SettingTree
  private var auth: SettingTree? { cloud["auth"] }

  init(name: String, cloud: SettingTree) {
    self.name = name
    self.cloud = cloud
  }

  func mistake(_ why: String) -> OpenStackError { .credentials(cloud: name, why: why) }
  func option(_ key: String) -> String? { cloud[key]?.text }
  func setting(_ key: String) -> String? { auth?[key]?.text ?? cloud[key]?.text }

  func needed(_ key: String) throws -> String {
    guard let text = setting(key) else { throw mistake("\(key) isn't given") }
    return text
  }

  func method() throws -> CloudAccess.Method {
    // What a type isn't named for is told by what is given, as other clients do.
    let type = option("auth_type") ?? guess
    switch type {
    case "password", "v3password":
      return .password(user: try user(), password: try needed("password"))
    case "token", "v3token":
      return .token(try needed("token"))
    case "v3applicationcredential":
      let id = setting("application_credential_id")
      let credential = setting("application_credential_name")
      guard id != nil || credential != nil else { throw mistake("application_credential_id isn't given") }
      return .applicationCredential(
        id: id, name: credential, user: id == nil ? try user() : nil,
        secret: try needed("application_credential_secret"))
    default:
      throw mistake("auth_type '\(type.prefix(40))' isn't known: password, token and v3applicationcredential are")
    }
  }

  private var guess: String {
    if setting("application_credential_secret") != nil { return "v3applicationcredential" }
    return setting("token") != nil && setting("password") == nil ? "token" : "password"
  }

  private func user() throws -> CloudAccess.Named {
    let user = CloudAccess.Named(
      id: setting("user_id"), name: setting("username"),
      domainID: setting("user_domain_id") ?? (setting("user_domain_name") == nil ? setting("domain_id") : nil),
      domainName: setting("user_domain_name") ?? setting("domain_name"))
    guard user.id != nil || user.name != nil else { throw mistake("username isn't given") }
    return user.inDomain(setting("default_domain") ?? setting("default_domain_id"))
  }

  func project() throws -> CloudAccess.Named? {
    if case .applicationCredential = try method() { return nil }
    let project = CloudAccess.Named(
      id: setting("project_id"), name: setting("project_name") ?? setting("tenant_name"),
      domainID: setting("project_domain_id"), domainName: setting("project_domain_name"))
    guard project.id != nil || project.name != nil else { throw mistake("project_name isn't given") }
    return project.inDomain(setting("default_domain") ?? setting("default_domain_id"))
  }
}

extension CloudAccess.Named {
  /// A name is one of a domain: Keystone's first one, `default`, where none is said.
  func inDomain(_ id: String?) -> Self {
    var copy = self
    if self.id == nil, domainID == nil, domainName == nil { copy.domainID = id ?? "default" }
    return copy
  }
}
