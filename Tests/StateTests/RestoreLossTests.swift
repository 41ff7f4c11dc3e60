import Foundation
import GRDB
import Glibc
import Host
import Names
import State
import SystemPackage
import Testing

@Suite("What a restore loses and keeps")
struct RestoreLossTests {
  @Test("a restore that would lose something says what, and changes nothing")
  func refusal() async throws {
    try await withHome { home in
      let file = home.path.appending("backup.db")
      let store = try await StateStore.open(home)
      let authority = try await store.write { try Sample.addAuthority(to: $0) }
      let old = try await store.write { try Sample.addCertificate("alice", of: authority, to: $0) }
      try await store.backup(to: file)
      try await store.write { state in
        try Sample.addNetwork("later", to: state)
        try Sample.addCertificate("bob", of: authority, to: state)
        _ = try state.revocations.revoke(lineage: old.lineageId, reason: .keyCompromise, at: Sample.now)
        try Sample.addCRL(of: authority, to: state)
      }
      try store.close()
      var loss = RestoreLoss()
      loss.projects = [try ProjectID("later")]
      loss.networks = 1
      loss.certificates = 1
      loss.revocations = 1
      loss.crlNumbers = 1
      let error = await #expect(throws: StateError.self) { try await StateStore.restore(file, into: home) }
      #expect(error == .restoreLoses(loss, backup: file))
      let text = error.map { "\($0)" } ?? ""
      #expect(text.contains("later") && text.contains("1 revocation") && text.contains("--force"), "\(text)")
      let after = try await StateStore.open(home)
      #expect(try await after.read { try $0.projects.all() }.count == 2)
      try after.close()
    }
  }

