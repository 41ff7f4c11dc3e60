import Clouds
import Declarations
import Glibc
import Host
import Names
public import State
public import SystemPackage
import Trust

extension Configuration {
  /// Its name in the home folder.
  public static let fileName = "cpbuild.yaml"

  /// Reads `<home>/cpbuild.yaml`; without one everything is as it is by default.
  ///
  /// - Throws: `DeclarationError` with the place of what is wrong, `HostError` when the file can't be read.
  public static func read(in home: Home) throws -> Configuration {
    let file = home.path.appending(fileName)
    do {
      return try Configuration(text: DeclarationFile.text(of: file), file: file)
    } catch HostError.file(_, _, ENOENT) {
      return Configuration()
    }
  }

  /// Reads the text of a configuration; `file` is for messages, and where relative paths in it begin.
  ///
  /// - Throws: `DeclarationError`.
  public init(text: String, file: FilePath) throws {
    self.init()
    // A file of comments only is how one begins.
    guard text.split(whereSeparator: \.isNewline).contains(where: { !$0.isCommentOrBlank }) else { return }
    let root = try DeclarationFile.document(text, file: file, name: "the configuration")
    let sections = try root.mapping(["trust", "network", "flavors", "clouds"])
    if let section = sections["trust"] { trust = try TrustSettings(section) }
    if let section = sections["network"] { network = try NetworkSettings(section) }
    for (name, value) in try sections["flavors"]?.entries() ?? [] {
      let flavor = try Flavor(name: name, value)
      flavors[flavor.name] = flavor
    }
    for (name, value) in try sections["clouds"]?.entries() ?? [] {
      clouds[try name.string()] = try OpenStackSettings(value)
    }
  }
}

extension TrustSettings {
  init(_ section: DeclarationNode) throws {
    self.init()
    let keys = try section.mapping(["key-type", "ssh-key-type", "lifetimes", "crl-url", "passphrase"])
    if let node = keys["key-type"] { keyType = try node.choice() }
    if let node = keys["ssh-key-type"] { keyPairType = try node.choice() }
    if let node = keys["lifetimes"] { lifetimes = try Lifetimes(node) }
    crlAddress = try keys["crl-url"].map { node in
      let text = try node.string()
      let bare = text.hasSuffix("/") ? String(text.dropLast()) : text
      // With what is appended to it the longest is still within what a certificate takes.
      guard bare.utf8.count <= 512 else { throw node.error("crl-url has more than 512 characters") }
      return try node.checked { try CRLLocation(bare) }.uri
    }
    passphrase = try keys["passphrase"].map(PassphraseSource.init)
  }
}

extension TrustSettings.Lifetimes {
  init(_ section: DeclarationNode) throws {
    self.init()
    let keys = try section.mapping(["root", "project", "server", "client", "crl"])
    func lifetime(_ name: String, else standard: Lifetime) throws -> Lifetime {
      guard let node = keys[name] else { return standard }
      return try node.checked { try LifetimeText.read(node.string()) }
    }
    root = try lifetime("root", else: root)
    project = try lifetime("project", else: project)
    server = try lifetime("server", else: server)
    client = try lifetime("client", else: client)
    crl = try lifetime("crl", else: crl)
    if let node = keys["crl"], crl.seconds > TrustSettings.longestCRL {
      throw node.error(
        "a CRL lives for 90d at most: it is how long a lost one goes unnoticed; renewing it is automatic")
    }
    if let node = keys["crl"], crl.seconds < 60 {
      throw node.error("a CRL lives for 1min at least: it has to reach the instance before it ends")
    }
  }
}

