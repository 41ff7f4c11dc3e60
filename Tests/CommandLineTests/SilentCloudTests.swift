import Foundation
import Glibc
import Host
import Names
import State
import SystemPackage
import Testing

@Suite("A cloud that takes connections and says nothing") struct SilentCloudTests {
  @Test("holds up no command for longer than what it left may take, and loses nothing of it", .timeLimit(.minutes(10)))
  func list() async throws {
    try await withTemporaryFolder { folder in
      let socket = try SilentSocket()
      defer { withExtendedLifetime(socket) {} }
      let clouds = folder.appending("clouds.yaml")
      try AtomicFile.write(
        """
        clouds:
          silent:
            auth: {auth_url: "http://127.0.0.1:\(socket.port)/v3", username: u, password: p, project_name: p}

        """, to: clouds)
      let home = folder.appending("home")
      try await leaveLaunch(in: Home(home))
      let output = try await Binary.run(
        ["list"],
        environment: [
          "CPBUILD_HOME": home.string, "OS_CLIENT_CONFIG_FILE": clouds.string, "OS_CLOUD": nil, "OS_AUTH_URL": nil,
          "http_proxy": nil,
        ])
      #expect(output.status == 0 && output.stdout.contains("acme"))
      #expect(output.stderrTail.contains("what a killed command left of acme/default isn't cleared away after 5 s"))
      let state = try await StateStore.open(Home(home))
      let open = try await state.read { try $0.launches.allOpen().count }
      #expect(open == 1)
      try state.close()
    }
  }

  /// What a launch leaves that is killed when it makes its security group.
  private func leaveLaunch(in home: Home) async throws {
    let id = NetworkID(project: try ProjectID("acme"), name: .standard)
    let state = try await StateStore.open(home)
    try await state.write { state in
      let now = Date()
      try state.projects.ensure(id.project, at: now)
      let launch = try state.launches.begin(id, at: now)
      for (position, name) in [(0, "image"), (3, "security group")] {
        try state.launches.record(
          launch.id, position: position, name: name, state: .started, made: ["cloud": "silent"], at: now)
      }
    }
    try state.close()
  }
}

/// Takes connections on loopback for as long as it is there.
private final class SilentSocket {
  private let descriptor: CInt
  let port: UInt16

  init() throws {
    descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let (listening, listener) = (descriptor, length)
    let isListening = withUnsafeMutablePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listening, $0, listener) == 0 && listen(listening, 16) == 0 && getsockname(listening, $0, &length) == 0
      }
    }
    port = UInt16(bigEndian: name.sin_port)
    try #require(isListening)
  }

  deinit { close(descriptor) }
}
