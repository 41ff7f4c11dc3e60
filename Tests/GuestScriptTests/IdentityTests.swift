import Foundation
import Testing

private let identity = "/usr/local/lib/cloudpipe/identity"
private let mac = "52:54:00:ab:cd:ef"
/// What the host tells: 64 random bytes, and the MAC address.
private let who = "head -c 64 /dev/urandom; printf \(mac)"

/// A guest with one card, to which the host tells what `said` prints; switching it off and setting its clock are noted in
/// /tmp/done.
private func withCard(said: String?, _ body: (Namespace) throws -> Void) throws {
  try withGuest { guest throws in
    try guest.check(
      """
      set -e
      ip link add eth0 type veth peer name far
      mount -t tmpfs tmpfs /sys/class/net && mkdir -p /sys/class/net/eth0/device
      echo 2 >/sys/class/net/eth0/ifindex
      mount -t tmpfs tmpfs /sys/firmware && mkdir -p "$(dirname \(fwCfg))" /run/cloudpipe
      for program in poweroff hwclock modprobe; do
        printf '#!/bin/sh\\necho "%s $*" >>/tmp/done\\n' $program >/usr/local/sbin/$program
        chmod 755 /usr/local/sbin/$program
      done
      \(said.map { "{ \($0); } >\(fwCfg)" } ?? "")
      """)
    try body(guest)
  }
}
private let fwCfg = "/sys/firmware/qemu_fw_cfg/by_name/opt/cpbuild/identity/raw"

extension Namespace {
  fileprivate func isSwitchedOff() -> Bool { read("/tmp/done").contains("poweroff -f") }
  fileprivate func hasMAC() throws -> Bool { try run("ip link show eth0 | grep -q \(mac)").succeeded }
}

@Suite("identity", .ownThreads)
struct IdentityTests {
  @Test("gives the machine its MAC address, its clock and a boot of its own, and doesn't wait when it is told at once")
  func told() throws {
    try withCard(said: who) { guest in
      let before = try guest.check("cat /proc/sys/kernel/random/boot_id")
      let said = try guest.check("sh \(identity)")
      #expect(try guest.hasMAC())
      #expect(guest.read("/tmp/done").contains("hwclock -s -u"))
      #expect(!guest.isSwitchedOff())
      #expect(!said.contains("cloudpipe: paused"), "\(said)")
      #expect(try guest.check("cat /proc/sys/kernel/random/boot_id") != before)
    }
  }

  @Test("waits while the host says nothing but zeros, says so once, and goes on when it is told")
  func waits() throws {
    try withCard(said: "head -c 81 /dev/zero") { guest in
      try guest.start("sh \(identity); echo ended", log: "/tmp/log")
      #expect(try guest.wait(for: "grep -q 'cloudpipe: paused' /tmp/log"))
      #expect(try !guest.hasMAC())
      #expect(!guest.read("/tmp/log").contains("ended"))
      try guest.check("{ \(who); } >/tmp/told && dd if=/tmp/told of=\(fwCfg) conv=notrunc 2>/dev/null")
      #expect(try guest.wait(for: "grep -q ended /tmp/log"))
      #expect(try guest.hasMAC())
      #expect(!guest.isSwitchedOff())
      #expect(guest.read("/tmp/log").split(separator: "\n").count { $0 == "cloudpipe: paused" } == 1)
    }
  }

  @Test(
    "switches a machine off that can't be told who it is, and says why",
    arguments: [
      (nil, "No such file"), ("printf ''", "no identity"), ("head -c 64 /dev/urandom", "no identity"),
      ("head -c 64 /dev/urandom; printf 52:54:00:AB:CD:EF", "no identity"),
      ("head -c 64 /dev/urandom; printf '52-54-00-ab-cd-ef'", "no identity"),
      ("head -c 64 /dev/urandom; printf '01:00:5e:00:00:01'", "Cannot assign requested address"),
    ] as [(String?, String)])
  func refused(said: String?, why: String) throws {
    try withCard(said: said) { guest in
      let outcome = try guest.run("sh \(identity)")
      #expect(outcome.output.contains(why), "\(outcome)")
      #expect(outcome.output.contains("switching off"), "\(outcome)")
      #expect(guest.isSwitchedOff())
      #expect(try !guest.hasMAC())
    }
  }

  @Test(
    "switches a machine off that has no clock, or no card",
    arguments: ["ln -sf /bin/false /usr/local/sbin/hwclock", "ip link del eth0; rm -r /sys/class/net/eth0"])
  func lacking(lack: String) throws {
    try withCard(said: who) { guest in
      try guest.check(lack)
      _ = try guest.run("sh \(identity)")
      #expect(guest.isSwitchedOff())
    }
  }
}
