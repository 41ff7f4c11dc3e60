import Foundation
import Glibc
import Host
import SystemPackage
import Testing

extension Machines {
  /// `cpbuild launch --warm`: instances that go on from one saved state, and have nothing of each other.
  @Suite("A warm start")
  struct WarmStartTests {
    struct Shown: Decodable {
      var state: String?
      var start: String?
    }

    /// What tells a machine apart, or must be right about it.
    struct Identity {
      var values: [String: String]
      var seconds: Double

      static let script = """
        echo "machine-id $(cat /etc/machine-id)"
        echo "boot-id $(cat /proc/sys/kernel/random/boot_id)"
        echo "host-key $(cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub)"
        echo "urandom $(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n')"
        echo "uuid $(cat /proc/sys/kernel/random/uuid)"
        echo "getrandom $(openssl rand -hex 32)"
        echo "address $(cat /sys/class/net/br0/address)"
        echo "clock $(date +%s)"
        """

      static func of(_ project: String, at host: PlayedHost) async throws -> Identity {
        // The host key is made after the VPN is up.
        var said = ""
        for _ in 0..<60 {
          let run = try await host.cpbuild(["ssh", project, "--", script])
          said = run.stdout
          if run.status == 0, said.contains("clock ") { break }
          try await Task.sleep(for: .seconds(1))
        }
        var values: [String: String] = [:]
        for line in said.split(separator: "\n") {
          let words = line.split(separator: " ", maxSplits: 1).map(String.init)
          if words.count == 2 { values[words[0]] = words[1] }
        }
        let clock = try #require(values.removeValue(forKey: "clock").flatMap { Double($0) }, "\(said)")
        return Identity(values: values, seconds: clock - Date().timeIntervalSince1970)
      }
    }

    @Test("gives instances identity, random numbers and clock of their own, from a state that holds no secret")
    func clones() async throws {
      try await PlayedHost.with { host in
        try await host.must("launch", "one", "--warm")
        let states = try states(of: host)
        try #require(states.count == 1)
        let before = try states.map { try digests(of: $0) }
        let saved = ContinuousClock.now
        try await host.must("launch", "two", "--warm")
        for project in ["one", "two"] {
          let shown = try #require(try await host.json([Shown].self, "show", project).first)
          #expect(shown.state == "running" && shown.start == "warm", "\(shown)")
        }
        try await connects("one", 1, host)
        try await connects("two", 2, host)

        // Whoever kept the saved state's clock would be behind by now.
        try await Task.sleep(until: saved + .seconds(20))
        let (one, two) = (try await Identity.of("one", at: host), try await Identity.of("two", at: host))
        let names = ["machine-id", "boot-id", "host-key", "urandom", "uuid", "getrandom", "address"]
        for name in names {
          let (first, second) = (try #require(one.values[name]), try #require(two.values[name]))
          #expect(!first.isEmpty && first != second, "\(name) is \(first) in both")
        }
        #expect(abs(one.seconds) < 4 && abs(two.seconds) < 4, "the clocks are off by \(one.seconds), \(two.seconds) s")

        #expect(try states.map { try digests(of: $0) } == before, "the saved state was changed by who goes on from it")
        for state in states { try holdsNoSecret(state, of: host) }
        try await restarts(host)
      }
    }

    private func connects(_ project: String, _ number: Int, _ host: PlayedHost) async throws {
      let profile = try await host.user("user\(number)", of: project)
      // Both check the other's certificate by their own clock.
      try await host.userMachine(number).connected(profile) { _ in }
    }

    /// As it was launched, unless something else is asked for.
    private func restarts(_ host: PlayedHost) async throws {
      for (arguments, start) in [([], "warm"), (["--no-warm"], "cold"), ([], "cold")] {
        let run = try await host.cpbuild(["restart", "one"] + arguments)
        #expect(run.status == 0, "\(run.stderr)")
        let shown = try #require(try await host.json([Shown].self, "show", "one").first)
        #expect(shown.state == "running" && shown.start == start, "\(arguments): \(shown)")
      }
    }

    @Test("boots instead where the state is of no use, says so, and forgets it")
    func useless() async throws {
      try await PlayedHost.with { host in
        try await host.must("launch", "one", "--warm")
        let state = try #require(try states(of: host).first)
        let devices = state.appending("devices")
        let bytes = try #require(FileManager.default.contents(atPath: devices.string))
        try AtomicFile.write(bytes.prefix(bytes.count / 2), to: devices, mode: 0o600)
        let run = try await host.cpbuild(["launch", "two", "--warm"])
        #expect(run.status == 0, "\(run.stderr)")
        #expect(run.stderr.contains("instead of going on from a saved state"), "\(run.stderr)")
        let shown = try #require(try await host.json([Shown].self, "show", "two").first)
        #expect(shown.state == "running" && shown.start == "cold")
        #expect(try states(of: host) == [])
      }
    }

    @Test("a command that is killed while it saves leaves no process, and the next one nothing half done")
    func killed() async throws {
      try await PlayedHost.with { host in
        let images = host.home.appending("images")
        let launch = Task { try await host.cpbuild(["launch", "one", "--warm"]) }
        var saving: [ProcessIdentity] = []
        try await waiting(for: "a QEMU that is saved", seconds: 60) {
          saving = MarkedProcesses.all().filter { $0.value.string.hasPrefix(images.string) }.map(\.key)
          return saving.contains { Self.program(of: $0).contains("qemu-system") }
        }
        let parents = Set(saving.compactMap { Self.parent(of: $0) })
        for parent in parents { kill(parent, SIGKILL) }
        _ = await launch.result
        try await waiting(for: "its end", seconds: 10) { saving.allSatisfy { !$0.isAlive } }
        try await host.must("launch", "one")
        #expect(try everyState(of: host) == [])
        try await host.must("launch", "two", "--warm")
        let shown = try #require(try await host.json([Shown].self, "show", "two").first)
        #expect(shown.start == "warm")
      }
    }

    private static func program(of process: ProcessIdentity) -> String {
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process.pid)/exe")) ?? ""
    }

