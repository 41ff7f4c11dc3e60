import Foundation
import Host
import OpenStack
import SystemPackage
import Testing

/// A proxy to the cloud that does one request wrong.
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

  /// From now on the `number`th request goes wrong.
  func plan(_ number: Int, _ kind: String) throws {
    try AtomicFile.write("\(UUID().uuidString) \(number) \(kind)\n", to: control)
  }

  /// A session through the proxy, whose patience is shorter than its delay.
  func session() throws -> Session {
    var access = try RealCloud.get().access()
    access.proxy = HTTPProxyAddress(host: "127.0.0.1", port: port)
    return try Session(access, tenacity: .impatient, patience: .seconds(2))
  }
}
