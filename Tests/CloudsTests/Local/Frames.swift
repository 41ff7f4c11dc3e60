import Foundation
import Host
import SystemPackage
import Testing

/// Frames that a machine puts on its wire by hand, honest ones and lies, each with its own name in it.
enum Frames {
  /// Sends them all from the machine with the address 10.66.0.3 in `acme`'s network.
  ///
  /// - Returns: the names of those that the other machine heard, sorted.
  static func exchange(
    from sender: PlayedInstance, to listener: PlayedInstance, on machine: PlayedMachine
  ) async throws -> [String] {
    let heard = machine.folder.appending("heard")
    let process = BackgroundProcess(name: "listener", folder: machine.folder)
    try process.start("python3", ["-c", listening, heard.string], prefix: ["nsenter", "--net=\(listener.path)", "--"])
    do {
      while !FileManager.default.fileExists(atPath: heard.string) { try await Task.sleep(for: .milliseconds(10)) }
      let output = try await machine.run(in: sender.name, "python3", "-c", sending)
      #expect(output.status == 0, "\(output.stderrTail)")
      // The last one is honest, and frames keep their order.
      var text = ""
      for _ in 0..<1000 where !text.contains("honest ip6") {
        try await Task.sleep(for: .milliseconds(10))
        text = try String(contentsOfFile: heard.string, encoding: .utf8)
      }
      try await process.stop(grace: .zero)
      return Set(text.split(separator: "\n").map(String.init)).sorted()
    } catch {
      try await process.stop(grace: .zero)
      throw error
    }
  }

  private static let listening = """
    import re, socket, sys
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); wire.bind(("eth0", 0))
    out = open(sys.argv[1], "w")
    while True:
      for name in re.findall(rb"<([a-z0-9 ]+)>", wire.recv(2000)): print(name.decode(), file=out, flush=True)
    """

  /// ff:ff:ff:ff:ff:ff as the destination reaches every port.
  private static let sending = """
    import ipaddress, socket, struct
    from hashlib import sha256
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); wire.bind(("eth0", 0))
    all, own = b"\\xff" * 6, bytes.fromhex("fa163e000003")
    cloudpipe = bytes.fromhex("fa163e000002")
    gateway = bytes.fromhex("0a" + sha256(b"acme/default").hexdigest()[:10])
    a4 = lambda text: ipaddress.IPv4Address(text).packed
    a6 = lambda text: ipaddress.IPv6Address(text).packed
    local = lambda mac: a6("fe80::")[:8] + bytes([mac[0] ^ 2]) + mac[1:3] + b"\\xff\\xfe" + mac[3:]
    global6 = lambda mac: a6("fd00:66::")[:8] + local(mac)[8:]
    def total(data):
      data += b"\\0" * (len(data) % 2)
      n = sum(struct.unpack("!%dH" % (len(data) // 2), data))
      while n >> 16: n = (n & 0xffff) + (n >> 16)
      return ~n & 0xffff
    def send(name, kind, body, mac=own):
      wire.send(all + mac + struct.pack("!H", kind) + body + b"<" + name.encode() + b">")
    def arp(name, mac, address, ether=own):
      send(name, 0x806, struct.pack("!HHBBH", 1, 0x800, 6, 4, 2) + mac + a4(address) + all + a4("10.66.0.4"), ether)
    def udp(name, source, port=9, ether=own):
      data = b"<" + name.encode() + b">"
      head = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0) + a4(source) + a4("255.255.255.255")
      head = head[:10] + struct.pack("!H", total(head)) + head[12:]
      wire.send(all + ether + b"\\x08\\0" + head + struct.pack("!HHHH", port, 68, 8 + len(data), 0) + data)
    def icmp6(name, source, kind, target, ether=own):
      data = struct.pack("!BBHI", kind, 0, 0, 0x60000000) + target + b"<" + name.encode() + b">"
      to = a6("ff02::1")
      check = total(source + to + struct.pack("!II", len(data), 58) + data)
      data = data[:2] + struct.pack("!H", check) + data[4:]
      wire.send(all + ether + b"\\x86\\xdd" + struct.pack("!IHBB", 6 << 28, len(data), 58, 255) + source + to + data)
    arp("gateway by arp", own, "10.66.0.1")
    arp("cloudpipe by arp", own, "10.66.0.2")
    arp("victim by arp", own, "10.66.0.4")
    arp("client by arp", own, "10.66.0.250")
    arp("mac inside of arp", cloudpipe, "10.66.0.3")
    arp("gateways mac", gateway, "10.66.0.3", gateway)
    arp("cloudpipes mac", cloudpipe, "10.66.0.3", cloudpipe)
    for name, address in [("gateway", "10.66.0.1"), ("cloudpipe", "10.66.0.2"), ("victim", "10.66.0.4"), ("stranger", "192.0.2.1")]:
      udp("ip of " + name, address)
    udp("dhcp answer", "10.66.0.3", 67)
    udp("mac of another with own ip", "10.66.0.3", 9, cloudpipe)
    icmp6("router advertisement", local(own), 134, b"\\0" * 16)
    icmp6("ip6 of gateway", a6("fd00:66::1"), 136, a6("fd00:66::3"))
    for name, address in [("gateway", a6("fd00:66::1")), ("gateway inside", local(gateway)), ("cloudpipe", global6(cloudpipe)),
        ("cloudpipe inside", local(cloudpipe))]:
      icmp6("neighbour " + name, local(own), 136, address)
      icmp6("source " + name, address, 136, local(own))
    send("other protocol", 0x88b5, b"x" * 60)
    arp("honest arp", own, "10.66.0.3")
    udp("honest ip", "10.66.0.3")
    icmp6("honest ip6", local(own), 136, local(own))
    """
}
