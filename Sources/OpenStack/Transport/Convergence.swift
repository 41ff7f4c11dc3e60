extension OpenStackError {
  /// What was asked for may have been done all the same.
  var isUnclear: Bool {
    switch self {
    case .unavailable, .unreachable, .noAnswer, .badAnswer: true
    default: false
    }
  }

  /// The thing isn't there, which for whoever removes it is as good as removed.
  var isAbsence: Bool {
    if case .notFound = self { return true }
    return false
  }
}

extension Session {
  /// Finds a thing, or makes it; where whether it was made isn't clear it is looked for again before it is made again, so
  /// that there is one in the end.
  ///
  /// - Parameter isAbsent: it was looked for a moment ago, so that it needn't be before it is made for the first time.
  /// - Throws: what `find` and `make` throw.
  public nonisolated func converge<Thing: Sendable>(
    isAbsent: Bool = false, find: @Sendable () async throws -> Thing?, make: @Sendable () async throws -> Thing
  ) async throws -> Thing {
    var failures = 0
    while true {
      if failures > 0 || !isAbsent, let found = try await find() { return found }
      do {
        return try await make()
      } catch let error as OpenStackError {
        failures += 1
        // A conflict may be with what an earlier try made; one that stays is a true one.
        let mayBeOurs = if case .conflict = error { failures > 1 && failures <= 2 } else { error.isUnclear }
        guard mayBeOurs, failures < tenacity.tries else { throw error }
        try await Task.sleep(for: tenacity.wait(after: failures))
      }
    }
  }

  /// Removes a thing; none is fine.
  public nonisolated func remove(_ request: APIRequest, from service: ServiceType) async throws {
    try await ifThere { try await send(request, to: service) }
  }
}

/// What `body` gets; nil where the thing that it is about isn't there.
@discardableResult
func ifThere<Value>(_ body: () async throws -> Value) async throws -> Value? {
  do { return try await body() } catch let error as OpenStackError where error.isAbsence { return nil }
}
