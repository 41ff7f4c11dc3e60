import Glibc
import Host
import SystemPackage

/// What a run of these tests that was killed couldn't remove: folders and network namespaces, which have the process id
/// of that run in their names.
enum Leftovers {
  /// A prefix for ``Folder/makeTemporary(_:)`` that tells whose the folder is, and what is named after it.
  static func prefix(_ purpose: String) -> String { "\(purpose)-\(getpid())" }

  /// Removes what belongs to nobody any more, before a run makes its own for `purpose`. What another removes at the same
  /// moment, or can't be removed, is no reason to fail a test.
  static func sweep(_ purpose: String) async throws {
    for space in try Folder.names(in: "/run/netns") where isOrphan(space, purpose) {
      _ = try await Command("ip", ["netns", "delete", space]).output()
    }
    for folder in try Folder.names(in: Folder.temporary) where isOrphan(folder, purpose) {
      try? Folder.remove(Folder.temporary.appending(folder))
    }
  }

  private static func isOrphan(_ name: String, _ purpose: String) -> Bool {
    guard name.hasPrefix("\(purpose)-"),
      let maker = pid_t(name.dropFirst(purpose.count + 1).prefix { $0 != "." }), maker > 0
    else { return false }
    return kill(maker, 0) != 0 && errno == ESRCH
  }
}
