import Foundation

/// One page of a list, as `{"ports": […], "ports_links": [{"rel": "next", "href": …}]}`.
struct Page<Item: Decodable>: DecodableWithConfiguration {
  let items: [Item]
  /// Where the next page is; nil for the last.
  let next: String?

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ text: String) { stringValue = text }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private struct Link: Decodable {
    let rel: String
    let href: String
  }

  /// - Parameter name: what the list is called, likeThis. One that isn't there isn't an empty one.
  init(from decoder: any Decoder, configuration name: String) throws {
    let container = try decoder.container(keyedBy: Key.self)
    items = try container.decode([Item].self, forKey: Key(name))
    let links = try container.decodeIfPresent([Link].self, forKey: Key(name + "Links"))
    // Glance's way is the other one.
    next =
      try links?.first { $0.rel == "next" }?.href ?? container.decodeIfPresent(String.self, forKey: Key("next"))
  }
}

extension Session {
  /// All items of a list, page by page.
  ///
  /// - Parameter name: what the list is called in the answer.
  nonisolated func list<Item: Decodable & Sendable>(
    _ name: String, _ request: APIRequest, of service: ServiceType
  ) async throws -> [Item] {
    var request = request
    var items: [Item] = []
    // An end that never comes would be a mistake of the service's.
    for _ in 0..<1000 {
      let page = try await send(request, to: service).page(of: Item.self, named: name)
      items += page.items
      guard let next = page.next, let query = URLComponents(string: next)?.queryItems, !page.items.isEmpty else {
        return items
      }
      request.query = query.map { ($0.name, $0.value ?? "") }
    }
    return items
  }
}
