// One of many processes that use a state at the same time, for the tests: `StateWorker HOME VERB COUNT NAME`. It prints
// what it was handed out, a line each, as soon as that is durable.
import Foundation
import Names
import State
import SystemPackage

let arguments = CommandLine.arguments
guard arguments.count == 5, let count = Int(arguments[3]) else {
  FileHandle.standardError.write(
    Data("usage: StateWorker HOME addresses|ports|certificates|crls|mixed COUNT NAME\n".utf8))
  exit(64)
}

let store = try await StateStore.open(Home(FilePath(arguments[1])))
let now = Date()
let project = try ProjectID("acme")
let network = NetworkID(project: project, name: .standard)

switch arguments[2] {
case "addresses":
  for _ in 0..<count {
    say(try await store.write { try $0.addresses.allocate(in: network, holder: arguments[4], at: now).address })
  }
case "ports":
  let publicAddress = try IPv4Address("192.0.2.1")
  let range = try PortNumber("1000")...PortNumber("65535")
  for index in 0..<count {
    let id = NetworkID(project: try ProjectID("\(arguments[4])-\(index)"), name: .standard)
    let row = try await store.write { state in
      try state.projects.ensure(id.project, at: now)
      try state.networks.insert(Network(id: id, cidr: IPv4Network("10.0.0.0/24"), mode: .bridged, createdAt: now))
      return try state.publicPorts.allocate(for: id, on: publicAddress, in: range, at: now)
    }
    say(row.port)
  }
case "certificates":
  for _ in 0..<count { say(try await issue(to: UserName(arguments[4])).serial) }
case "crls":
  for _ in 0..<count { say(try await publish()) }
case "mixed":
  for _ in 0..<count {
    let user = try UserName("\(arguments[4])\(Int.random(in: 0..<4))")
    say("issued \(try await issue(to: user).serial)")
    let revoked = try await store.write { state in
      guard let lineage = try state.lineages.live(user, of: project) else { return [Certificate]() }
      _ = try state.revocations.revoke(lineage: lineage.id, reason: .superseded, at: now)
      return try state.certificates.all(in: lineage.id)
    }
    for certificate in revoked { say("revoked \(certificate.serial)") }
    say("crl \(try await publish())")
    let key = try KeyFile.instance("\(UUID().uuidString).key")
    try store.keys.write(Data("not a key".utf8), as: key)
    _ = try await issue(to: user, keyFile: key)
    say("key \(key)")
    try await store.exports.write()
  }
default:
  FileHandle.standardError.write(Data("unknown verb \(arguments[2])\n".utf8))
  exit(64)
}
try store.close()

/// Straight to the pipe: what a killed process had buffered would look as if it had never been handed out.
func say(_ line: some CustomStringConvertible) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

/// Serial numbers of 64 random bits are unique by chance; these of 16 bits meet, and are drawn again.
func issue(to user: UserName, keyFile: KeyFile? = nil) async throws -> Certificate {
  while true {
    do {
      return try await store.write { state in
        guard let authority = try state.authorities.active(of: project) else { exit(2) }
        let lineage = try state.lineages.ensure(user, of: project, at: now)
        let serial = try SerialNumber(String(UInt32.random(in: 1...0xffff), radix: 16))
        let certificate = Certificate(
          authorityId: authority.id, serial: serial, lineageId: lineage.id, certificate: Data(serial.text.utf8),
          keyFile: keyFile, notBefore: now, notAfter: now + 86400, createdAt: now)
        try state.certificates.insert(certificate)
        return certificate
      }
    } catch StateError.alreadyExists { continue }
  }
}

func publish() async throws -> Int64 {
  try await store.write { state in
    guard let authority = try state.authorities.active(of: project) else { exit(2) }
    let listed = try state.revocations.listed(of: authority.id)
    let number = try state.crls.allocateNumber(for: authority.id)
    let content = Data("crl \(number) of \(listed.count)".utf8)
    try state.crls.insert(
      CRL(authorityId: authority.id, number: number, thisUpdate: now, nextUpdate: now + 604800, crl: content))
    return number
  }
}
