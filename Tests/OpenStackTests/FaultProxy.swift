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
  enum Which {
    case one(Int)
    /// That one and all after it.
    case from(Int)
    /// Every one, as often as there are kinds.
    case each

    fileprivate var text: String {
      switch self {
      case .one(let number): "\(number)"
      case .from(let number): "\(number)-"
      case .each: "each"
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
  var requests: [String] {
    get throws {
      try String(contentsOfFile: beside("log").string, encoding: .utf8).split(separator: "\n").map(String.init)
    }
  }

  /// Whether a request is held.
  var isHolding: Bool { FileManager.default.fileExists(atPath: beside("held").string) }

  private func beside(_ name: String) -> FilePath { FilePath("\(control).\(name)") }

  /// A session through the proxy.
  ///
  /// - Parameter patience: what is shorter than the proxy's delay, for those who wait for that.
  func session(patience: Duration = .seconds(60)) throws -> Session {
    var access = try RealCloud.get().access()
    access.proxy = HTTPProxyAddress(host: "127.0.0.1", port: port)
    return try Session(access, tenacity: .impatient, patience: patience)
  }
}
