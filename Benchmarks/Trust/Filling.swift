import Foundation
import Launching
import Names
import State
import Trust

/// A state of many projects: one that is whole (`acme`), the others with a network, a CA of their own and certificates,
/// which are copies of one of acme's with serial numbers of their own.
struct Filling {
  private let home: String
  private let now = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))

  init(_ home: String) { self.home = home }

  func run(projects: Int, certificates: Int) async throws {
    let keeper = try await keeper(home)
    let acme = try ProjectID("acme")
    try await keeper.prepare(acme)
    let sample = try await keeper.addUser(UserName("alice"), to: acme).certificate
    let (state, each) = (keeper.state, certificates / max(1, projects))
    guard let row = try await state.read({ try $0.authorities.active(of: nil) }), let file = row.keyFile else {
      exit(1)
    }
    let pem = try state.keys.read(file)
    let root = try CertificateAuthority(
      certificate: Trust.Certificate(der: Array(row.certificate)),
      key: PrivateKey(pem: Secret(count: pem.count) { $0.copyBytes(from: pem) }))
    for first in stride(from: 0, to: projects, by: 500) {
      // In one transaction for many: a million would take a day one by one.
      try await state.write { state in
        for index in first..<min(first + 500, projects) {
          try add(ProjectID("project-\(index)"), number: index, users: each, sample, root, row.id, to: state)
        }
      }
    }
    let time = try await seconds { try await state.exports.write() }
    try state.close()
    try say(["exportSeconds": time])
  }

  private func add(
    _ project: ProjectID, number: Int, users: Int, _ sample: Trust.Certificate, _ root: CertificateAuthority,
    _ issuer: Int64, to state: Transaction
  ) throws {
    try state.projects.ensure(project, at: now)
    let cidr = try IPv4Network("10.\(number / 256 % 256).\(number % 256).0/24")
    try state.networks.insert(
      Network(id: NetworkID(project: project, name: .standard), cidr: cidr, mode: .bridged, createdAt: now))
    let made = try root.issueAuthority(
      named: ProjectAuthority.name(project: project.text), key: root.key, now: now)
    let authority = try state.authorities.insert(
      NewAuthority(
        project: project, stage: .active, issuer: issuer,
        serial: State.SerialNumber(bytes: made.certificate.serial.octets), certificate: Data(made.certificate.der),
        keyType: .p256, keyFile: nil, keyIsEncrypted: false, notBefore: made.certificate.notBefore,
        notAfter: made.certificate.notAfter, createdAt: now, anchor: Data(made.anchor().der)))
    for user in 0..<users {
      let lineage = try state.lineages.ensure(UserName("user-\(user)"), of: project, at: now)
      try state.certificates.insert(
        State.Certificate(
          authorityId: authority.id, serial: serial(), lineageId: lineage.id, certificate: Data(sample.der),
          notBefore: sample.notBefore, notAfter: sample.notAfter, createdAt: now))
    }
  }

  private func serial() throws -> State.SerialNumber {
    try State.SerialNumber(bytes: Trust.SerialNumber.random().octets)
  }
}
