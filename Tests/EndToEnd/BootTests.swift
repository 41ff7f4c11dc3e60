import Foundation
import Host
import Synchronization
import SystemPackage
import Testing
import Trust

extension Machines {
  /// The image of the default recipe as an instance, with a real payload, a real admin and a real user.
  @Suite("An instance of the image")
  struct BootTests {
    @Test("boots by its bootloader from a virtio disk, and again as another machine without bootloader and initramfs")
    func boots() async throws {
      let image = try await SharedImage.shared.image
      let project = try BootProject()
      try await BootCloud.with(project) { cloud in
        let key = cloud.folder.appending("id")
        try AtomicFile.write(project.admin.privateFile.data, to: key, mode: 0o600)
        let kernel = try await kernel(of: image, in: cloud.folder)

        let first = try await boot(image, .bootloader, "bootloader", cloud, project)
        let second = try await boot(image, .kernel(kernel), "kernel", cloud, project)
        #expect(first.machineID != second.machineID, "clones of an image share their machine-id")
        #expect(first.hostKey != second.hostKey, "clones of an image share their host key")
      }
    }

    @Test("boots by UEFI firmware that knows nothing of it, too")
    func bootsByFirmware() async throws {
      let image = try await SharedImage.shared.image
      let project = try BootProject()
      try await BootCloud.with(project) { cloud in
        try AtomicFile.write(project.admin.privateFile.data, to: cloud.folder.appending("id"), mode: 0o600)
        let variables = try await UEFIFirmware.variables(in: cloud.folder)
        let way = BootMachine.Way.firmware(variables: variables)
        let machine = BootMachine(cloud: cloud, disk: image.disk, way: way, name: "firmware")
        try await machine.running {
          try await machine.waits(for: "Linux version")
          try await machine.waits(for: "cloudpipe: OpenVPN is up: bridged, port 1194/udp")
          try await machine.waits(for: "cloudpipe: rc.local done")
          let firmware = try await admin("ls /sys/firmware", cloud)
          #expect(firmware.split(separator: "\n").contains("efi"), "it was booted by BIOS: \(firmware)")
        }
      }
    }

    /// What tells one instance from another.
    struct Identity: Sendable {
      var machineID = ""
      var hostKey = ""
    }

    private func boot(
      _ image: BuiltImage, _ way: BootMachine.Way, _ name: String, _ cloud: BootCloud, _ project: BootProject
    ) async throws -> Identity {
      let machine = BootMachine(cloud: cloud, disk: image.disk, way: way, name: name)
      let identity = Mutex(Identity())
      try await machine.running {
        try await machine.waits(for: "Linux version")
        try await machine.waits(for: "cloudpipe: \(way.first) fetches")
        #expect(cloud.leases == [BootCloud.hardwareAddress: BootCloud.address])
        try await machine.waits(for: "cloudpipe: OpenVPN is up: bridged, port 1194/udp")
        try await machine.waits(for: "cloudpipe: rc.local done")
        try await machine.waits(for: " login:")
        let found = try await inspect(cloud, way)
        identity.withLock { $0 = found }
        try await refusesPasswords(cloud)
        try await letsUserIn(project, cloud, name)
      }
      return identity.withLock { $0 }
    }

    /// Looks at the instance as its admin.
    private func inspect(_ cloud: BootCloud, _ way: BootMachine.Way) async throws -> Identity {
      if case .bootloader = way {
        let devices = try await admin("ls /sys/class/net", cloud).split(separator: "\n")
        #expect(!devices.contains("eth0"), "the test is about a network card of another name")
      }
      let server = try await admin("doas systemctl show --property MainPID --value openvpn-server@server", cloud)
      let running = try await admin("pgrep -x openvpn", cloud)
      #expect(server == running, "the unit doesn't have the one server")
      let address = try await admin("ip -4 -o address show dev br0", cloud)
      #expect(address.contains(" \(BootCloud.address)/24 "), "\(address)")
      let card = try await admin("cat /sys/class/net/br0/address", cloud)
      #expect(card == BootCloud.hardwareAddress)
      // Without a message bus, systemd answers root alone.
      let failed = try await admin("doas systemctl --failed --plain --no-legend", cloud)
      #expect(failed.isEmpty, "failed units: \(failed)")
      let root = try await admin("doas id -u", cloud)
      #expect(root == "0")
      let machineID = try await admin("cat /etc/machine-id", cloud)
      #expect(machineID.count == 32, "machine-id: \(machineID)")
      return Identity(machineID: machineID, hostKey: try await admin("cat /etc/ssh/ssh_host_ed25519_key.pub", cloud))
    }

    private static let sshOptions = [
      "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o",
      "ConnectTimeout=20", "-o", "LogLevel=ERROR",
    ]

    /// Runs a command in the instance.
    private func admin(_ command: String, _ cloud: BootCloud) async throws -> String {
      let login = ["-i", cloud.folder.appending("id").string, "-F", "none", "cloudpipe@\(BootCloud.address)"]
      let said = try await cloud.command("ssh", Self.sshOptions + login + [command]).run()
      return said.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func refusesPasswords(_ cloud: BootCloud) async throws {
      for user in ["cloudpipe", "root"] {
        let login = ["-F", "none", "-o", "PubkeyAuthentication=no", "\(user)@\(BootCloud.address)", "true"]
        let output = try await cloud.command("ssh", Self.sshOptions + login).output()
        #expect(output.status == 255)
        // The parentheses name the ways that are left.
        #expect(output.stderrTail.contains("Permission denied (publickey)"), "\(output.stderrTail)")
      }
    }

    /// The user's own OpenVPN, with the profile alone, reaches another machine of the project.
    private func letsUserIn(_ project: BootProject, _ cloud: BootCloud, _ name: String) async throws {
      let profile = cloud.folder.appending("alice.ovpn")
      try AtomicFile.write(project.profile.data, to: profile, mode: 0o600)
      let log = "client-\(name).log"
      let client = cloud.userCommand(
        "openvpn", ["--config", profile.string, "--log", cloud.folder.appending(log).string])
      let fetch = cloud.userCommand("curl", ["--silent", "--show-error", "--max-time", "20", "http://10.66.0.1/"])
      let before = try await fetch.output()
      #expect(before.status != 0, "the project's network is open without the VPN")
      try await client.running {
        try await waiting(for: "the tunnel", seconds: 60) {
          cloud.text(log).contains("Initialization Sequence Completed")
        } otherwise: {
          cloud.text(log)
        }
        let said = try await fetch.run()
        #expect(said == BootCloud.neighbourSays)
      }
    }

    /// Takes the kernel out of the image, with other programs than the ones that put it there.
    private func kernel(of image: BuiltImage, in folder: FilePath) async throws -> FilePath {
      let raw = folder.appending("disk.raw")
      let kernel = folder.appending("vmlinuz")
      defer { try? Folder.remove(raw) }
      try await Command("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", image.disk.string, raw.string]).run()
      // The root begins at 9 MiB.
      let dump = "dump \(try image.manifest.boot.kernel) \(kernel)"
      let output = try await Command("debugfs", ["-R", dump, "\(raw)?offset=9437184"]).output()
      let size = (try? FileManager.default.attributesOfItem(atPath: kernel.string)[.size] as? Int) ?? 0
      try #require(size > 1 << 20, "no kernel: \(output)")
      return kernel
    }
  }
}

extension BootMachine.Way {
  /// Who fetches the payload.
  fileprivate var first: String {
    switch self {
    case .bootloader, .firmware: "rc.local"
    case .kernel: "init"
    }
  }
}
