import Clouds
import Foundation
import Names
import OpenStack
import State
import SystemPackage
import Testing

/// All that needs the cloud: one test at a time, since some change the project's quotas, and its databases have one writer
/// each.
@Suite(.realCloud, .serialized) enum OpenStackTests {}

extension OpenStackTests {
  @Suite struct CloudTests {
    @Test("the parts of a launch are made once, found again, and removed without a trace")
    func wholeLife() async throws {
      try await Tenant.with { tenant in
        let cloud = try tenant.cloud()
        let image = try await tenant.publishedImage()
        let plan = try await tenant.prepare(cloud, image: image)
        let first = try await cloud.boot(plan)
        #expect(try await cloud.boot(plan) == first)
        try await cloud.awaitBoot(first)
        #expect(try await cloud.condition(of: tenant.id).state == .running)
        #expect(try await cloud.console(of: tenant.id).contains("CONSOLE"))
        #expect(try await cloud.wholeConsole(of: tenant.id).contains("CONSOLE"))
        let claim = try #require(try await cloud.claimAddress(for: tenant.id, nil, ports: PortNumber.forwarded))
        let port = try #require(claim.ports.first?.lowerBound)
        #expect(port.rawValue == 1194)
        let forward = PublicForward(network: tenant.id, address: claim.address, port: port, instance: plan.address)
        try await cloud.publish(forward)
        try await cloud.publish(forward)
        let again = try await cloud.restart(plan)
        try await cloud.awaitBoot(again)
        #expect(again["server"] != first["server"])
        try await cloud.unpublish(tenant.id)
        try await tenant.removeAll(cloud)
        #expect(try await tenant.leftovers() == [])
        #expect(try await cloud.condition(of: tenant.id).state == .absent)
      }
    }
  }
}