extension PassphraseSource {
  init(_ section: DeclarationNode) throws {
    // Whoever wrote the passphrase itself here is not to find it in a log as well.
    guard section.isMapping else {
      throw section.error("passphrase has to have one of file and credential; it doesn't stand here itself")
    }
    let keys = try section.mapping(["file", "credential"])
    guard keys.count == 1, let (kind, node) = keys.first else {
      throw section.error("passphrase has to have one of file and credential")
    }
    let text = try node.string()
    if kind == "file" {
      self = .file(node.file.removingLastComponent().pushing(FilePath(text)).lexicallyNormalized())
    } else {
      self = try node.checked { try .named(credential: text) }
    }
  }
}

extension NetworkSettings {
  init(_ section: DeclarationNode) throws {
    self.init()
    let keys = try section.mapping(["range", "prefix", "public-ip", "ports", "clients"])
    if let node = keys["range"] { range = try node.checked { try IPv4Network(node.string()) } }
    if let node = keys["prefix"] { prefixLength = try node.integer(8...29) }
    if let node = keys["public-ip"] { publicAddress = try node.checked { try IPv4Address(node.string()) } }
    if let node = keys["ports"] { ports = try node.portRange() }
    if let node = keys["clients"] { clients = try node.integer(1...1000) }
    guard prefixLength >= range.prefixLength else {
      throw (keys["prefix"] ?? keys["range"] ?? section).error("no /\(prefixLength) fits into \(range)")
    }
  }
}

extension OpenStackSettings {
  init(_ section: DeclarationNode) throws {
    self.init()
    let keys = try section.mapping(["external-network", "network", "flavor", "image", "public"])
    externalNetwork = try keys["external-network"]?.string()
    network = try keys["network"]?.string()
    flavor = try keys["flavor"]?.string()
    image = try keys["image"]?.string()
    if let node = keys["public"] { publicAccess = try node.choice() }
  }
}

extension Flavor {
  init(name: DeclarationNode, _ section: DeclarationNode) throws {
    let text = try name.string()
    guard text.utf8.count <= 64, text.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._\-]*/) != nil else {
      throw name.error("a flavor's name holds letters, digits, '.', '_' and '-' only, at most 64")
    }
    let keys = try section.mapping(["processors", "memory", "disk"])
    func part(_ key: String) throws -> DeclarationNode {
      guard let node = keys[key] else { throw name.error("the flavor \(text) has no \(key)") }
      return node
    }
    func whole(_ key: String, _ unit: UInt64, _ unitName: String, _ range: ClosedRange<UInt64>) throws -> Int {
      let node = try part(key)
      let size = try node.size()
      guard size.isMultiple(of: unit), range.contains(size / unit) else {
        throw node.error("\(key) has to be \(range.lowerBound) to \(range.upperBound) whole \(unitName)")
      }
      return Int(size / unit)
    }
    self.init(
      name: text, processors: try part("processors").integer(1...64),
      memory: try whole("memory", 1 << 20, "MiB", 128...1_048_576), disk: try whole("disk", 1 << 30, "GiB", 1...1024))
  }
}

extension DeclarationNode {
  /// One of the names of an enumeration's cases.
  fileprivate func choice<Choice: RawRepresentable & CaseIterable>() throws -> Choice where Choice.RawValue == String {
    let text = try string()
    guard let choice = Choice(rawValue: text) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw error("\(name) has to be one of \(known), not '\(text.prefix(40))'")
    }
    return choice
  }

  /// What `body` makes of this node; what it throws is said with the place.
  fileprivate func checked<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as DeclarationError {
      throw error
    } catch {
      throw self.error("\(error)")
    }
  }

  fileprivate func portRange() throws -> ClosedRange<PortNumber> {
    let parts = try string().split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw error("\(name) has to be two ports such as 20000-29999") }
    let (first, last) = try checked { (try PortNumber(parts[0]), try PortNumber(parts[1])) }
    guard first <= last else { throw error("\(name) begins above its end") }
    return first...last
  }
}

extension Substring {
  fileprivate var isCommentOrBlank: Bool {
    let text = drop { $0 == " " || $0 == "\t" }
    return text.isEmpty || text.hasPrefix("#")
  }
}
