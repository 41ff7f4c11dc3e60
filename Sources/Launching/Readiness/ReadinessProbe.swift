import Foundation
import Glibc
public import Names
public import Trust

/// Finds out whether a VPN answers, with the project's own key: to anybody else it is silent.
///
/// OpenVPN 2.6 answers 100 first packets in ten seconds (`connect-freq-initial`), those of users included; a wait asks
/// until the first answer, so that it takes one of them.
public enum ReadinessProbe {
  /// Asks again and again until the VPN answers.
  ///
  /// - Returns: whether it answered before the deadline.
  /// - Throws: `CancellationError` at once; `TrustError.cryptographyFailed`.
  public static func waitUntilAnswers(
    address: IPv4Address, port: PortNumber, key: TLSCryptClientKey, deadline: ContinuousClock.Instant,
    every interval: Duration = .milliseconds(50)
  ) async throws -> Bool {
    var questions: [TLSCryptProbe] = []
    let socket = ProbeSocket(address: address, port: port)
    var next = ContinuousClock.now
    repeat {
      try Task.checkCancellation()
      if ContinuousClock.now >= next {
        next = .now + interval
        // An answer may come when the next question is out already.
        questions = questions.suffix(9) + [try TLSCryptProbe(key: key)]
        if let question = questions.last { socket.send(question.request) }
      }
      // Somebody who sends without end isn't listened to without end.
      for _ in 0..<64 {
        guard let datagram = socket.receive() else { break }
        if questions.contains(where: { $0.isAnswered(by: datagram) }) { return true }
      }
      try await Task.sleep(for: min(.milliseconds(5), interval))
    } while ContinuousClock.now < deadline
    return false
  }
}

/// A UDP socket that hears one address and port alone, and doesn't block.
private final class ProbeSocket {
  private let descriptor: CInt
  private var buffer = [UInt8](repeating: 0, count: 2048)

  private var name = sockaddr_in()
  private var isConnected = false

  init(address: IPv4Address, port: PortNumber) {
    descriptor = socket(AF_INET, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.rawValue.bigEndian
    name.sin_addr.s_addr = address.bits.bigEndian
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// What can't be sent is lost, as any datagram may be.
  func send(_ bytes: [UInt8]) {
    if !isConnected { isConnected = connectNow() }
    if isConnected { _ = Glibc.send(descriptor, bytes, bytes.count, 0) }
  }

  /// Where there is no way yet, there may be one a moment later.
  private func connectNow() -> Bool {
    withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  /// The next datagram, cut to 2048 bytes; nil when there is none. A refused port isn't an error: it answers later.
  func receive() -> [UInt8]? {
    guard isConnected else { return nil }
    let count = recv(descriptor, &buffer, buffer.count, 0)
    return count > 0 ? Array(buffer[..<count]) : nil
  }
}
