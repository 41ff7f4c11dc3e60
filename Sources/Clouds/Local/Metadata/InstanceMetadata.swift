import Foundation
import Host
import Names
import State
import SystemPackage

/// What the cloudpipe is told about itself, as its boot left it beside the network. The payload lies in a file of its own.
struct InstanceMetadata: Hashable, Codable, Sendable {
  /// Another one for each boot: a new one opens the window in which the payload is served.
  let boot: String
  let keyPair: String
  let publicKey: String
  let flavor: String
  let image: String
  let group: String
  /// The export that holds the project's CRL.
  let crl: String

  static func path(in folder: FilePath) -> FilePath { folder.appending("metadata.json") }
  static func payload(in folder: FilePath) -> FilePath { folder.appending("payload") }

  init(_ plan: InstancePlan) {
    boot = String(UInt64.random(in: .min ... .max), radix: 36)
    keyPair = plan.keyPair.name
    publicKey = plan.keyPair.publicKey.trimmingCharacters(in: .whitespacesAndNewlines)
    flavor = plan.flavor.name
    image = plan.image.id
    group = plan.securityGroup.name
    crl = plan.crl.string
  }

  static func read(from folder: FilePath) -> InstanceMetadata? {
    guard let bytes = try? Data(contentsOf: URL(filePath: path(in: folder).string)) else { return nil }
    return try? JSONDecoder().decode(InstanceMetadata.self, from: bytes)
  }

  /// The payload first: who sees the new boot sees its payload.
  func write(payload: Data, to folder: FilePath) throws {
    try AtomicFile.write(payload, to: Self.payload(in: folder), mode: 0o600)
    try AtomicFile.write(try JSONEncoder().encode(self), to: Self.path(in: folder), mode: 0o600)
  }

  static func remove(from folder: FilePath) throws {
    try Folder.remove(path(in: folder))
    try Folder.remove(payload(in: folder))
  }
}
