public import Foundation
import NIOHTTP1
public import SystemPackage

/// One call of a service's API.
public struct APIRequest: Sendable {
  public enum Method: String, Sendable {
    case get = "GET"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"
  }

  public enum Body: Sendable {
    case none
    case json(Data)
    /// A file, read as it is sent.
    case file(FilePath, size: UInt64, progress: @Sendable (UInt64) -> Void)
  }

  public var method: Method
  /// Behind the service's endpoint, with a slash at its start.
  public var path: String
  public var query: [(name: String, value: String)] = []
  public var headers: [(name: String, value: String)] = []
  public var body = Body.none
  /// What the call does, on what, for messages: "create the port acme-vpn".
  public var doing: String
  /// Whether it may be made twice. A POST that got no answer may have been carried out, so what came of it has to be
  /// looked for first.
  public var isRepeatable: Bool
  /// How long an answer may take, and each wait for more of one; nil: as the session has it.
  public var patience: Duration?

  public init(_ method: Method, _ path: String, doing: String) {
    self.method = method
    self.path = path
    self.doing = doing
    isRepeatable = method != .post && method != .patch
  }

  /// - Throws: `EncodingError`.
  public init(_ method: Method, _ path: String, doing: String, json: some Encodable) throws {
    self.init(method, path, doing: doing)
    body = .json(try APICoding.encoder().encode(json))
    headers.append(("Content-Type", "application/json"))
  }

  /// The path with its query, percent-encoded.
  var target: String {
    guard !query.isEmpty else { return path }
    let pairs = query.map { "\(Self.escaped($0.name))=\(Self.escaped($0.value))" }
    return path + "?" + pairs.joined(separator: "&")
  }

  /// A text as one part of a path or query (RFC 3986, section 2.3).
  public static func escaped(_ text: String) -> String {
    let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
  }
}

/// An answer, whole.
public struct APIAnswer: Sendable {
  public let status: Int
  let headers: HTTPHeaders
  public let body: Data
  let doing: String

  func header(_ name: String) -> String? { headers.first(name: name) }

  /// - Throws: ``OpenStackError/badAnswer(doing:why:)``.
  public func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
    try decoded { try APICoding.decoder().decode(type, from: body) }
  }

  /// A page of the list that has this name, written_like_this.
  ///
  /// - Throws: ``OpenStackError/badAnswer(doing:why:)``, also where there is no such list.
  func page<Item: Decodable>(of type: Item.Type, named name: String) throws -> Page<Item> {
    let words = name.split(separator: "_")
    let key = words.prefix(1) + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }
    return try decoded {
      try APICoding.decoder().decode(Page<Item>.self, from: body, configuration: key.joined())
    }
  }

  private func decoded<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch {
      throw OpenStackError.badAnswer(doing: doing, why: "it isn't the JSON that was expected")
    }
  }
}

/// The services write names_like_this.
enum APICoding {
  static func encoder() -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }

  static func decoder() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return decoder
  }
}
