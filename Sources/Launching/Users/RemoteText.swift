public import Names
public import Trust

/// Where a cloudpipe answers, as people write it: `vpn.example.org:1194`, `203.0.113.7:20001`, `[2001:db8::7]:1194`.
public enum RemoteText {
  /// - Throws: `NameError`.
  public static func read(_ text: String) throws(NameError) -> Remote {
    func refusal(_ phrase: String) -> NameError {
      NameError(
        kind: "remote", text: text, reason: text.isEmpty ? .empty : .form(phrase),
        remedy: "HOST:PORT, such as vpn.example.org:1194 or [2001:db8::7]:1194")
    }
    guard let colon = text.lastIndex(of: ":") else { throw refusal("it has no port") }
    let port = try PortNumber(text[text.index(after: colon)...])
    let host = try Self.host(text[..<colon], refusal("the address has no brackets around it"))
    guard let remote = try? Remote(host: host, port: port.rawValue) else { throw refusal("the host is too long") }
    return remote
  }

  private static func host(_ text: Substring, _ unbracketed: NameError) throws(NameError) -> String {
    if text.hasPrefix("["), text.hasSuffix("]") { return try IPv6Address(text.dropFirst().dropLast()).text }
    if text.contains(":") { throw unbracketed }
    if let address = try? IPv4Address(text) { return address.text }
    return try HostName(text).text
  }
}
