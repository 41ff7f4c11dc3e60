extension Neutron {
  /// Points a floating address at a port; at none with nil.
  public func associate(_ floating: String, with port: String?, doing: String) async throws {
    let _: FloatingAddressRecord = try await change(
      .floatingips, "floatingip", floating, Association(portId: port), doing: doing)
  }

  public func forwardings(of floating: String) async throws -> [PortForwardingRecord] {
    let request = APIRequest(.get, forwardingsPath(floating), doing: "list what is forwarded")
    return try await ifThere { try await session.list("port_forwardings", request, of: .network) } ?? []
  }

  public func forward(_ floating: String, _ body: PortForwardingRequest, doing: String) async throws {
    let request = try APIRequest(.post, forwardingsPath(floating), doing: doing, json: ["port_forwarding": body])
    _ = try await session.send(request, to: .network)
  }

  public func removeForwarding(_ id: String, of floating: String, doing: String) async throws {
    try await session.remove(
      APIRequest(.delete, forwardingsPath(floating) + "/\(APIRequest.escaped(id))", doing: doing), from: .network)
  }

  private func forwardingsPath(_ floating: String) -> String {
    "/v2.0/floatingips/\(APIRequest.escaped(floating))/port_forwardings"
  }

  /// No port is said as null, which isn't the same as nothing said.
  private struct Association: Encodable {
    let portId: String?

    private enum CodingKeys: String, CodingKey { case portId }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(portId, forKey: .portId)
    }
  }
}
