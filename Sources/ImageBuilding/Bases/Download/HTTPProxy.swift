import Foundation

/// The proxy that the environment names, read as curl does (curl(1), ENVIRONMENT).
struct HTTPProxy: Equatable {
  let host: String
  let port: Int

  /// The proxy for `address`; nil where it is to be reached directly.
  ///
  /// - Throws: ``BaseError/badURL(_:reason:)`` for a proxy that can't be used.
  static func choose(
    for address: HTTPAddress, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(BaseError) -> HTTPProxy? {
    // $HTTP_PROXY isn't read: in a CGI program a client could set it.
    let names = address.isEncrypted ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]
    let values = (names + ["all_proxy", "ALL_PROXY"]).compactMap { environment[$0] }.filter { !$0.isEmpty }
    guard let value = values.first else { return nil }
    let exceptions = environment["no_proxy"] ?? environment["NO_PROXY"] ?? ""
    if isExcepted(address.url.host() ?? "", by: exceptions) { return nil }
    let text = value.contains("://") ? value : "http://\(value)"
    guard let url = URL(string: text), url.scheme?.lowercased() == "http", let host = url.host(), url.user() == nil
    else {
      throw .badURL(address.description, reason: "of the proxy in the environment; only http://HOST:PORT is known here")
    }
    return HTTPProxy(host: host, port: url.port ?? 1080)
  }

  private static func isExcepted(_ host: String, by list: String) -> Bool {
    list.split(whereSeparator: { $0 == "," || $0.isWhitespace }).contains { entry in
      let name = entry.drop { $0 == "." }.lowercased()
      return entry == "*" || host.lowercased() == name || host.lowercased().hasSuffix(".\(name)")
    }
  }
}