    /// Field 4 of proc(5)'s stat, after the name in parentheses.
    private static func parent(of process: ProcessIdentity) -> pid_t? {
      guard let text = try? String(contentsOfFile: "/proc/\(process.pid)/stat", encoding: .utf8),
        let end = text.lastIndex(of: ")")
      else { return nil }
      let fields = text[text.index(after: end)...].split(separator: " ")
      return fields.count > 1 ? pid_t(fields[1]) : nil
    }

    // MARK: - the states

    private func everyState(of host: PlayedHost) throws -> [FilePath] {
      let images = host.home.appending("images")
      return try Folder.names(in: images).filter { !$0.hasSuffix("lock") }.flatMap { image in
        let warm = images.appending(image).appending("warm")
        return try Folder.names(in: warm).map { warm.appending($0) }
      }
    }

    private func states(of host: PlayedHost) throws -> [FilePath] {
      let all = try everyState(of: host)
      #expect(all.allSatisfy { $0.lastComponent?.string.hasPrefix(".") == false }, "half of a state: \(all)")
      return all
    }

    private func digests(of state: FilePath) throws -> [String] {
      let names = try Folder.names(in: state)
      #expect(names == ["devices", "disk.qcow2", "memory"])
      for name in names {
        var status = stat()
        try #require(lstat(state.appending(name).string, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600 && status.st_uid == 0)
      }
      return try names.map { try Digest.ofFile(state.appending($0)).hex }
    }

    /// Nothing of any private key that this home knows is in the state, nor a project's name.
    private func holdsNoSecret(_ state: FilePath, of host: PlayedHost) throws {
      var words = ["one-vpn", "two-vpn"]
      let keys = host.home.appending("keys")
      let walker = try #require(FileManager.default.enumerator(atPath: keys.string))
      for case let name as String in walker {
        guard let text = try? String(contentsOfFile: keys.appending(name).string, encoding: .utf8) else { continue }
        words += text.split(separator: "\n").filter { $0.count > 40 && !$0.contains("-----") }.map(String.init)
      }
      #expect(words.count > 6, "no keys were found to look for")
      for name in ["memory", "devices", "disk.qcow2"] {
        let bytes = try Data(contentsOf: URL(filePath: state.appending(name).string), options: .alwaysMapped)
        for word in words {
          #expect(bytes.range(of: Data(word.utf8)) == nil, "a secret, or a project's name, is in \(name)")
        }
      }
    }
  }
}
