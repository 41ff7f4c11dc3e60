import Foundation
import Testing

/// A guest with a metadata service that serves /tmp/web, in which nothing is yet.
private func withMetadata(_ body: (Namespace) throws -> Void) throws {
  try withGuest { guest throws in
    try guest.check("ip address add 169.254.169.254/32 dev lo && mkdir -p /tmp/web/latest/meta-data/public-keys/0")
    try guest.start("python3 /tmp/fixture/metadata.py /tmp/web 169.254.169.254", log: "/tmp/web.log")
    #expect(try guest.wait(for: "ss -Hltn | grep -q ':80 '"))
    try body(guest)
  }
}

/// The same with br0 at 10.0.0.2/24, and a real payload as user data, whose files lie in /tmp/in.
private func withRealPayload(_ body: (Namespace) throws -> Void) throws {
  let payload = try TestPayload(["MODE": "bridged"])
  defer { payload.remove() }
  let crl = try payload.authority.crl("01")
  try withMetadata { guest throws in
    try guest.check("ip link add br0 type bridge && ip address add 10.0.0.2/24 dev br0 && ip link set br0 up")
    try payload.write(to: "/tmp/in", in: guest, crl: crl)
    try guest.check("python3 /tmp/fixture/archive.py plain \(userData) /tmp/in/*")
    try body(guest)
  }
}

private let userData = "/tmp/web/latest/user-data"
private let keyPath = "/tmp/web/latest/meta-data/public-keys/0/openssh-key"

extension Namespace {
  fileprivate func serve(autorun script: String, coding: String = "base64") throws {
    try write(script, to: "/tmp/in/autorun.sh")
    try check("python3 /tmp/fixture/archive.py plain /tmp/zip /tmp/in/autorun.sh && \(coding) </tmp/zip >\(userData)")
  }

  /// What the console's last line says.
  fileprivate var lastWords: String {
    read("/dev/console").split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
  }
}

@Suite("rc.local", .ownThreads)
struct RCLocalTests {
  @Test("brings up the VPN of a real payload, and leaves no key behind but the VPN's own")
  func complete() throws {
    try withRealPayload { guest throws in
      try guest.check("base64 \(userData) | base64 -w0 >/tmp/coded && cp /tmp/coded \(userData)")
      for _ in 1...2 {
        let outcome = try guest.run("/etc/rc.local start")
        #expect(outcome.succeeded, "\(outcome) \(guest.read("/dev/console"))")
        #expect(guest.lastWords == "cloudpipe: rc.local done")
      }
      #expect(guest.read("/dev/console").contains("cloudpipe: OpenVPN is up: bridged, port 1194/udp\r\n"))
      let keys = try guest.run("grep -rl 'PRIVATE KEY' /run /tmp/written").output
      #expect(keys == "/tmp/written/etc/openvpn/server/server.key\n")
      #expect(try guest.check("ls /run/cloudpipe") == "certificates\ncrls\nrefresh-crl.lock\nsessions\n")
      #expect(!guest.read("/dev/console").contains("PRIVATE"))
    }
  }

  @Test("goes on with the payload of the last boot when there is none any more")
  func kept() throws {
    try withRealPayload { guest throws in
      #expect(try guest.run("/etc/rc.local").succeeded)
      for status in ["403", "404"] {
        try guest.write(status, to: "\(userData).status")
        try guest.check("systemctl stop openvpn-server@server; nft flush ruleset; rm -rf /run/cloudpipe")
        let outcome = try guest.run("/etc/rc.local")
        #expect(outcome.succeeded, "\(outcome) \(guest.read("/dev/console"))")
        #expect(guest.lastWords == "cloudpipe: rc.local done")
        #expect(guest.read("/dev/console").contains("(\(status))) and takes that of the last boot"))
        #expect(try guest.check("nft list ruleset").contains("table bridge cloudpipe"))
        let keys = try guest.run("grep -rl 'PRIVATE KEY' /run /etc/cloudpipe").output
        #expect(keys == "")
      }
      // A refusal alone is no payload, and may pass.
      try guest.write("403", to: "\(userData).status")
      try guest.check("rm -r /etc/cloudpipe")
      #expect(try guest.run("/etc/rc.local").status == 1)
      #expect(guest.lastWords.hasSuffix("refused (403)"))
    }
  }

