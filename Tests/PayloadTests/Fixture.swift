import Foundation
import Host
import Names
import Payload
import SystemPackage

/// What tests make payloads of. The keys and certificates are none, only text.
enum Sample {
  static func settings() throws -> Settings {
    Settings(
      project: try ProjectID("acme"),
      mode: .bridged(
        address: try IPv4Address("10.1.0.2"), netmask: try IPv4Address("255.255.255.0"),
        clients: try IPv4Address("10.1.0.250")...IPv4Address("10.1.0.254")), maxClients: 5)
  }

  static func payload(crl: Data = Data("crl\n".utf8), _ settings: Settings? = nil) throws -> Payload {
    try Payload(
      authorities: Data("ca\n".utf8), serverCertificate: Data("certificate\n".utf8), serverKey: Data("key\n".utf8),
      crl: crl, tunnelKey: Data("tunnel\n".utf8),
      settings: settings ?? self.settings())
  }

  static let names = ["autorun.sh", "ca.crt", "server.crt", "server.key", "crl.pem", "tls-crypt-v2.key", "settings"]
}

/// A folder that is gone when the test is done, however it ends.
func withFolder<Result>(_ body: (FilePath) async throws -> Result) async throws -> Result {
  let path = FilePath(FileManager.default.temporaryDirectory.path).appending("cpbuild-payload-\(UUID().uuidString)")
  defer { try? Folder.remove(path) }
  try Folder.make(path, mode: 0o700)
  return try await body(path)
}

/// Runs Python with `script`, whose `sys.argv[1]` is the path.
func python(_ script: String, _ path: FilePath) async throws -> String {
  try await Command("python3", ["-c", script, path.string]).run()
}
