import Foundation
import NIOCore
import NIOHTTP1
import Names
import SystemPackage

/// What is answered to whom. A machine is known by its source address *and* by the MAC address that the kernel reached it
/// under, never by what it says.
struct MetadataAnswers: Sendable {
  struct Response {
    let status: HTTPResponseStatus
    let type: String
    let body: Data

    init(_ status: HTTPResponseStatus, _ text: String) {
      self.init(status, type: "text/plain", Data(text.utf8))
    }

    init(_ status: HTTPResponseStatus, type: String, _ body: Data) {
      self.status = status
      self.type = type
      self.body = body
    }
  }

  let folder: FilePath
  let window: BootWindow
  let log: BoundedLog
  /// The kernel's table of neighbours, as `/proc/net/arp` has it.
  var neighbours: @Sendable () -> String = {
    (try? String(contentsOfFile: "/proc/self/net/arp", encoding: .utf8)) ?? ""
  }

  func answer(to uri: String, from source: SocketAddress?) -> Response {
    guard let address = source?.ipAddress.flatMap({ try? IPv4Address($0) }) else {
      return Response(.forbidden, "not known here\n")
    }
    return answer(to: uri, from: address)
  }

  func answer(to uri: String, from address: IPv4Address) -> Response {
    let path = String(uri.prefix { $0 != "?" })
    guard uri.utf8.count <= 1024, let record = NetworkRecord.read(from: folder),
      let machine = record.plan.reservations.first(where: { $0.address == address }),
      Self.mac(of: address, in: neighbours()) == machine.mac
    else {
      log.write("refused \(address): no machine of this network has that address and MAC address")
      return Response(.forbidden, "not known here\n")
    }
    let instance = machine == record.cloudpipe ? InstanceMetadata.read(from: folder) : nil
    let tree = MetadataTree(
      network: record.plan, machine: machine, instance: instance, publicAddress: record.forward?.address)
    switch (tree.answer(path), instance) {
    case (.text(let text), _): return Response(.ok, text)
    case (.json(let data), _): return Response(.ok, type: "application/json", data)
    case (.revocations, let instance?): return revocations(instance)
    case (.payload, let instance?): return payload(instance, to: address)
    default: return Response(.notFound, "no such thing\n")
    }
  }

  private func revocations(_ instance: InstanceMetadata) -> Response {
    guard let bytes = try? Data(contentsOf: URL(filePath: instance.crl)), bytes.count <= 16 << 20 else {
      log.write("the CRL \(instance.crl) can't be read")
      return Response(.serviceUnavailable, "no CRL\n")
    }
    return Response(.ok, type: "application/x-pem-file", bytes)
  }

  private func payload(_ instance: InstanceMetadata, to address: IPv4Address) -> Response {
    guard window.isOpen(boot: instance.boot) else {
      log.write("refused the payload to \(address): the instance has booted")
      return Response(.forbidden, "served only while the instance boots\n")
    }
    guard let bytes = try? Data(contentsOf: URL(filePath: InstanceMetadata.payload(in: folder).string)) else {
      log.write("the payload can't be read")
      return Response(.serviceUnavailable, "no payload\n")
    }
    log.write("gave the payload to \(address)")
    return Response(.ok, type: "application/octet-stream", bytes)
  }

  /// Only from the bridge, and only an entry that is complete (ATF_COM of linux/if_arp.h).
  static func mac(of address: IPv4Address, in table: String) -> MACAddress? {
    for line in table.split(separator: "\n").dropFirst() {
      let fields = line.split(separator: " ")
      guard fields.count >= 6, fields[0] == address.text, fields[5] == NetworkSpace.bridge,
        let flags = UInt32(fields[2].dropFirst(2), radix: 16), flags & 2 != 0
      else { continue }
      return try? MACAddress(fields[3])
    }
    return nil
  }
}
