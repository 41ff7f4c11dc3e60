import Foundation
import Glibc
import Host
import SystemPackage
import Testing

extension Machines {
  /// Launches that are ended in the middle, on a real local cloud.
  @Suite("A launch that is killed")
  struct KilledLaunchTests {
    /// The steps as progress names them; those before the network make rows alone.
    static let steps = [
      "certificates", "network", "public port", "cloud network", "payload", "boot", "publish", "answer",
    ]

    @Test(
      "at any step's beginning is undone or finished by the next command, and leaves nothing that isn't accounted for")
    func atEveryStep() async throws {
      try await PlayedHost.with { host in
        for step in Self.steps {
          let launch = try host.running("launch", "acme")
          try await launch.wait(for: "\(step):", seconds: 120)
          _ = try await launch.end(SIGKILL)
          try await converges(host, step)
        }
      }
    }

    @Test("by ^C at any step is undone before it ends")
    func interrupted() async throws {
      try await PlayedHost.with { host in
        for step in ["network", "cloud network", "boot", "answer"] {
          let launch = try host.running("launch", "acme")
          try await launch.wait(for: "\(step):", seconds: 120)
          let status = try await launch.end(SIGINT)
          #expect(status == 130, "\(step): \(launch.said)")
          let remains = try await host.remains()
          #expect(remains == [], "\(step)")
        }
      }
    }

    @Test("by a full disk says so, leaves nothing, and works as soon as there is space")
    func fullDisk() async throws {
      try await PlayedHost.with { host in
        // Room for the state; for that and the kernel; for all.
        for (size, fits) in [("8m", false), ("60m", false), ("3g", true)] {
          try await host.homeOnDisk(of: size) {
            let run = try await host.cpbuild(["launch", "acme", "--no-wait"])
            #expect((run.status == 0) == fits, "\(size): \(run.stderr)")
            if fits {
              try await host.must("terminate", "acme")
              return
            }
            #expect(run.stderr.contains("o space left"), "\(size): \(run.stderr)")
            let remains = try await host.remains()
            #expect(remains == [], "\(size)")
          }
        }
      }
    }

    /// Either all of it is there, and is shown so, or nothing is.
    private func converges(_ host: PlayedHost, _ step: String) async throws {
      struct Line: Decodable { var state: String? }
      // What takes longer than a command waits for, the next one goes on with.
      for _ in 0..<10 {
        let run = try await host.cpbuild(["list"])
        guard run.stderr.contains("goes on with it") else { break }
      }
      let list = try await host.json([Line].self, "list")
      if list.contains(where: { $0.state != nil }) {
        let processes = try host.processes()
        #expect(processes.count == 3 && processes.allSatisfy { $0.process.isAlive }, "\(step): \(processes)")
        try await host.must("terminate", "acme")
      }
      let remains = try await host.remains()
      #expect(remains == [], "\(step)")
    }
  }
}