  @Test("a forced restore never un-revokes, never trusts a retired authority again, and CRL numbers go on rising")
  func forced() async throws {
    try await withHome { home in
      let file = home.path.appending("backup.db")
      let store = try await StateStore.open(home)
      let (authority, next) = try await store.write { state in
        (try Sample.addAuthority(to: state), try Sample.addAuthority(stage: .next, to: state))
      }
      let alice = try await store.write { try Sample.addCertificate("alice", of: authority, to: $0) }
      try await store.write { try Sample.addCRL(of: authority, to: $0) }
      try await store.backup(to: file)
      let mallory = try await store.write { try Sample.addCertificate("mallory", of: authority, to: $0) }
      try await store.write { state in
        for lineage in [alice.lineageId, mallory.lineageId] {
          _ = try state.revocations.revoke(lineage: lineage, reason: .keyCompromise, at: Sample.now)
        }
        for _ in 0..<6 { try Sample.addCRL(of: authority, to: state) }
        try state.authorities.retire(next.id)
      }
      try store.close()

      let report = try await StateStore.restore(file, into: home, force: true)
      #expect(report.loss.certificates == 1 && report.loss.revocations == 2 && report.loss.crlNumbers == 1)
      let after = try await StateStore.open(home)
      try await after.write { state in
        #expect(try state.revocations.find(alice.serial, of: authority.id)?.reason == .keyCompromise)
        // Issued after the backup and so unknown now, but revoked it stays.
        #expect(try state.revocations.find(mallory.serial, of: authority.id) != nil)
        #expect(try state.certificates.find(mallory.serial, of: authority.id) == nil)
        #expect(try state.lineages.live(UserName("alice"), of: ProjectID("acme")) == nil)
        #expect(try state.authorities.get(next.id).stage == .retired)
        let crl = try Sample.addCRL(of: authority, to: state)
        #expect(crl.number == 8)
      }
      #expect(try await after.integrityCheck().isEmpty)
      // The guards that a restore puts aside are back.
      await #expect(throws: (any Error).self) {
        try await after.write { try $0.authorities.insert(Sample.authority(nil, issuer: nil)) }
      }
      try after.close()
      let raw = try DatabaseQueue(path: home.database.string)
      #expect(throws: DatabaseError.self) { try raw.write { try $0.execute(sql: "DELETE FROM revocations") } }
      #expect(throws: DatabaseError.self) {
        try raw.write { try $0.execute(sql: "UPDATE authorities SET last_crl_number = 1") }
      }
      try raw.close()
    }
  }

  @Test("what a restore has no authority for holds again when another restore brings that back, on another machine too")
  func departed() async throws {
    try await withHome { home in
      let acme = try ProjectID("acme")
      let store = try await StateStore.open(home)
      func file(_ name: String) -> FilePath { home.path.appending(name) }
      try await store.backup(to: file("before"))
      let (authority, next) = try await store.write { state in
        (try Sample.addAuthority(to: state), try Sample.addAuthority(stage: .next, to: state))
      }
      let mallory = try await store.write { try Sample.addCertificate("mallory", of: authority, to: $0) }
      try await store.backup(to: file("with"))
      try await store.write { state in
        _ = try state.revocations.revoke(lineage: mallory.lineageId, reason: .keyCompromise, at: Sample.now)
        for _ in 0..<5 { try Sample.addCRL(of: authority, to: state) }
        try state.authorities.retire(next.id)
      }
      try store.close()
      let lost = try await StateStore.restore(file("before"), into: home, force: true)
      #expect(lost.loss.authorities == 3 && lost.withoutAuthority.isEmpty)
      let between = try await StateStore.open(home)
      #expect(try await between.read { try $0.projects.all() }.isEmpty)
      #expect(try await between.read { try $0.authorities.nextGeneration(of: acme) } == 3)
      try await between.backup(to: file("between"))
      try between.close()

      try await withHome { other in
        _ = try await StateStore.restore(file("between"), into: other)
        for home in [home, other] {
          _ = try await StateStore.restore(file("with"), into: home, force: true)
          let after = try await StateStore.open(home)
          try await after.write { state in
            let known = try #require(try state.authorities.active(of: acme))
            #expect(known.fingerprint == authority.fingerprint)
            #expect(try state.revocations.listed(of: known.id).map(\.serial) == [mallory.serial])
            #expect(try state.revocations.find(mallory.serial, of: known.id)?.reason == .keyCompromise)
            #expect(try state.lineages.live(UserName("mallory"), of: acme) == nil)
            #expect(try state.authorities.all(of: acme).first?.stage == .retired)
            #expect(try Sample.addCRL(of: known, to: state).number == 6)
          }
          #expect(try await after.integrityCheck().isEmpty)
          try after.close()
        }
      }
    }
  }

  @Test(
    "where a rollover came after the backup, the authority that issued up to now goes on", arguments: [false, true])
  func rolledOver(wasAnnounced: Bool) async throws {
    try await withHome { home in
      let acme = try ProjectID("acme")
      let store = try await StateStore.open(home)
      let file = home.path.appending("backup.db")
      let (key, old) = (try KeyFile.authority("2.pem"), try await store.write { try Sample.addAuthority(to: $0) })
      if !wasAnnounced { try await store.backup(to: file) }
      try store.keys.write(Data("not a key".utf8), as: key)
      let new = try await store.write { try Sample.addAuthority(stage: .next, keyFile: key, to: $0) }
      if wasAnnounced { try await store.backup(to: file) }
      try await store.write { state in
        try state.authorities.activateNext(of: acme)
        try state.authorities.retire(old.id)
        for _ in 0..<3 { try Sample.addCRL(of: new, to: state) }
      }
      try store.close()
      let report = try await StateStore.restore(file, into: home, force: true)
      #expect(report.withoutAuthority.isEmpty && report.missingKeys.isEmpty && report.loss.authorities == 0)
      let after = try await StateStore.open(home)
      try await after.write { state in
        let active = try #require(try state.authorities.active(of: acme))
        #expect(active.fingerprint == new.fingerprint && active.generation == 2 && active.keyFile == key)
        #expect(try state.authorities.get(old.id).stage == .retired)
        #expect(try Sample.addCRL(of: active, to: state).number == 4)
      }
      #expect(try await after.integrityCheck().isEmpty)
      try after.close()
    }
  }

  @Test("the newest list that there ever was holds until the next is signed")
  func newestList() async throws {
    try await withHome { home in
      let store = try await StateStore.open(home)
      let file = home.path.appending("backup.db")
      let authority = try await store.write { state in
        let authority = try Sample.addAuthority(to: state)
        try Sample.addCRL(of: authority, to: state)
        return authority
      }
      try await store.backup(to: file)
      let newest = try await store.write { state in
        try Sample.addCRL(of: authority, to: state)
        return try Sample.addCRL(of: authority, to: state)
      }
      try store.close()
      _ = try await StateStore.restore(file, into: home, force: true)
      let after = try await StateStore.open(home)
      #expect(try await after.read { try $0.crls.newest(of: authority.id)?.number } == newest.number)
      #expect(try await after.integrityCheck().isEmpty)
      try after.close()
    }
  }

  @Test("a project that has no authority any more is told, and its next one gets a generation of its own")
  func withoutAuthority() async throws {
    try await withHome { home in
      let acme = try ProjectID("acme")
      let store = try await StateStore.open(home)
      let file = home.path.appending("backup.db")
      let authority = try await store.write { try Sample.addAuthority(to: $0) }
      try await store.backup(to: file)
      try await store.write { state in
        try Sample.addAuthority("other", to: state)
        try state.authorities.retire(authority.id)
      }
      #expect(try await store.read { try $0.authorities.missing() } == [acme])
      #expect(try await store.read { try $0.authorities.missing(of: ProjectID("other")) }.isEmpty)
      try store.close()
      let report = try await StateStore.restore(file, into: home, force: true)
      #expect(report.withoutAuthority == [acme])
      let after = try await StateStore.open(home)
      #expect(try await after.write { try Sample.addAuthority(to: $0) }.generation == 2)
      #expect(try await after.read { try $0.authorities.missing() }.isEmpty)
      try after.close()
    }
  }
}
