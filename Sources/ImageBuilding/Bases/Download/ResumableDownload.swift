import AsyncHTTPClient
import Foundation
import Glibc
import Host
import NIOCore
import NIOHTTP1
import SystemPackage

/// Brings a file from a server, going on where an earlier try or run stopped.
///
/// `<name>.partial` holds what is here, `<name>.json` says of which version of which file. Only the same version is gone
/// on with (If-Range, RFC 9110 section 13.1.5); without a validator from the server it starts anew.
struct ResumableDownload {
  let address: HTTPAddress
  /// Of the two files; the caller holds a lock on them.
  let folder: FilePath
  /// The most that is fetched, in bytes.
  let limit: UInt64
  let settings: Settings
  let events: @Sendable (BaseEvent) -> Void

  /// How to deal with a bad network.
  struct Settings: Sendable {
    var patience = HTTPExchange.Patience()
    /// Tries in a row that may bring nothing.
    var attempts = 5
    /// The pause after the first of them; it doubles with each, up to half a minute, and varies by half.
    var pause: Duration = .seconds(1)
  }

  private struct Note: Codable {
    var url: String
    var validator: String
    var total: UInt64?
  }

  private var name: String { Digest.sha256(address.url.absoluteString).hex }
  var partial: FilePath { folder.appending("\(name).partial") }
  private var notePath: FilePath { folder.appending("\(name).json") }

  /// How many bytes are here; 0 where they can't be gone on with.
  var progress: UInt64 { note == nil ? 0 : size }

  /// Fetches the file; in the end ``partial`` has all of it.
  ///
  /// - Throws: ``BaseError``, `HostError`, `CancellationError`. What is here then stays for the next run.
  func run() async throws {
    try Folder.make(folder, mode: 0o700)
    var failures = 0
    // A server that sends one byte a connection isn't worth more than a thousand of them.
    for _ in 0..<1000 {
      let before = size
      do {
        try await attempt()
        return
      } catch let failure where Self.mayPass(failure) {
        try Task.checkCancellation()
        failures = size > before ? 1 : failures + 1
        let reason = HTTPExchange.reason(failure)
        guard failures < settings.attempts else { throw Self.final(failure, address: address, reason: reason) }
        let pause = settings.pause * Double(1 << min(failures - 1, 5)) * Double.random(in: 0.5...1.5)
        let seconds = min(30, Double(pause.components.seconds) + Double(pause.components.attoseconds) * 1e-18)
        events(.retrying(url: address.description, reason: reason, seconds: seconds))
        try await Task.sleep(for: .seconds(seconds))
      }
    }
    throw BaseError.transfer(url: address.description, reason: "the connection breaks again and again")
  }

  /// Forgets all that is here.
  func discard() {
    unlink(partial.string)
    unlink(notePath.string)
  }

  // MARK: One try

  private struct Busy: Error, CustomStringConvertible {
    let status: Int
    var description: String { "the server answered \(status)" }
  }

  private struct CutShort: Error, CustomStringConvertible {
    var description: String { "the connection was closed in the middle" }
  }

  private func attempt() async throws {
    let have = progress
    if have == 0 { discard() }
    // Compression on the way would make the bytes of a range mean something else.
    var headers = [(name: "Accept-Encoding", value: "identity")]
    if have > 0, let note {
      if have == note.total { return }
      headers += [("Range", "bytes=\(have)-"), ("If-Range", note.validator)]
    }
    try await HTTPExchange(address: address, headers: headers, patience: settings.patience).run { response in
      switch response.status.code {
      case 200:
        try await receive(response, from: 0, total: Self.length(response))
      case 206 where have > 0:
        guard let range = ContentRange(response.headers.first(name: "Content-Range")), range.first == have,
          note?.total == nil || range.total == nil || note?.total == range.total
        else { throw startAnew() }
        try await receive(response, from: have, total: range.total ?? note?.total)
      case 416:
        throw startAnew()
      case 408, 429, 500, 502, 503, 504:
        throw Busy(status: Int(response.status.code))
      case let status:
        throw BaseError.http(url: address.description, status: Int(status))
      }
    }
  }

  /// What is here doesn't go with what the server has.
  private func startAnew() -> any Error {
    discard()
    return CutShort()
  }

