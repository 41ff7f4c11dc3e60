import Names
import State

/// What a network has that its cloud knows nothing of, as one line of text:
/// `clients=5 tunnel=172.16.0.0/24 routes=10.9.0.0/16,10.10.0.0/16 dns=10.9.0.53 domain=acme.example`.
struct NetworkMemo: Equatable {
  var clients: Int?
  var cidr6: IPv6Network?
  var tunnel: IPv4Network?
  var tunnel6: IPv6Network?
  var routes: [IPv4Network] = []
  var dns: [IPv4Address] = []
  var domain: HostName?

  init(_ network: Network) {
    clients = network.poolSize
    cidr6 = network.cidr6
    tunnel = network.tunnelPool
    tunnel6 = network.tunnelPool6
    routes = network.routes
    dns = network.dns
    domain = network.dnsDomain
  }

  /// Words that aren't known are of a later version, and passed over.
  ///
  /// - Throws: `NameError`.
  init(_ text: String) throws {
    let words = text.split(separator: " ").map { $0.split(separator: "=", maxSplits: 1) }.filter { $0.count == 2 }
    let values = Dictionary(words.map { (String($0[0]), $0[1]) }) { $1 }
    func list(_ key: String) -> [Substring] { values[key]?.split(separator: ",") ?? [] }
    clients = values["clients"].flatMap { Int($0) }
    cidr6 = try values["cidr6"].map { try IPv6Network($0) }
    tunnel = try values["tunnel"].map { try IPv4Network($0) }
    tunnel6 = try values["tunnel6"].map { try IPv6Network($0) }
    routes = try list("routes").map { try IPv4Network($0) }
    dns = try list("dns").map { try IPv4Address($0) }
    domain = try values["domain"].map { try HostName($0) }
  }

  var text: String {
    func list(_ values: [some CheckedText]) -> String? {
      values.isEmpty ? nil : values.map(\.text).joined(separator: ",")
    }
    let words = [
      ("clients", clients.map { "\($0)" }), ("cidr6", cidr6?.text), ("tunnel", tunnel?.text),
      ("tunnel6", tunnel6?.text), ("routes", list(routes)), ("dns", list(dns)), ("domain", domain?.text),
    ]
    return words.compactMap { name, value in value.map { "\(name)=\($0)" } }.joined(separator: " ")
  }
}
