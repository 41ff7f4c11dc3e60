import Foundation
import Launching
import Names
import OpenStack
import State
import Testing

extension OpenStackTests {
  /// A launch whose requests go wrong: in the end it has worked, or the cloud holds nothing of it.
  @Suite struct FaultTests {
    @Test("every request of a launch may go wrong several times: it is made again, or what came of it is found")
    func each() async throws {
      try await sweep(["429,503,500,drop", "401,refuse,truncate,broken"]) { launched, proxy, cases in
        for kinds in cases {
          try proxy.plan(.each, kinds)
          _ = try await launched.launcher(proxy.session()).launch(launched.request)
          let servers = try await launched.tenant.nova.servers(
            marked: "cpbuild", "\(launched.tenant.id)", tag: "cpbuild")
          #expect(servers.count == 1)
          let ports = try await launched.tenant.ports()
          #expect(ports.count { $0.name.hasSuffix("-vpn") } == 1)
          try await end(launched, kinds)
        }
      }
    }

    @Test("every request may be answered too late: it is given up and made again, and what it did is found in the end")
    func delay() async throws {
      let parts = 8
      try await sweep(Array(0..<parts), lanes: 4) { launched, proxy, cases in
        for part in cases {
          try proxy.plan(.part(part, of: parts), "delay")
          let launcher = try launched.launcher(proxy.session(patience: .seconds(6)))
          // An instance that is made late may take the port that the next one was to have: Nova refuses that one, or
          // makes it and finds out when it builds it.
          do { _ = try await launcher.launch(launched.request) } catch let error as LaunchError {
            let text = "\(error)"
            let isFoundLater = text.contains("at the step 'publish'") && text.contains("Failed to allocate the network")
            #expect(text.contains("at the step 'boot'") || isFoundLater, "\(error)")
          }
          try await end(launched, "too late")
        }
      }
    }

    @Test("what is made after its launch was undone, by a request that came late, is removed by the next command")
    func late() async throws {
      let makings = ["/os-keypairs", "/security-groups", "/security-group-rules", "/ports", "/servers", "/floatingips"]
      let cases: [FaultProxy.Which] = makings.map { .made($0) } + [.from(20)]
      try await sweep(cases) { launched, proxy, cases in
        for which in cases {
          try proxy.plan(which, "late")
          await #expect(throws: (any Error).self) {
            try await launched.launcher(proxy.session()).launch(launched.request)
          }
          try await launched.launcher().recover()
          try await proxy.release()
          try await recover(launched, "\(which)")
        }
      }
    }

    private static let refusals: [Refusal] = [
      ("403", "not allowed to"), ("409", "something is in its way"), ("413", "more than the cloud takes"),
    ]
    private typealias Refusal = (kind: String, words: String)

    @Test("every request may be refused for good: the launch says why and leaves nothing, or what was there before")
    func refusal() async throws {
      let (all, looks) = try await launching { launched, proxy in
        let all = try await namedRequests(launched, proxy, proxy.session())
        return (all, try await refusedLooks(launched, proxy))
      }
      let cases = all.filter { !looks.contains($0.name) }.enumerated().flatMap { index, request in
        // Of missing rights the same is made whatever was asked for.
        Self.refusals.filter { $0.kind != "403" || index % 3 == 0 }.map { (request: request, refusal: $0) }
      }
      try await sweep(cases) { launched, proxy, cases in
        let known = try proxy.session()
        for (request, refusal) in cases {
          // Who has logged in neither does that again nor asks for versions.
          let isFirst = request.request.hasSuffix("/auth/tokens") || request.request.contains(/v2\.1\/?$/)
          try proxy.plan(.named(request.name), refusal.kind)
          try await launch(launched, isFirst ? proxy.session() : known, request.request, refusal)
          try await end(launched, "\(refusal.kind) of \(request.request)")
        }
      }
    }

    /// Refuses what a launch of a cloudpipe that is down only looks at, where nothing needs to be undone.
    ///
    /// - Returns: the names of those requests.
    private func refusedLooks(_ launched: LaunchedTenant, _ proxy: FaultProxy) async throws -> Set<String> {
      let (id, session) = (launched.tenant.id, try proxy.session())
      func down() async throws {
        try await launched.store.write { try $0.instances.update(id, state: .down, at: Date()) }
      }
      _ = try await launched.launcher(session).launch(launched.request)
      try await down()
      try proxy.planNothing()
      _ = try await launched.launcher(session).launch(launched.request)
      let looks = try proxy.namedRequests.filter { $0.request.hasPrefix("GET") }
      for look in looks {
        for refusal in Self.refusals {
          try await down()
          try proxy.plan(.named(look.name), refusal.kind)
          try await launch(launched, session, look.request, refusal)
        }
      }
      let servers = try await launched.tenant.nova.servers(marked: "cpbuild", "\(id)", tag: "cpbuild")
      #expect(servers.count == 1)
      try await end(launched, "refused looks")
      return Set(looks.map(\.name))
    }

