import Glibc
import Host
import SystemPackage
import Testing

@Suite struct LeftoversTests {
  @Test("the folders and namespaces of a killed run are removed by the next one, those of a run that goes on are not")
  func sweeping() async throws {
    let purpose = "cpb-left\(UInt32.random(in: .min ... .max))"
    // The shell has ended by now, so that its process id is nobody's.
    let dead = try await Command("sh", ["-c", "echo $$"]).run().filter(\.isNumber)
    let orphan = "\(purpose)-\(dead).abcdef"
    let mine = try Folder.makeTemporary(Leftovers.prefix(purpose))
    defer { try? Folder.remove(mine) }
    let spaces = [orphan, mine.lastComponent?.string ?? ""].map { "\($0)-cloud" }
    let outcome: Result<[String], any Error>
    do {
      try Folder.make(Folder.temporary.appending(orphan))
      for space in spaces { try await Command("ip", ["netns", "add", space]).run() }
      try await Leftovers.sweep(purpose)
      outcome = .success(try Folder.names(in: "/run/netns").filter { $0.hasPrefix(purpose) })
    } catch {
      outcome = .failure(error)
    }
    for space in spaces { _ = try await Command("ip", ["netns", "delete", space]).output() }
    #expect(try outcome.get() == [spaces[1]])
    #expect(try Folder.names(in: Folder.temporary).filter { $0.hasPrefix(purpose) } == [mine.lastComponent?.string])
  }
}
