public import Clouds
import Glibc
public import Host
import State
import SystemPackage

/// For `cpbuild doctor`: whether what there is of cloudpipes on this machine is what the state says there should be.
public struct LeftoversCheck: Check {
  private let cloud: LocalCloud

  public init(cloud: LocalCloud) { self.cloud = cloud }

  public var name: String { "cloudpipes" }

  public func examine() async -> Finding {
    guard geteuid() == 0 else { return .ok("none for this user: the local cloud is root's") }
    do {
      let known = try await known()
      // What is under way isn't whole, and what it made isn't forgotten.
      let orphans = await cloud.orphans(known: known.networks).filter { orphan in
        orphan.network.map { !known.underWay.contains($0) } ?? true
      }
      guard let first = orphans.first else { return .ok("nothing left over; \(known.networks.count) here") }
      let remedies = orphans.map(\.remedy)
      let distinct = remedies.enumerated().filter { remedies.firstIndex(of: $0.element) == $0.offset }.map(\.element)
      let more = orphans.count > 5 ? ", and \(orphans.count - 5) more" : ""
      let found = orphans.prefix(5).map(\.description).joined(separator: "; ") + more
      let isOrphan = orphans.contains { $0.kind != .missing }
      let what = isOrphan || first.kind != .missing ? "not all is accounted for: " : "not all is there: "
      return .warning(what + found, remedy: distinct.map { "'\($0)'" }.joined(separator: ", "))
    } catch {
      return .warning("\(error)", remedy: "see what 'state' says above")
    }
  }

  private func known() async throws -> (networks: Set<NetworkID>, underWay: Set<NetworkID>) {
    guard access(cloud.home.database.string, F_OK) == 0 else { return ([], []) }
    let store = try await StateStore.open(cloud.home)
    defer { try? store.close() }
    return try await store.read { transaction in
      let local = try transaction.instances.all().filter { $0.cloud == cloud.kind }.map(\.id)
      let underWay = try transaction.launches.allOpen().map { NetworkID(project: $0.projectId, name: $0.network) }
      return (Set(local + underWay), Set(underWay + (try transaction.attachments.unsettled().map(\.id))))
    }
  }
}
