/// A sweep over many cases that are independent of each other, some of which are tried at the same time: the services wait
/// for each other more than they compute.
enum Lanes {
  /// Runs `lane` with a part of the cases each, which it is to go through one after the other in a tenant of its own.
  static func sweep<Case: Sendable>(
    _ cases: [Case], lanes count: Int = 3, _ lane: @escaping @Sendable ([Case]) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<min(count, cases.count) {
        let part = cases.enumerated().filter { $0.offset % count == number }.map(\.element)
        group.addTask { try await lane(part) }
      }
      try await group.waitForAll()
    }
  }
}
