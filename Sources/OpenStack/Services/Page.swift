import Foundation

/// One page of a list, as `{"ports": […], "ports_links": [{"rel": "next", "href": …}]}`.
struct Page<Item: Decodable>: Decodable {
  private(set) var items: [Item] = []
  /// Where the next page is; nil for the last.
  private(set) var next: String?

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private struct Link: Decodable {
    let rel: String
    let href: String
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    for key in container.allKeys {
      if key.stringValue.hasSuffix("Links") {
        next = try container.decode([Link].self, forKey: key).first { $0.rel == "next" }?.href
      } else if key.stringValue == "next" {
        // Glance's way.
        next = try container.decode(String.self, forKey: key)
      } else if let items = try? container.decode([Item].self, forKey: key) {
        self.items = items
      }
    }
  }
}

extension Session {
  /// All items of a list, page by page.
  nonisolated func list<Item: Decodable & Sendable>(
    _ request: APIRequest, of service: ServiceType
  ) async throws -> [Item] {
    var request = request
    var items: [Item] = []
    // An end that never comes would be a mistake of the service's.
    for _ in 0..<1000 {
      let page = try await send(request, to: service).decode(Page<Item>.self)
      items += page.items
      guard let next = page.next, let query = URLComponents(string: next)?.queryItems, !page.items.isEmpty else {
        return items
      }
      request.query = query.map { ($0.name, $0.value ?? "") }
    }
    return items
  }
}
