import Foundation
import Host
import Names
import State
import SystemPackage
import Testing
import Trust

@testable import Launching

/// Serialized, because each of them keeps both cores busy.
@Suite("Many processes that keep one project's trust", .serialized)
struct TrustProcessesTests {
  private let project: ProjectID

  init() throws { project = try ProjectID("acme") }

  @Test("16 at once: no serial or CRL number twice, nothing lost, and openssl verifies every CRL")
  func together() async throws {
    try await withHome { home in
      let workers = try (0..<16).map { try TrustWorker(in: home, count: 3, name: "w\($0)") }
      var log = TrustLog()
      for worker in workers {
        let end = worker.end()
        #expect(end.status == 0 && !end.wasKilled)
        log += end.log
      }
      #expect(log.issued.count == 16 * 3 * 2)
      #expect(Set(log.issued).count == log.issued.count, "a serial number was handed out twice")
      #expect(Set(log.revoked).count == log.revoked.count, "a certificate was revoked twice")

      let store = try await StateStore.open(home)
      let authority = try await active(in: store)
      // The first list, and one for each revocation: with a number for two of them it would be less, and one lost more.
      #expect(authority.lastCrlNumber == Int64(1 + log.revocations.count))
      try await expectAll(log, in: store)
      #expect(try await store.exports.repair().isEmpty)
      try await expectVerified(store, authority)
      try store.close()
    }
  }

  @Test("kill -9 at 200 random moments: the state is whole, exports equal it, and revoked stays revoked")
  func kills() async throws {
    try await withHome { home in
      var log = TrustLog()
      for round in 0..<50 {
        let workers = try (0..<4).map { try TrustWorker(in: home, count: 1000, name: "r\(round)-\($0)") }
        // Every other time they are at work for sure, which on a busy machine takes longer to begin with.
        if round.isMultiple(of: 2) { workers[0].waitForWords() }
        usleep(.random(in: 20_000...150_000))
        for worker in workers.shuffled() {
          worker.kill()
          usleep(.random(in: 0...30_000))
        }
        for worker in workers {
          let end = worker.end()
          #expect(end.wasKilled, "round \(round): it ended by itself with \(end.status)")
          log += end.log
        }
        try await expectWhole(home, "round \(round)")
      }
      print("200 kills: \(log.issued.count) issued, \(log.revoked.count) revoked, \(log.prepared.count) projects")
      #expect(log.revocations.count > 20, "the processes got nothing done before they were killed")

      let store = try await StateStore.open(home)
      try await expectAll(log, in: store)
      try await store.sweepKeys(olderThan: 0)
      #expect(try await store.integrityCheck().isEmpty)
      let authority = try await active(in: store)
      try await expectVerified(store, authority)
      try store.close()
      let left = FileManager.default.enumerator(atPath: home.path.string)?.compactMap { $0 as? String } ?? []
      #expect(left.contains("state.db"))
      #expect(!left.contains { $0.hasSuffix(".tmp") }, "a file was left half written")
    }
  }

  // MARK: What has to hold

  /// What the next command finds after a kill.
  private func expectWhole(_ home: Home, _ when: Comment) async throws {
    let store = try await StateStore.open(home)
    #expect(try await store.integrityCheck().isEmpty, when)
    try await store.exports.write()
    #expect(try await store.exports.repair().isEmpty, "exports and rows differ: \(when)")
    let (rows, crl) = try await store.read { state in
      let authority = try state.authorities.active(of: project)?.id ?? 0
      return (try state.revocations.listed(of: authority), try state.crls.newest(of: authority)?.crl)
    }
    let listed = try CertificateRevocationList(der: Array(crl ?? Data())).revocations
    #expect(Set(listed.map(Self.text)) == Set(rows.map(\.serial.text)), "a row without its entry: \(when)")
    try store.close()
  }

  /// Everything that was said to be done is there.
  private func expectAll(_ log: TrustLog, in store: StateStore) async throws {
    try await store.read { state in
      let authority = try state.authorities.active(of: project)?.id ?? 0
      for serial in log.issued {
        #expect(try state.certificates.find(State.SerialNumber(serial), of: authority) != nil, "\(serial) is lost")
      }
      for serial in log.revoked {
        #expect(try state.revocations.find(State.SerialNumber(serial), of: authority) != nil, "\(serial) is back")
      }
      for other in log.prepared {
        #expect(try state.authorities.active(of: ProjectID(other)) != nil, "\(other) is lost")
      }
    }
  }

  /// What `openssl` says of the kept CRLs, of a revoked certificate and of one that isn't.
  private func expectVerified(_ store: StateStore, _ authority: Authority) async throws {
    let keeper = TrustKeeper(state: store, configuration: Configuration())
    let good = try await keeper.addUser(UserName("good"), to: project).certificate
    let exported = keeper.crlExport(of: project)
    let anchor = store.home.projects.appending(project.text).appending("ca.crt").string
    try await withFolder { folder in
      let list = folder.appending("list.pem")
      let crls = try await store.read { try $0.crls.last(of: authority.id) }
      #expect(crls.first?.number == authority.lastCrlNumber)
      for crl in crls {
        try AtomicFile.write(crl.pem, to: list, mode: 0o644)
        // Its status is 0 even where the signature is wrong.
        let said = try await Command("openssl", ["crl", "-in", list.string, "-CAfile", anchor, "-noout"]).output()
        #expect(said.stderrTail.contains("verify OK"), "\(said.stderrTail)")
        #expect(try CertificateRevocationList(der: Array(crl.crl)).number == UInt64(crl.number))
      }
      let certificate = folder.appending("user.crt")
      let check = Command(
        "openssl",
        [
          "verify", "-x509_strict", "-crl_check", "-CAfile", anchor, "-CRLfile", exported.string, certificate.string,
        ])
      try AtomicFile.write(good.pem, to: certificate, mode: 0o644)
      try await check.run()
      let found = try await store.read { state -> State.Certificate? in
        guard let serial = try state.revocations.listed(of: authority.id).randomElement()?.serial else { return nil }
        return try state.certificates.find(serial, of: authority.id)
      }
      let revoked = try #require(found)
      try AtomicFile.write(revoked.pem, to: certificate, mode: 0o644)
      #expect(try await check.output().status == 2, "openssl takes what was revoked")
    }
  }

  private func active(in store: StateStore) async throws -> Authority {
    let found = try await store.read { try $0.authorities.active(of: project) }
    return try #require(found)
  }

  private static func text(_ revocation: Trust.Revocation) -> String { "\(revocation.serial)".lowercased() }

  // MARK: Where it happens

  /// A state with one project, which is gone when the test is done.
  private func withHome(_ body: (Home) async throws -> Void) async throws {
    try await withFolder { folder in
      let home = Home(folder.appending("home"))
      let store = try await StateStore.open(home)
      try await TrustKeeper(state: store, configuration: Configuration()).prepare(project)
      try store.close()
      try await body(home)
    }
  }

  private func withFolder(_ body: (FilePath) async throws -> Void) async throws {
    let folder = FilePath(FileManager.default.temporaryDirectory.path).appending("cpbuild-trust-\(UUID().uuidString)")
    defer { try? Folder.remove(folder) }
    try Folder.make(folder, mode: 0o700)
    try await body(folder)
  }
}
