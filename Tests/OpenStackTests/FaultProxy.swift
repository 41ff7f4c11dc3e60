import Foundation
import Host
import OpenStack
import SystemPackage
import Testing

/// A proxy to the cloud that does requests wrong.
struct FaultProxy: Sendable {
  let control: FilePath
  let port: Int

  static func with<Value>(_ body: (FaultProxy) async throws -> Value) async throws -> Value {
    let folder = try Folder.makeTemporary("fault-proxy")
    defer { try? Folder.remove(folder) }
    let control = folder.appending("plan")
    let (script, line) = try await RunningScript.start("fault_proxy.py", [control.string])
    defer { script.stop() }
    let port = try #require(Int(String(decoding: line, as: UTF8.self)))
    return try await body(FaultProxy(control: control, port: port))
  }

  /// Which requests go wrong, counted from the moment that it is said.
  enum Which: Sendable {
    case one(Int)
    /// That one and all after it.
    case from(Int)
    /// Every one, as often as there are kinds.
    case each
    /// One of several parts of them, counted from 0.
    case part(Int, of: Int)
    /// The one of that name, which it has in every launch.
    case named(String)
    /// Every POST to a path that ends so.
    case made(String)

    fileprivate var text: String {
      switch self {
      case .one(let number): "\(number)"
      case .from(let number): "\(number)-"
      case .each: "each"
      case .part(let part, let parts): "each:\(part)/\(parts)"
      case .named(let name): name
      case .made(let suffix): suffix
      }
    }
  }

  /// From now on these requests go wrong, in the ways that the script's head tells of.
  func plan(_ which: Which, _ kinds: String) throws {
    try Folder.remove(beside("held"))
    try AtomicFile.write("\(UUID().uuidString) \(which.text) \(kinds)\n", to: control)
  }

  /// From now on none goes wrong.
  func planNothing() throws { try plan(.one(0), "none") }

  /// The requests since the last plan: method and URL. One that was made several times in a row is there once.
  var requests: [String] { get throws { try namedRequests.map(\.request) } }

  /// The same with their names.
  var namedRequests: [(name: String, request: String)] {
    get throws {
      try String(contentsOfFile: beside("log").string, encoding: .utf8).split(separator: "\n").map { line in
        let parts = line.split(separator: " ", maxSplits: 1)
        return (String(parts[0]), String(parts[1]))
      }
    }
  }

  /// Whether a request is held.
  var isHolding: Bool { FileManager.default.fileExists(atPath: beside("held").string) }

  /// Does what comes late, whoever waits for it.
  func release() async throws {
    try AtomicFile.write("", to: beside("release"))
    for _ in 0..<600 where FileManager.default.fileExists(atPath: beside("release").string) {
      try await Task.sleep(for: .milliseconds(50))
    }
    try #require(!FileManager.default.fileExists(atPath: beside("release").string))
  }

  private func beside(_ name: String) -> FilePath { FilePath("\(control).\(name)") }

  /// A session through the proxy.
  func session(patience: Duration = .seconds(60)) throws -> Session {
    var access = try RealCloud.get().access()
    access.proxy = HTTPProxyAddress(host: "127.0.0.1", port: port)
    return try Session(access, tenacity: .impatient, patience: patience)
  }
}
