import Glibc
public import Host
import SystemPackage

/// For `cpbuild doctor`: whether the database, the private keys and the exports are in order.
public struct StateCheck: Check {
  private let home: Home

  public init(home: Home) { self.home = home }

  public var name: String { "state" }

  public func examine() async -> Finding {
    do {
      guard access(home.database.string, F_OK) == 0 || errno != ENOENT else {
        try home.checkIsNotLost()
        return .ok("none yet in \(home)")
      }
      let store = try await StateStore.open(home)
      defer { try? store.close() }
      let findings = try await store.integrityCheck()
      guard findings.isEmpty else {
        return .failure(
          findings.prefix(3).joined(separator: "; "), remedy: "restore a backup with 'cpbuild restore FILE'")
      }
      let projects = try await store.read { try $0.projects.all().count }
      return .ok("\(home.database) is sound; \(projects) projects")
    } catch let error as StateError {
      return .failure("\(error)", remedy: "put that right, or restore a backup with 'cpbuild restore FILE'")
    } catch {
      return .failure("\(error)", remedy: "look at the owner and mode of \(home)")
    }
  }
}