    private func launch(
      _ launched: LaunchedTenant, _ session: Session, _ request: String, _ refusal: Refusal
    ) async throws {
      do {
        _ = try await launched.launcher(session).launch(launched.request)
        // Where the address can't be had another one will do, or routed clients.
        #expect(request.contains("/v2.0/ports"), "\(refusal.kind) of \(request) was no matter")
      } catch {
        #expect("\(error)".contains(refusal.words), "\(request): \(error)")
      }
    }

    @Test("a cloud that is lost in the middle is said, and the next command removes what the launch made")
    func outage() async throws {
      let kinds = [
        ("refuse", "no connection"), ("503", "the service failed (503)"), ("401", "doesn't take these"),
      ]
      // How often a launch then looks whether the instance is built isn't always the same.
      let last = try #require(try await requests().last { !$0.1.hasPrefix("GET") }).0
      let cases = stride(from: 2, through: last + 1, by: 6).enumerated().map { index, number in
        (number: number, fault: kinds[index % kinds.count])
      }
      try await sweep(cases) { launched, proxy, cases in
        for (number, (kind, words)) in cases {
          try proxy.plan(.from(number), kind)
          let error = await #expect(throws: (any Error).self) {
            try await launched.launcher(proxy.session()).launch(launched.request)
          }
          let text = error.map { "\($0)" } ?? ""
          #expect(text.contains(words), "request \(number): \(text)")
          try await recover(launched, "request \(number): \(kind)")
        }
      }
    }

    @Test("a token that is revoked in the middle is renewed")
    func revokedToken() async throws {
      try await launching { launched, proxy in
        let first = try await requests(launched, proxy).first { $0.1.contains("/v2.0/") }
        // Neutron hasn't seen the token then, and asks Keystone about it.
        try proxy.plan(.one(try #require(first).0), "revoke")
        _ = try await launched.launcher(proxy.session()).launch(launched.request)
        let logins = try proxy.requests.count { $0.hasPrefix("POST") && $0.hasSuffix("/auth/tokens") }
        #expect(logins == 2)
        try await end(launched, "a revoked token")
      }
    }

    private func launching<Value>(
      _ body: (LaunchedTenant, FaultProxy) async throws -> Value
    ) async throws -> Value {
      try await LaunchedTenant.with { launched in
        try await FaultProxy.with { proxy in try await body(launched, proxy) }
      }
    }

    /// Goes through the cases in a few tenants at the same time.
    private func sweep<Case: Sendable>(
      _ cases: [Case], lanes: Int = 3,
      _ lane: @escaping @Sendable (LaunchedTenant, FaultProxy, [Case]) async throws -> Void
    ) async throws {
      try await Lanes.sweep(cases, lanes: lanes) { part in
        try await launching { launched, proxy in try await lane(launched, proxy, part) }
      }
    }

    /// The requests of a launch where nothing goes wrong, with their numbers, which are those of any tenant's.
    private func requests() async throws -> [(Int, String)] {
      try await launching { launched, proxy in try await requests(launched, proxy) }
    }

    private func requests(_ launched: LaunchedTenant, _ proxy: FaultProxy) async throws -> [(Int, String)] {
      try await namedRequests(launched, proxy, proxy.session()).enumerated().map { ($0 + 1, $1.request) }
    }

    private func namedRequests(
      _ launched: LaunchedTenant, _ proxy: FaultProxy, _ session: Session
    ) async throws -> [(name: String, request: String)] {
      try proxy.planNothing()
      _ = try await launched.launcher(session).launch(launched.request)
      let requests = try proxy.namedRequests
      try await end(launched, "nothing")
      return requests
    }

    /// Ends the cloudpipe where there is one; nothing is left either way.
    private func end(_ launched: LaunchedTenant, _ fault: String) async throws {
      if try await launched.store.read({ try $0.instances.find(launched.tenant.id) }) != nil {
        try await launched.launcher().terminate(launched.tenant.id)
      }
      try await nothingIsLeft(launched, fault)
    }

    /// As the next command does, which leaves nothing in the cloud; and one that comes later, nothing at all.
    private func recover(_ launched: LaunchedTenant, _ fault: String) async throws {
      try await launched.launcher().recover()
      let found = try await launched.tenant.leftovers()
      #expect(found == [], "\(fault)")
      try await nothingIsLeft(launched, fault)
    }

    /// What nobody heard of is looked for until nothing can come late any more.
    private func nothingIsLeft(_ launched: LaunchedTenant, _ fault: String) async throws {
      try await launched.launcher(later: 600).recover()
      let left = try await launched.leftovers()
      #expect(left == [], "\(fault)")
    }
  }
}
