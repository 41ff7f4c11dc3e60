import Foundation

extension HTTPProxyAddress {
  /// The proxy that the environment names for a cloud, read as curl does (curl(1), ENVIRONMENT); nil where it is to be
  /// reached directly.
  init?(for address: String, in surroundings: CloudsFile.Surroundings) {
    guard let url = URL(string: address), let host = url.host()?.lowercased() else { return nil }
    let names = url.scheme?.lowercased() == "https" ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]
    let exceptions = surroundings.value("no_proxy") ?? surroundings.value("NO_PROXY") ?? ""
    let isExcepted = exceptions.split(whereSeparator: { $0 == "," || $0.isWhitespace }).contains { entry in
      let name = entry.drop { $0 == "." }.lowercased()
      return entry == "*" || host == name || host.hasSuffix(".\(name)")
    }
    guard !isExcepted, let value = (names + ["all_proxy", "ALL_PROXY"]).lazy.compactMap(surroundings.value).first,
      let proxy = URL(string: value.contains("://") ? value : "http://\(value)"), let name = proxy.host()
    else { return nil }
    self.init(
      host: name, port: proxy.port ?? 1080, user: proxy.user(percentEncoded: false),
      password: proxy.password(percentEncoded: false) ?? "")
  }
}
