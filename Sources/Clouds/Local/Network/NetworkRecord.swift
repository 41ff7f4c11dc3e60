import Foundation
import Host
import Names
import State
import SystemPackage

/// What a network of the local cloud consists of, kept beside it: everything that is made of it can be made again from
/// this alone.
struct NetworkRecord: Hashable, Codable, Sendable {
  var plan: NetworkPlan
  /// A /31 (RFC 3021): the host's address and the namespace's.
  var transit: IPv4Network
  var forward: PublicForward?
  /// What may reach the cloudpipe; nothing before it is booted.
  var group: SecurityGroup?

  var hostAddress: IPv4Address { transit.address }
  var spaceAddress: IPv4Address { transit.last }
  var cloudpipe: NetworkPlan.Reservation? { plan.reservations.first }

  /// The bridge's own MAC address: stays, so that what the machines know of their gateway stays right.
  var gatewayMAC: String { "0a:\(Digest.sha256("\(plan.id)").hex.prefix(10).inPairs)" }

  static func path(in folder: FilePath) -> FilePath { folder.appending("network.json") }

  /// Nil where there is none.
  static func read(from folder: FilePath) -> NetworkRecord? {
    guard let bytes = try? Data(contentsOf: URL(filePath: path(in: folder).string)) else { return nil }
    return try? JSONDecoder().decode(NetworkRecord.self, from: bytes)
  }

  func write(to folder: FilePath) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try AtomicFile.write(try encoder.encode(self), to: Self.path(in: folder), mode: 0o600)
  }
}

extension Substring {
  /// `0a1b2c` as `0a:1b:2c`.
  fileprivate var inPairs: String {
    stride(from: 0, to: count, by: 2).map { String(dropFirst($0).prefix(2)) }.joined(separator: ":")
  }
}