  @Test("finds the VPN up that was started before systemd, and hands over what was said")
  func early() throws {
    try withRealPayload { guest throws in
      try guest.check("rmdir /run/systemd/system")
      let outcome = try guest.run("/usr/local/lib/cloudpipe/configure init 10")
      #expect(outcome.succeeded, "\(outcome)")
      #expect(guest.read("/dev/console").contains("cloudpipe: OpenVPN is up: bridged, port 1194/udp\r\n"))
      #expect(guest.read("/run/cloudpipe/early.log").contains("\nOpenVPN is up: "))
      #expect(try guest.check("cat /proc/$(cat /run/openvpn-server/server.pid)/comm") == "openvpn\n")
      #expect(try guest.check("ps -o user= -p $(cat /run/openvpn-server/server.pid)").hasPrefix("cloudpi"))
      // It would make its files for each client in a folder that is gone.
      #expect(try guest.run("grep -qa TMPDIR /proc/$(cat /run/openvpn-server/server.pid)/environ").status == 1)

      try guest.check("mkdir -p /run/systemd/system; : >/run/cloudpipe/configured-early; : >/dev/console")
      try guest.check("printf '#!/bin/sh\necho \"$*\" >>/tmp/systemctl.log\n' >/usr/local/sbin/systemctl")
      #expect(try guest.run("/etc/rc.local").succeeded)
      #expect(guest.read("/tmp/systemctl.log") == "start openvpn-server@server\n")
      #expect(!guest.read("/dev/console").contains("fetches"))
      #expect(guest.lastWords == "cloudpipe: rc.local done")
      #expect(try guest.run("ls /run/cloudpipe/early.log").status == 2)
    }
  }

  @Test("runs autorun.sh as root in the folder of its files, which are for root alone and gone afterwards")
  func environment() throws {
    try withMetadata { guest throws in
      try guest.serve(autorun: "id -u; stat -c %a . autorun.sh; pwd >/tmp/where; findmnt -n -o FSTYPE -T .\n")
      #expect(try guest.run("/etc/rc.local").succeeded)
      let lines = guest.read("/dev/console").replacingOccurrences(of: "\r", with: "")
      #expect(lines.contains("cloudpipe: 0\ncloudpipe: 700\ncloudpipe: 600\ncloudpipe: tmpfs\n"), "\(lines)")
      #expect(try guest.run("ls $(cat /tmp/where)").status == 2)
    }
  }

  @Test("says how autorun.sh failed, in its own last words, and fails")
  func failure() throws {
    try withMetadata { guest throws in
      try guest.serve(autorun: "echo starting; echo no such network >&2; exit 3\n")
      #expect(try guest.run("/etc/rc.local").status == 1)
      #expect(guest.lastWords == "cloudpipe: rc.local failed: no such network")
      try guest.serve(autorun: "exit 1\n")
      #expect(try guest.run("/etc/rc.local").status == 1)
      #expect(guest.lastWords.hasPrefix("cloudpipe: rc.local failed: "))
    }
  }

  @Test("says so, and is content, when this instance was given no payload")
  func noPayload() throws {
    try withMetadata { guest throws in
      let outcome = try guest.run("/etc/rc.local", seconds: 30)
      #expect(outcome.succeeded, "\(outcome)")
      #expect(guest.lastWords.hasPrefix("cloudpipe: rc.local failed: no payload: "))
      #expect(guest.lastWords.hasSuffix("not there (404)"))
    }
  }

