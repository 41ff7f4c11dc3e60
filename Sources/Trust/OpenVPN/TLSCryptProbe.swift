import COpenSSL
public import Foundation

/// A question that only a server with the project's tls-crypt-v2 key answers: the first packet of a handshake, which goes
/// no further.
///
/// It says, as OpenVPN 2.6 does, that it can send the wrapped key again, so that a server of 2.6 answers from a cookie and
/// keeps nothing of it (`do_pre_decrypt_check` in src/openvpn/mudp.c, doc/tls-crypt-v2.txt).
public struct TLSCryptProbe: Sendable {
  /// The datagram to send.
  public let request: [UInt8]
  private let key: TLSCryptClientKey
  private let session: [UInt8]

  /// Opcodes of src/openvpn/ssl_pkt.h in the high five bits, key id 0 in the low three.
  private static let request: UInt8 = 10 << 3
  private static let answer: UInt8 = 8 << 3
  /// EARLY_NEG_START of src/openvpn/packet_id.h, and the first packet of it.
  private static let packetID: UInt32 = 0x0f00_0001
  private static let sessionSize = 8
  private static let tagSize = 32
  /// Opcode, session and packet id, before the tag.
  private static let headerSize = 1 + sessionSize + 8
  /// No answer to a first packet is longer: it has acknowledgements and a few flags.
  private static let largestAnswer = 512

  /// - Throws: `TrustError.cryptographyFailed`.
  public init(key: TLSCryptClientKey, now: Date = Date()) throws {
    let session = try [UInt8].random(count: Self.sessionSize)
    let time = UInt32(truncatingIfNeeded: Int64(now.timeIntervalSince1970))
    let header = [Self.request] + session + Self.bigEndian(Self.packetID) + Self.bigEndian(time)
    // No acknowledgements, and the message's own number.
    let plain: [UInt8] = [0, 0, 0, 0, 0]
    let tag = try key.tag(header + plain, .sending)
    request = header + tag + (try key.crypt(plain, counter: tag, .sending)) + key.wrapped
    self.key = key
    self.session = session
  }

  /// Whether a datagram is this question's answer: made with the same key, for this session.
  public func isAnswered(by datagram: [UInt8]) -> Bool {
    let start = Self.headerSize + Self.tagSize
    guard datagram.first == Self.answer, datagram.count > start, datagram.count <= Self.largestAnswer else {
      return false
    }
    let header = Array(datagram[..<Self.headerSize])
    let stated = Array(datagram[Self.headerSize..<start])
    guard let plain = try? key.crypt(Array(datagram[start...]), counter: stated, .receiving),
      let tag = try? key.tag(header + plain, .receiving), cossl_equal(tag, stated, Self.tagSize) == 1
    else { return false }
    // It acknowledges packets, each by a number of four bytes, and says whose they were.
    let count = Int(plain.first ?? 0)
    let place = 1 + 4 * count
    guard count > 0, plain.count >= place + Self.sessionSize else { return false }
    return plain[place..<(place + Self.sessionSize)].elementsEqual(session)
  }

  private static func bigEndian(_ number: UInt32) -> [UInt8] {
    stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> UInt32($0)) }
  }
}

extension TLSCryptClientKey {
  /// Which way a packet goes. A client takes the second pair of keys for what it sends (KEY_DIRECTION_INVERSE in
  /// src/openvpn/crypto.c).
  enum Direction: Int, Sendable {
    case receiving, sending

    /// Each pair has 64 bytes for the cipher and 64 for the HMAC, of which the first 32 are used.
    fileprivate var cipher: Int { rawValue * 128 }
    fileprivate var authentication: Int { rawValue * 128 + 64 }
  }

  /// HMAC-SHA-256 of a packet without its tag.
  func tag(_ message: [UInt8], _ direction: Direction) throws -> [UInt8] {
    try part(direction.authentication) { key in
      try [UInt8](unsafeUninitializedCapacity: 32) { out, initialized in
        guard cossl_hmac_sha256(key, message, message.count, out.baseAddress) == 1 else {
          throw cryptoFailure("authenticate a packet")
        }
        initialized = 32
      }
    }
  }

  /// AES-256-CTR with the tag's first 16 bytes as the counter.
  func crypt(_ input: [UInt8], counter: [UInt8], _ direction: Direction) throws -> [UInt8] {
    try part(direction.cipher) { key in
      try [UInt8](unsafeUninitializedCapacity: input.count) { out, initialized in
        guard cossl_aes256_ctr(key, counter, input, input.count, out.baseAddress) == 1 else {
          throw cryptoFailure("encrypt a packet")
        }
        initialized = input.count
      }
    }
  }
}