  private func receive(_ response: HTTPClientResponse, from start: UInt64, total: UInt64?) async throws {
    if let total {
      guard total <= limit else { throw tooLarge() }
      let free = try Folder.freeSpace(at: folder)
      guard free > total - min(start, total) else {
        throw BaseError.noSpace(folder: folder, needed: total - start, free: free)
      }
    }
    let descriptor = open(partial.string, O_WRONLY | O_CREAT | O_CLOEXEC | (start == 0 ? O_TRUNC : O_APPEND), 0o600)
    guard descriptor >= 0 else { throw HostError.file(doing: "create", path: partial, errno: errno) }
    defer { close(descriptor) }
    if start == 0 { try takeNote(of: response, total: total) }
    var meter = Meter(start: start)
    for try await chunk in response.body {
      guard meter.bytes + UInt64(chunk.readableBytes) <= limit else { throw tooLarge() }
      try write(chunk, to: descriptor)
      meter.bytes += UInt64(chunk.readableBytes)
      if meter.isDue { tell(meter, total) }
    }
    tell(meter, total)
    if let total, meter.bytes != total { throw CutShort() }
  }

  private func tell(_ meter: Meter, _ total: UInt64?) {
    events(.downloading(url: address.description, bytes: meter.bytes, total: total, rate: meter.rate))
  }

  private func write(_ chunk: ByteBuffer, to descriptor: CInt) throws {
    try chunk.withUnsafeReadableBytes { bytes in
      var done = 0
      while done < bytes.count {
        let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { throw HostError.file(doing: "write", path: partial, errno: errno) }
        done += count
      }
    }
  }

  private func tooLarge() -> BaseError {
    discard()
    return .tooLarge(url: address.description, limit: limit)
  }

  // MARK: What is known of the file

  private var size: UInt64 {
    var status = stat()
    return stat(partial.string, &status) == 0 ? UInt64(status.st_size) : 0
  }

  private var note: Note? {
    FileManager.default.contents(atPath: notePath.string).flatMap { try? JSONDecoder().decode(Note.self, from: $0) }
      .flatMap { $0.url == address.url.absoluteString ? $0 : nil }
  }

  private func takeNote(of response: HTTPClientResponse, total: UInt64?) throws {
    // A weak validator doesn't promise the same bytes, so If-Range doesn't take one.
    let tag = response.headers.first(name: "ETag").flatMap { $0.hasPrefix("W/") ? nil : $0 }
    guard let validator = tag ?? response.headers.first(name: "Last-Modified") else {
      unlink(notePath.string)
      return
    }
    let note = Note(url: address.url.absoluteString, validator: validator, total: total)
    try AtomicFile.write(try JSONEncoder().encode(note), to: notePath, mode: 0o600)
  }

  private static func length(_ response: HTTPClientResponse) -> UInt64? {
    response.headers.first(name: "Content-Length").flatMap { UInt64($0) }
  }

  // MARK: Errors

  private static func mayPass(_ error: any Error) -> Bool {
    !(error is BaseError || error is HostError || error is CancellationError)
  }

  private static func final(_ error: any Error, address: HTTPAddress, reason: String) -> BaseError {
    if let busy = error as? Busy { return .http(url: address.description, status: busy.status) }
    return .transfer(url: address.description, reason: reason)
  }

  /// How far a connection has got, and how fast.
  private struct Meter {
    let start: UInt64
    var bytes: UInt64
    private let began = ContinuousClock.now
    private var told: ContinuousClock.Instant?

    init(start: UInt64) {
      self.start = start
      bytes = start
    }

    var rate: UInt64 {
      let passed = ContinuousClock.now - began
      let seconds = Double(passed.components.seconds) + Double(passed.components.attoseconds) * 1e-18
      return seconds > 0 ? UInt64(Double(bytes - start) / seconds) : 0
    }

    /// Ten times a second.
    var isDue: Bool {
      mutating get {
        let now = ContinuousClock.now
        if let told, now - told < .milliseconds(100) { return false }
        told = now
        return true
      }
    }
  }
}

/// The header of a partial answer: "bytes 100-199/1000", or "/*" where the whole isn't known (RFC 9110, section 14.4).
struct ContentRange: Equatable {
  let first: UInt64
  let total: UInt64?

  init?(_ text: String?) {
    guard let match = text?.wholeMatch(of: /bytes ([0-9]+)-[0-9]+\/([0-9]+|\*)/), let first = UInt64(match.1) else {
      return nil
    }
    self.first = first
    total = UInt64(match.2)
  }
}
