import Foundation
import Names
import State
import Testing

@Suite("Authorities, certificates, revocations and CRLs")
struct TrustRowsTests {
  @Test("a rollover keeps old and new trusted, and one active at every moment")
  func rollover() async throws {
    try await withStore { store in
      try await store.write { state in
        let acme = try ProjectID("acme")
        let first = try Sample.addAuthority(to: state)
        #expect(first.generation == 1)
        #expect(throws: StateError.self) { try Sample.addAuthority(to: state) }
        let second = try Sample.addAuthority(stage: .next, to: state)
        #expect(second.generation == 2)
        #expect(try state.authorities.trusted(of: acme).map(\.id) == [first.id, second.id])
        #expect(try state.authorities.active(of: acme)?.id == first.id)
        try state.authorities.activateNext(of: acme)
        #expect(try state.authorities.active(of: acme)?.id == second.id)
        #expect(try state.authorities.get(first.id).stage == .previous)
        try state.authorities.retire(first.id)
        #expect(try state.authorities.trusted(of: acme).map(\.id) == [second.id])
        #expect(throws: StateError.self) { try state.authorities.activateNext(of: acme) }
        #expect(throws: StateError.notFound(kind: "certificate authority", id: "99")) {
          try state.authorities.retire(99)
        }
      }
    }
  }

  @Test("a project's authority needs an issuer, and the root has none")
  func issuers() async throws {
    try await withStore { store in
      try await store.write { state in
        let root = try state.authorities.insert(Sample.authority(nil, issuer: nil))
        try state.projects.ensure(ProjectID("acme"), at: Sample.now)
        #expect(throws: StateError.self) {
          try state.authorities.insert(Sample.authority(ProjectID("acme"), issuer: nil))
        }
        var twin = try Sample.authority(nil, issuer: root.id)
        twin.stage = .next
        #expect(throws: StateError.self) { try state.authorities.insert(twin) }
      }
    }
  }

  @Test("one serial number is used once by each authority, and however it is spelled")
  func serials() async throws {
    try await withStore { store in
      try await store.write { state in
        let acme = try Sample.addAuthority("acme", to: state)
        let other = try Sample.addAuthority("other", to: state)
        let serial = try SerialNumber("00AB1")
        #expect(serial.text == "0ab1")
        #expect(try SerialNumber(bytes: [0, 0x0a, 0xb1]) == serial)
        try Sample.addCertificate(of: acme, serial: serial, to: state)
        #expect(throws: StateError.alreadyExists(kind: "certificate with serial number", id: "0ab1")) {
          try Sample.addCertificate("bob", of: acme, serial: SerialNumber("ab1"), to: state)
        }
        try Sample.addCertificate(of: other, serial: serial, to: state)
        for text in ["", "0", "00", "xy", "-1", String(repeating: "f", count: 41)] {
          #expect(throws: NameError.self) { try SerialNumber(text) }
        }
      }
    }
  }

  @Test("a revoked user's certificate stays revoked after a reissue")
  func reissue() async throws {
    try await withStore { store in
      try await store.write { state in
        let acme = try ProjectID("acme")
        let alice = try UserName("alice")
        let authority = try Sample.addAuthority(to: state)
        let old = try Sample.addCertificate(of: authority, to: state)
        let older = try Sample.addCertificate(of: authority, ends: Sample.now + Sample.day, to: state)
        #expect(old.lineageId == older.lineageId)
        #expect(try state.certificates.newest(in: old.lineageId)?.serial == old.serial)
        let touched = try state.revocations.revoke(lineage: old.lineageId, reason: .keyCompromise, at: Sample.now)
        #expect(touched == [authority.id])
        #expect(try state.revocations.revoke(lineage: old.lineageId, reason: .superseded, at: Sample.now + 5).isEmpty)
        #expect(try state.lineages.live(alice, of: acme) == nil)
        #expect(try state.certificates.newest(in: old.lineageId) == nil)

        let new = try Sample.addCertificate(of: authority, to: state)
        #expect(new.lineageId != old.lineageId)
        #expect(try state.lineages.all(of: alice).map(\.id) == [new.lineageId, old.lineageId])
        #expect(try state.lineages.all(of: alice, in: acme).count == 2)
        #expect(try state.lineages.all(of: alice, in: ProjectID("acmf")).isEmpty)
        #expect(try Set(state.revocations.listed(of: authority.id).map(\.serial)) == [old.serial, older.serial])
        #expect(try state.revocations.find(old.serial, of: authority.id)?.reason == .keyCompromise)
        #expect(try state.revocations.find(new.serial, of: authority.id) == nil)
      }
    }
  }

  @Test("a certificate can't join a lineage that was revoked meanwhile")
  func lateJoin() async throws {
    try await withStore { store in
      try await store.write { state in
        let authority = try Sample.addAuthority(to: state)
        let certificate = try Sample.addCertificate(of: authority, to: state)
        _ = try state.revocations.revoke(lineage: certificate.lineageId, reason: .unspecified, at: Sample.now)
        let late = try Certificate(
          authorityId: authority.id, serial: Sample.randomSerial(), lineageId: certificate.lineageId,
          certificate: Data(), notBefore: Sample.now, notAfter: Sample.now + 60, createdAt: Sample.now)
        #expect(throws: StateError.self) { try state.certificates.insert(late) }
      }
    }
  }

  @Test("revoking twice keeps the first date and reason")
  func idempotence() async throws {
    try await withStore { store in
      try await store.write { state in
        let authority = try Sample.addAuthority(to: state)
        let serial = try Sample.randomSerial()
        let first = Revocation(
          authorityId: authority.id, serial: serial, reason: .keyCompromise, revokedAt: Sample.now,
          expiresAt: Sample.now + Sample.day)
        #expect(try state.revocations.insert(first))
        let second = Revocation(
          authorityId: authority.id, serial: serial, reason: .superseded, revokedAt: Sample.now + 60,
          expiresAt: Sample.now + Sample.day)
        #expect(try !state.revocations.insert(second))
        #expect(try state.revocations.find(serial, of: authority.id) == first)
      }
    }
  }

  @Test("an expired entry leaves only after it was on a CRL issued beyond its certificate's end")
  func pruning() async throws {
    try await withStore { store in
      try await store.write { state in
        let authority = try Sample.addAuthority(to: state)
        let certificate = try Sample.addCertificate(of: authority, ends: Sample.now + Sample.day, to: state)
        _ = try state.revocations.revoke(lineage: certificate.lineageId, reason: .unspecified, at: Sample.now)
        try Sample.addCRL(of: authority, at: Sample.now + 60, to: state)
        #expect(try state.revocations.listed(of: authority.id).count == 1)
        // The certificate has ended, but no CRL since has listed it.
        try Sample.addCRL(of: authority, at: Sample.now + 2 * Sample.day, to: state)
        #expect(try state.revocations.listed(of: authority.id).isEmpty)
        #expect(try state.revocations.find(certificate.serial, of: authority.id) != nil)
      }
    }
  }

  @Test("CRL numbers rise one by one, and no other number can be used")
  func crlNumbers() async throws {
    try await withStore { store in
      try await store.write { state in
        let authority = try Sample.addAuthority(to: state)
        for number in 1...5 { #expect(try Sample.addCRL(of: authority, to: state).number == Int64(number)) }
        #expect(try state.crls.newest(of: authority.id)?.number == 5)
        for number: Int64 in [4, 5, 6, 100] {
          #expect(throws: StateError.self) {
            try state.crls.insert(
              CRL(
                authorityId: authority.id, number: number, thisUpdate: Sample.now, nextUpdate: Sample.now + 1,
                crl: Data()))
          }
        }
        #expect(throws: StateError.self) { try state.crls.allocateNumber(for: 99) }
      }
    }
  }

  @Test("a CRL is due when two thirds of its lifetime are over")
  func due() async throws {
    try await withStore { store in
      try await store.withKey("ca.key") { file in
        try await store.write { state in
          let authority = try Sample.addAuthority(keyFile: file, to: state)
          #expect(try state.crls.due(at: Sample.now) == [authority.id])
          try Sample.addCRL(of: authority, to: state)
          #expect(try state.crls.due(at: Sample.now + 4.6 * Sample.day).isEmpty)
          #expect(try state.crls.due(at: Sample.now + 4.7 * Sample.day) == [authority.id])
          try state.authorities.retire(authority.id)
          #expect(try state.crls.due(at: Sample.now + 5 * Sample.day).isEmpty)
        }
      }
    }
  }

  @Test("users who end soon are listed soonest first, without who is revoked or has something that lasts longer")
  func usersEnding() async throws {
    try await withStore { store in
      try await store.write { state in
        let authority = try Sample.addAuthority(to: state)
        func add(_ user: String, _ days: Double) throws -> Certificate {
          try Sample.addCertificate(user, of: authority, ends: Sample.now + days * Sample.day, to: state)
        }
        let late = try add("late", 9)
        let soon = try add("soon", 2)
        let gone = try add("gone", 3)
        _ = try state.revocations.revoke(lineage: gone.lineageId, reason: .superseded, at: Sample.now)
        _ = try add("long", 99)
        _ = try add("renewed", 4)
        _ = try add("renewed", 99)
        let kept = try add("half", 5)
        let taken = try add("half", 99)
        try state.revocations.insert(
          Revocation(
            authorityId: authority.id, serial: taken.serial, reason: .superseded, revokedAt: Sample.now,
            expiresAt: taken.notAfter))
        _ = try add("out", 0.5)

        let (start, end) = (Sample.now + Sample.day, Sample.now + 10 * Sample.day)
        for project in [nil, try ProjectID("acme")] {
          let ending = try state.certificates.usersEnding(from: start, to: end, in: project)
          #expect(ending.map(\.name) == ["soon", "half", "late"])
          #expect(ending.map(\.serial) == [soon, kept, late].map(\.serial))
        }
        #expect(try state.certificates.usersEnding(from: start, to: end, in: ProjectID("other")).isEmpty)
        #expect(try state.certificates.usersEnding(from: start, to: end, limit: 1).map(\.name) == ["soon"])
        try state.authorities.retire(authority.id)
        #expect(try state.certificates.usersEnding(from: start, to: end).isEmpty)
      }
    }
  }

  @Test("a project with a certificate authority can't be forgotten")
  func projectStays() async throws {
    try await withStore { store in
      try await store.write { state in
        try Sample.addAuthority(to: state)
        #expect(throws: StateError.self) { try state.projects.remove(ProjectID("acme")) }
      }
    }
  }
}

extension StateStore {
  /// A key file that is there for as long as `body` runs.
  func withKey<Result>(_ name: String, _ body: (KeyFile) async throws -> Result) async throws -> Result {
    let file = try KeyFile.authority(name)
    try keys.write(Data("not a key".utf8), as: file)
    return try await body(file)
  }
}
