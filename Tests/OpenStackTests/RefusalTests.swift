import Clouds
import Foundation
import Launching
import Names
import OpenStack
import State
import Testing

extension OpenStackTests {
  /// What a cloud doesn't give is said as what it is, and nothing is left.
  @Suite struct RefusalTests {
    @Test("a token that Keystone doesn't know is said to be no good")
    func badToken() async throws {
      var access = try RealCloud.get().access()
      access.method = .token("gAAAAAno-token")
      let session = try Session(access, tenacity: .impatient)
      let error = await #expect(throws: OpenStackError.self) { try await session.standing }
      #expect(error.map { "\($0)" }?.contains("doesn't take these credentials") == true)
    }

    @Test("an instance in ERROR is undone, and its fault shown")
    func fault() async throws {
      try await LaunchedTenant.with { launched in
        var request = launched.request
        request.flavor = "too.large"
        let text = try await refusal(launched, request)
        #expect(text.contains("is in ERROR: No valid host was found"), "\(text)")
      }
    }

    @Test("the condition of an instance in ERROR says why")
    func faultSeen() async throws {
      try await Tenant.with { tenant in
        let cloud = try tenant.cloud()
        let flavor = try #require(try await cloud.flavor(named: "too.large"))
        let plan = try await tenant.prepare(cloud, image: try await tenant.publishedImage(), flavor: flavor)
        await #expect(throws: OpenStackError.self) { try await cloud.awaitBoot(try await cloud.boot(plan)) }
        let condition = try await cloud.condition(of: tenant.id)
        #expect(condition.state == .stopped)
        #expect(condition.faults.first?.contains("No valid host was found") == true, "\(condition.faults)")
        try await tenant.removeAll(cloud)
        let left = try await tenant.leftovers()
        #expect(left == [])
      }
    }

    @Test("a quota that is used up is said, with the command that shows it")
    func quota() async throws {
      let (compute, network) = (("/os-quota-sets", "quota_set"), ("/v2.0/quotas", "quota"))
      try await LaunchedTenant.with { launched in
        try await quota("instances", compute, launched)
        try await quota("key_pairs", compute, launched)
        for thing in ["port", "floatingip", "security_group"] { try await quota(thing, network, launched) }
      }
    }

    private func quota(
      _ thing: String, _ quotas: (path: String, kind: String), _ launched: LaunchedTenant
    ) async throws {
      let tenant = launched.tenant
      let service: ServiceType = quotas.kind == "quota_set" ? .compute : .network
      let place = "\(quotas.path)/\(try await tenant.session.standing.project)"
      try await tenant.admin.put(place, [quotas.kind: .mapping([thing: 0])], in: service)
      let text = try await refusal(launched, launched.request)
      try await tenant.admin.remove(APIRequest(.delete, place, doing: "tidy up"), from: service)
      #expect(text.contains("a quota is used up") && text.contains("openstack quota show"), "\(thing): \(text)")
    }

    @Test("a right that the user lacks is said, with the role that gives it")
    func right() async throws {
      try await LaunchedTenant.with { launched in
        let reader = try RealCloud.get().session("reader")
        let text = try await refusal(launched, launched.request, reader)
        #expect(text.contains("not allowed to make the security group") && text.contains("'member'"), "\(text)")
      }
    }

    /// Launches, which has to fail and leave nothing.
    ///
    /// - Returns: what the error says.
    private func refusal(
      _ launched: LaunchedTenant, _ request: LaunchRequest, _ session: Session? = nil
    ) async throws -> String {
      let error = await #expect(throws: LaunchError.self) {
        try await launched.launcher(session).launch(request)
      }
      let left = try await launched.leftovers()
      #expect(left == [])
      return error.map { "\($0)" } ?? ""
    }
  }
}