  @Test("gives up after its deadline when nobody answers, or answers drop by drop")
  func silence() throws {
    try withGuest { guest throws in
      // The same script with a deadline that a test can wait for.
      try guest.check(
        "sed 's/ rc.local 120)/ rc.local 3)/' /etc/rc.local >/tmp/rc.local && ! cmp -s /etc/rc.local /tmp/rc.local")
      let start = Date()
      #expect(try guest.run("sh /tmp/rc.local", seconds: 50).status == 1)
      #expect(Date().timeIntervalSince(start) < 40)
      #expect(
        guest.lastWords.contains("rc.local failed: no payload: ")
          && guest.lastWords.hasSuffix("nothing usable within 3 s"))

      try guest.start("while :; do printf x; sleep 0.5; done | nc -l 127.0.0.1 8080", log: "/tmp/nc.log")
      let slow = Date()
      #expect(try guest.run("/usr/local/lib/cloudpipe/fetch http://127.0.0.1:8080/ /tmp/file 1000 4").status == 1)
      #expect(Date().timeIntervalSince(slow) < 10)
      #expect(try guest.run("ls /tmp/file /tmp/file.log").status == 2)
    }
  }

  @Test("tries again while the metadata service isn't ready")
  func retries() throws {
    try withMetadata { guest throws in
      try guest.serve(autorun: "exit 0\n")
      try guest.write("503", to: "\(userData).status")
      try guest.start("sleep 3; rm \(userData).status", log: "/tmp/later.log")
      let outcome = try guest.run("/etc/rc.local")
      #expect(outcome.succeeded && guest.lastWords == "cloudpipe: rc.local done", "\(outcome) \(guest.lastWords)")
    }
  }

  @Test("refuses user data that is no payload, hostile or too large, and runs nothing of it")
  func refused() throws {
    try withMetadata { guest throws in
      try guest.write("#!/bin/sh\ntouch /tmp/owned\n", to: userData)
      #expect(try guest.run("/etc/rc.local").status == 1)
      #expect(guest.lastWords.contains("payload refused: neither a zip nor base64 of one"))
      for kind in ["symlink", "parent", "duplicate"] {
        try guest.check("python3 /tmp/fixture/archive.py \(kind) \(userData)")
        #expect(try guest.run("/etc/rc.local").status == 1)
        #expect(guest.lastWords.contains("rc.local failed: payload refused: "), "\(guest.lastWords)")
      }
      try guest.write("exit 0", to: "/tmp/in/other.sh")
      try guest.check("python3 /tmp/fixture/archive.py plain \(userData) /tmp/in/other.sh")
      #expect(try guest.run("/etc/rc.local").status == 1)
      #expect(guest.lastWords == "cloudpipe: rc.local failed: no autorun.sh in the payload")

      try guest.check("head -c 200000 /dev/zero >\(userData)")
      #expect(
        try guest.run("/usr/local/lib/cloudpipe/fetch http://169.254.169.254/latest/user-data /tmp/f 131072 3").status
          == 1)
      #expect(try guest.run("ls /tmp/owned").status == 2)
      #expect(try guest.check("ls -A /run/cloudpipe") == "")
    }
  }

  @Test("speaks on ttyS0 too, when /dev/console is a screen, and on no console twice")
  func consoles() throws {
    try withGuest { guest throws in
      try guest.write("tty0 ttyS0\n", to: "/tmp/active")
      try guest.check("mount --bind /tmp/active /sys/class/tty/console/active; : >/dev/ttyS0")
      try guest.check(
        "/usr/local/lib/cloudpipe/say one; printf 'ttyS0 tty0\\n' >/tmp/active; /usr/local/lib/cloudpipe/say two")
      #expect(guest.read("/dev/console") == "cloudpipe: one\r\ncloudpipe: two\r\n")
      #expect(guest.read("/dev/ttyS0") == "cloudpipe: two\r\n")
      try guest.check("printf '\\033[2Jred\\007' | { read -r x; /usr/local/lib/cloudpipe/say \"$x\"; }")
      #expect(guest.read("/dev/ttyS0") == "cloudpipe: two\r\ncloudpipe: [2Jred\r\n")
    }
  }
}

@Suite("the admin's way in", .ownThreads)
struct AdminTests {
  private let installed = "/etc/ssh/authorized_keys.d/cloudpipe"

