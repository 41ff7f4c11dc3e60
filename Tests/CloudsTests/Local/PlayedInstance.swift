import Clouds
import Foundation
import Glibc
import Host
import SystemPackage
import Testing

/// A namespace that plays a network's cloudpipe: its interface hangs where the virtual machine's would.
struct PlayedInstance {
  static let mac = "fa:16:3e:00:00:02"

  let machine: PlayedMachine
  let name: String

  init(of project: String, on machine: PlayedMachine) async throws {
    self.machine = machine
    name = "cpt-\(machine.tag)-\(project)"
    let space = try machine.space(of: project).namespace
    try await machine.ip("netns", "add", name)
    try await machine.ip("-n", name, "link", "set", "lo", "up")
    try await machine.ip("-n", space, "link", "delete", "cloudpipe")
    try await machine.ip(
      "-n", space, "link", "add", "cloudpipe", "type", "veth", "peer", "name", "eth0", "netns", name)
    try await machine.ip("-n", space, "link", "set", "cloudpipe", "master", "project", "up")
    try await machine.ip("-n", name, "link", "set", "eth0", "address", Self.mac, "up")
  }

  /// A machine in a namespace of its own, that nothing is plugged into yet.
  init(machine name: String, on machine: PlayedMachine) async throws {
    self.machine = machine
    self.name = "cpt-\(machine.tag)-\(name)"
    try await machine.ip("netns", "add", self.name)
  }

  /// What keeps its namespace.
  var path: String { "/run/netns/\(name)" }

  /// Asks for an address as the guest does, and takes it.
  func lease() async throws -> String {
    let script = machine.folder.appending("udhcpc")
    try AtomicFile.write(
      """
      #!/bin/sh
      [ "$1" = bound ] || exit 0
      ip address replace "$ip/$mask" dev "$interface"
      ip route replace default via "$router"
      echo "address=$ip router=$router dns=$dns domain=$domain routes=$staticroutes"

      """, to: script, mode: 0o755)
    return try await machine.run(
      in: name, "busybox", "udhcpc", "-i", "eth0", "-nqf", "-O", "staticroutes", "-t", "5", "-T", "1", "-s",
      script.string
    ).stdout
  }

  /// - Returns: the body and the status.
  func get(_ path: String, _ more: String...) async throws -> (body: String, status: String) {
    let output = try await Command(
      "nsenter",
      ["--net=/run/netns/\(name)", "--", "curl", "-s", "-m", "5", "-w", "\n%{http_code}"] + more
        + ["http://169.254.169.254\(path)"]
    ).output().stdout
    let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
    return (lines.dropLast().joined(separator: "\n"), String(lines.last ?? ""))
  }

  /// Sends back what comes to a UDP port with who it came from, while `body` runs.
  func echoing(on port: Int, _ body: () async throws -> Void) async throws {
    try await machine.echoing(on: port, in: name, body)
  }
}

extension String {
  fileprivate func padded(to length: Int) -> String { String(repeating: "0", count: max(0, length - count)) + self }
}

extension PlayedMachine {
  /// Sends back what comes to a UDP port in a namespace with who it came from, while `body` runs.
  func echoing(on port: Int, in name: String, _ body: () async throws -> Void) async throws {
    let program = """
      import socket, sys
      s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", \(port)))
      while True:
        data, peer = s.recvfrom(2000); s.sendto(peer[0].encode() + b" " + data, peer)
      """
    let process = BackgroundProcess(name: "echo-\(name)-\(port)", folder: folder)
    try process.start("python3", ["-c", program], prefix: ["nsenter", "--net=/run/netns/\(name)", "--"])
    // As /proc/net/udp writes a port.
    let wanted = ":" + String(port, radix: 16, uppercase: true).padded(to: 4) + " "
    while let pid = process.recorded?.pid, process.isRunning,
      (try? String(contentsOfFile: "/proc/\(pid)/net/udp", encoding: .utf8))?.contains(wanted) != true
    {
      try await Task.sleep(for: .milliseconds(10))
    }
    do {
      try await body()
    } catch {
      try await process.stop(grace: .zero)
      throw error
    }
    try await process.stop(grace: .zero)
  }

  /// Sends a datagram from a namespace.
  ///
  /// - Returns: what came back: who the other side saw, and the datagram; empty when nothing came.
  func ask(_ address: String, _ port: Int, from space: String) async throws -> String {
    let program = """
      import socket
      s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(1)
      try:
        s.sendto(b"hello", ("\(address)", \(port))); print(s.recvfrom(2000)[0].decode())
      except OSError: pass
      """
    return try await run(in: space, "python3", "-c", program).stdout.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
