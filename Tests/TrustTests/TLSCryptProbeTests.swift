import Foundation
import Testing

@testable import Trust

@Suite("A tls-crypt-v2 probe")
struct TLSCryptProbeTests {
  private let key: TLSCryptClientKey
  private let probe: TLSCryptProbe

  init() throws {
    key = try TLSCryptServerKey.generate().issueClientKey(.user([]))
    probe = try TLSCryptProbe(key: key)
  }

  /// What a server would answer: opcode, its session, a packet id, and the plain text given.
  private func answer(
    _ plain: [UInt8], opcode: UInt8 = 8 << 3, direction: TLSCryptClientKey.Direction = .receiving
  ) throws -> [UInt8] {
    let header = [opcode] + [UInt8](repeating: 7, count: 8) + [0, 0, 0, 1, 0, 0, 0, 0]
    let tag = try key.tag(header + plain, direction)
    return header + tag + (try key.crypt(plain, counter: tag, direction))
  }

  private var session: [UInt8] { Array(probe.request[1..<9]) }
  private var right: [UInt8] { [1, 0, 0, 0, 0] + session + [0, 0, 0, 0] }

  @Test("the right answer is taken, with more acknowledgements and flags too")
  func taken() throws {
    #expect(probe.isAnswered(by: try answer(right)))
    #expect(probe.isAnswered(by: try answer([2, 0, 0, 0, 0, 0, 0, 0, 1] + session + [0, 0, 0, 0, 0, 1, 0, 2, 0, 1])))
  }

  @Test("answers to another question, of another kind or direction, or without an acknowledgement are not")
  func refused() throws {
    #expect(!probe.isAnswered(by: try answer([1, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 8) + [0, 0, 0, 0])))
    #expect(!probe.isAnswered(by: try answer(right, opcode: 4 << 3)))
    #expect(!probe.isAnswered(by: try answer(right, direction: .sending)))
    #expect(!probe.isAnswered(by: try answer([0, 0, 0, 0, 0])))
    #expect(!probe.isAnswered(by: try answer([255] + right.dropFirst())))
    #expect(!probe.isAnswered(by: try answer(right + [UInt8](repeating: 0, count: 60_000))))
    #expect(!probe.isAnswered(by: probe.request))
    #expect(!(try TLSCryptProbe(key: key)).isAnswered(by: try answer(right)), "a replayed answer")
  }

  @Test("an answer that was cut anywhere, or changed in any byte, is not")
  func damaged() throws {
    let whole = try answer(right)
    for length in 0..<whole.count { #expect(!probe.isAnswered(by: Array(whole[..<length]))) }
    for place in whole.indices {
      var changed = whole
      changed[place] ^= 1
      #expect(!probe.isAnswered(by: changed), "byte \(place)")
    }
  }
}