  @Test("is the metadata's key, installed for the admin alone")
  func key() throws {
    try withMetadata { guest throws in
      for type in ["ed25519", "rsa", "ecdsa"] {
        try guest.check(
          "rm -f /tmp/k /tmp/k.pub; ssh-keygen -q -t \(type) -N '' -C 'admin@host of acme' -f /tmp/k && cp /tmp/k.pub \(keyPath)"
        )
        let outcome = try guest.run("/usr/local/lib/cloudpipe/admin-key")
        #expect(outcome.succeeded && outcome.output.contains("SHA256:"), "\(type): \(outcome)")
        #expect(guest.read(installed) == guest.read("/tmp/k.pub"))
        #expect(try guest.check("stat -c '%a %U' \(installed)") == "600 cloudpipe\n")
      }
    }
  }

  @Test("stays the installed key when the metadata offers anything else than one public key")
  func refused() throws {
    try withMetadata { guest throws in
      try guest.check(
        "ssh-keygen -q -t ed25519 -N '' -f /tmp/k && cp /tmp/k.pub \(keyPath) && /usr/local/lib/cloudpipe/admin-key")
      let key = guest.read("/tmp/k.pub")
      let bad = [
        "", "\n", "garbage\n", key + key, "command=\"id\" " + key, "no-pty " + key, "# \(key)", guest.read("/tmp/k"),
        "ssh-ed25519 AAAA\n", "ssh-dss AAAAB3NzaC1kc3M=\n", key.replacingOccurrences(of: " ", with: "\t"),
        "\u{1B}[2J" + key,
      ]
      for content in bad {
        try guest.write(content, to: keyPath)
        let outcome = try guest.run("/usr/local/lib/cloudpipe/admin-key")
        #expect(outcome.status == 1, "\(content): \(outcome)")
        #expect(guest.read(installed) == key, "\(content)")
      }
      try guest.check("rm \(keyPath)")
      #expect(!(try guest.run("/usr/local/lib/cloudpipe/admin-key").succeeded))
      #expect(guest.read(installed) == key)
    }
  }

  @Test("is installed although the payload is bad, so that someone can have a look")
  func withoutPayload() throws {
    try withMetadata { guest throws in
      try guest.check("ssh-keygen -q -t ed25519 -N '' -f /tmp/k && cp /tmp/k.pub \(keyPath)")
      try guest.write("nonsense!", to: userData)
      #expect(try guest.run("/etc/rc.local").status == 1)
      #expect(guest.read(installed) == guest.read("/tmp/k.pub"))
    }
  }

  @Test("has no password anywhere, and the image no host key until it boots")
  func passwords() throws {
    try withGuest { guest throws in
      let open = try guest.check("awk -F: '$2 !~ /^[!*]/' /etc/shadow")
      #expect(open == "")
      #expect(try guest.check("cut -d: -f1,2 /etc/shadow | grep -E '^(root|cloudpipe):'") == "root:*\ncloudpipe:*\n")
      #expect(try guest.check("id -nG cloudpipe").contains("adm"))
      // A second run changes nothing, and no date of today's is left.
      let before = try guest.check("sha256sum /etc/passwd /etc/shadow /etc/group /etc/gshadow")
      try guest.check("/tmp/setup.sh")
      #expect(try guest.check("sha256sum /etc/passwd /etc/shadow /etc/group /etc/gshadow") == before)
      #expect(try guest.check("cut -d: -f3 /etc/shadow | sort -u") == "1\n")

      let make =
        "/usr/local/lib/cloudpipe/host-key; cat /etc/ssh/ssh_host_ed25519_key.pub; stat -c %a /etc/ssh/ssh_host_ed25519_key"
      let first = try guest.check("rm -f /etc/ssh/ssh_host_*; \(make)")
      #expect(first.hasSuffix("600\n"))
      #expect(try guest.check(make) == first)
      #expect(
        try guest.check(
          "head -c 100 /etc/ssh/ssh_host_ed25519_key >/tmp/h; cat /tmp/h >/etc/ssh/ssh_host_ed25519_key; \(make)")
          != first)
    }
  }
}
