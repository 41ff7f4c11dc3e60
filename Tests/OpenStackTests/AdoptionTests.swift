import Clouds
import Foundation
import Host
import Names
import OpenStack
import State
import SystemPackage
import Testing

extension OpenStackTests {
  /// A state directory that is lost, and what the cloud knows of it.
  @Suite struct AdoptionTests {
    private struct Shown: Decodable {
      let state: String?
      let reason: String?
      let cloud: String?
      let cidr: String
      let mode: String
      let address: String
      let mac: String
      let publicAddress: String?
      let publicPort: Int?
      let clients: Int
      let tunnel: String?
      let routes: [String]
      let dns: [String]
      let dnsDomain: String?
      let image: String?
      let flavor: String?
    }

    private struct Report: Decodable {
      struct Cloudpipe: Decodable {
        let project: String
        let wasKnown: Bool?
        let keysLost: Bool?
      }
      let cloudpipes: [Cloudpipe]
      let strays: [String]
    }

    @Test(
      "it is rebuilt by adopt: shown as it was, booted anew with new keys, and terminated without a trace",
      arguments: [["--mode", "bridged", "--clients", "7"], ["--mode", "routed", "--public", "shared"]])
    func lostHome(wishes: [String]) async throws {
      try await Tenant.with { tenant in
        try await CloudCommand.with { cpbuild in
          try await cpbuild.must("image", "publish", "--cloud", "tests")
          let project = tenant.id.project.text
          let before = try await launched(cpbuild, tenant, wishes)
          try Folder.remove(cpbuild.home)
          // A launch that doesn't know of the cloudpipe doesn't touch it.
          let blind = try await cpbuild.run(
            "launch", project, "--cloud", "tests", "--network", tenant.id.name.text, "--no-wait")
          #expect(blind.status == 3 && blind.stderr.contains("cpbuild adopt --cloud tests"))
          let first = try await cpbuild.must("adopt", "--cloud", "tests", project, "--json").json(Report.self)
          #expect(first.cloudpipes.map(\.wasKnown) == [false] && first.cloudpipes.map(\.keysLost) == [true])
          let second = try await cpbuild.must("adopt", "--cloud", "tests", "--json").json(Report.self)
          #expect(second.cloudpipes.filter { $0.project == project }.map(\.wasKnown) == [true] && second.strays == [])
          let after = try await shown(cpbuild, project)
          #expect(after.state == "down" && after.reason?.contains("cpbuild restart \(project)") == true)
          #expect(after.cloud == "tests" && same(after, before))
          let log = try await cpbuild.must("log", project)
          #expect(log.stdout.contains("CONSOLE"))
          try await cpbuild.must("restart", project, "--no-wait")
          let booted = try await shown(cpbuild, project)
          #expect(booted.state == "pending" && same(booted, before))
          try await cpbuild.must("terminate", project)
          try await cpbuild.must("image", "retire", CloudCommand.image, "--cloud", "tests")
          let left = try await tenant.leftovers()
          #expect(left == [])
        }
      }
    }

    @Test("what a launch left whose state is lost is named, with the command that removes it")
    func strays() async throws {
      try await Tenant.with { tenant in
        try await CloudCommand.with { cpbuild in
          let cloud = try tenant.cloud()
          try await cloud.makeSecurityGroup(try tenant.group)
          let run = try await cpbuild.must("adopt", "--cloud", "tests", tenant.id.project.text)
          #expect(run.stderr.contains("security group \(tenant.name) is of no cloudpipe"))
          #expect(run.stderr.contains("openstack security group delete"))
          try await cloud.removeSecurityGroup(named: tenant.name)
        }
      }
    }

    private func launched(_ cpbuild: CloudCommand, _ tenant: Tenant, _ wishes: [String]) async throws -> Shown {
      let project = tenant.id.project.text
      if wishes.contains("shared") {
        try AtomicFile.write("clouds: {tests: {public: shared}}\n", to: cpbuild.home.appending("cpbuild.yaml"))
      }
      let routes = (0..<20).flatMap { ["--route", "10.200.\($0).0/24"] }
      try await cpbuild.must(
        ["launch", project, "--cloud", "tests", "--network", tenant.id.name.text, "--no-wait", "--dns", "10.9.0.53"]
          + routes + ["--dns-domain", "lab.example"] + wishes.filter { $0 != "--public" && $0 != "shared" })
      return try await shown(cpbuild, project)
    }

    private func shown(_ cpbuild: CloudCommand, _ project: String) async throws -> Shown {
      try #require(try await cpbuild.must("show", project, "--json").json([Shown].self).first)
    }

    private func same(_ one: Shown, _ other: Shown) -> Bool {
      (one.cidr, one.mode, one.address, one.mac) == (other.cidr, other.mode, other.address, other.mac)
        && (one.publicAddress, one.publicPort, one.clients) == (other.publicAddress, other.publicPort, other.clients)
        && (one.tunnel, one.routes, one.dns, one.dnsDomain) == (other.tunnel, other.routes, other.dns, other.dnsDomain)
        && (one.image, one.flavor) == (other.image, other.flavor)
    }
  }
}
