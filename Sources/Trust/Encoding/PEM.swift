/// The textual encoding of RFC 7468: base64 between a BEGIN and an END line.
enum PEM {
  /// One encapsulated document.
  struct Block {
    let label: String
    var bytes: [UInt8]
  }

  /// Writes one document, 64 characters a line (RFC 7468, §2) unless told otherwise.
  static func encode(_ label: String, _ bytes: some Collection<UInt8>, lineLength: Int = 64) -> [UInt8] {
    var base64 = Base64.encode(bytes)
    defer { base64.cleanse() }
    var text: [UInt8] = []
    text.reserveCapacity(base64.count + base64.count / lineLength + 2 * label.utf8.count + 40)
    text.append(contentsOf: "-----BEGIN \(label)-----\n".utf8)
    var rest = base64[...]
    while !rest.isEmpty {
      text.append(contentsOf: rest.prefix(lineLength))
      text.append(UInt8(ascii: "\n"))
      rest = rest.dropFirst(lineLength)
    }
    text.append(contentsOf: "-----END \(label)-----\n".utf8)
    return text
  }

  /// Writes one public document.
  static func text(_ label: String, _ bytes: [UInt8]) -> String {
    String(decoding: encode(label, bytes), as: UTF8.self)
  }

  /// Writes one secret document.
  static func secret(_ label: String, _ bytes: UnsafeRawBufferPointer, lineLength: Int = 64) -> Secret {
    var text = encode(label, bytes, lineLength: lineLength)
    return Secret(consuming: &text)
  }

  /// Every document in the text, in order. Text outside of them is commentary (RFC 7468, §2) and skipped.
  /// - Throws: `TrustError.malformed` about `document` for a block that doesn't end, or whose content is not base64.
  static func decode(_ text: some Collection<UInt8>, as document: Document) throws -> [Block] {
    var blocks: [Block] = []
    var lines = text.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }).makeIterator()
    while let line = lines.next() {
      guard let label = label(of: line, "-----BEGIN ") else { continue }
      var base64: [UInt8] = []
      base64.reserveCapacity(text.count)
      defer { base64.cleanse() }
      var ended = false
      while let line = lines.next() {
        if let end = PEM.label(of: line, "-----END ") {
          ended = end == label
          break
        }
        for character in line where character != UInt8(ascii: " ") && character != UInt8(ascii: "\t") {
          base64.append(character)
        }
      }
      guard ended else { throw TrustError.malformed(document, reason: "a PEM block has no matching END line") }
      guard let bytes = Base64.decode(base64) else {
        throw TrustError.malformed(document, reason: "a PEM block is not base64")
      }
      blocks.append(Block(label: label, bytes: bytes))
    }
    return blocks
  }

  /// Every document of a text that is secret.
  /// - Throws: as `decode`.
  static func decode(secret text: Secret, as document: Document) throws -> [(label: String, content: Secret)] {
    var blocks = try text.withUnsafeBytes { try decode($0, as: document) }
    return blocks.indices.map { (blocks[$0].label, Secret(consuming: &blocks[$0].bytes)) }
  }

  /// The bytes of the only document with this label.
  /// - Throws: `TrustError.malformed` when there is none, or more than one.
  static func single(_ label: String, in text: String, as document: Document) throws -> [UInt8] {
    let blocks = try decode(text.utf8, as: document).filter { $0.label == label }
    guard let block = blocks.first, blocks.count == 1 else {
      throw TrustError.malformed(document, reason: "it holds \(blocks.count) blocks \"BEGIN \(label)\" instead of one")
    }
    return block.bytes
  }

  private static func label(of line: some Collection<UInt8>, _ start: String) -> String? {
    // Other lines may be secret and must not become strings, which can't be zeroed.
    guard line.starts(with: start.utf8) else { return nil }
    let text = String(decoding: line.prefix(100), as: UTF8.self)
    let rest = text.dropFirst(start.count)
    guard let end = rest.firstRange(of: "-----") else { return nil }
    return String(rest[..<end.lowerBound])
  }
}
