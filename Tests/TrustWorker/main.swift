// One of many processes that issue, renew and revoke in one project, for the tests: `TrustWorker HOME COUNT NAME`. It
// prints what it did, a line each, as soon as that is durable, and ends with status 3 where an export isn't sound.
import Foundation
import Launching
import Names
import State
import SystemPackage
import Trust

let arguments = CommandLine.arguments
guard arguments.count == 4, let count = Int(arguments[2]) else {
  FileHandle.standardError.write(Data("usage: TrustWorker HOME COUNT NAME\n".utf8))
  exit(64)
}

let store = try await StateStore.open(Home(FilePath(arguments[1])))
let keeper = TrustKeeper(state: store, configuration: Configuration())
let project = try ProjectID("acme")

for index in 0..<count {
  // Shared by all processes, so that they meet in one lineage.
  let user = try UserName("user-\(Int.random(in: 0..<6))")
  say("issued", try await certificate(for: user))
  say("renewed", try await certificate(for: user))
  let revoked = try await keeper.revoke(user, of: project, reason: .superseded).serials
  if !revoked.isEmpty { say("revoked " + revoked.joined(separator: " ")) }
  try checkExport(holds: revoked)
  if Int.random(in: 0..<4) == 0 {
    let other = try ProjectID("\(arguments[3])-\(index)")
    try await keeper.prepare(other)
    say("prepared \(other)")
  }
}
try store.close()

/// A first certificate, or a further one where there is one; other processes issue and revoke meanwhile.
func certificate(for user: UserName) async throws -> Trust.Certificate {
  for _ in 0..<1000 {
    do { return try await keeper.addUser(user, to: project).certificate } catch TrustKeeperError.userExists {}
    do {
      return try await keeper.addUser(user, to: project, renewing: true).certificate
    } catch TrustKeeperError.noUser {} catch TrustKeeperError.nothingToRenew {}
  }
  FileHandle.standardError.write(Data("\(user) neither exists nor doesn't\n".utf8))
  exit(4)
}

/// Straight to the pipe: what a killed process had buffered would look as if it had never been done.
func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

func say(_ what: String, _ certificate: Trust.Certificate) { say("\(what) \("\(certificate.serial)".lowercased())") }

/// What was revoked stands in the file that OpenVPN reads from the moment that `revoke` returns.
func checkExport(holds serials: [String]) throws {
  let text = try String(contentsOfFile: keeper.crlExport(of: project).string, encoding: .utf8)
  let listed = Set(try CertificateRevocationList(pem: text).revocations.map { "\($0.serial)".lowercased() })
  guard listed.isSuperset(of: serials) else {
    FileHandle.standardError.write(Data("the exported CRL lacks what was revoked\n".utf8))
    exit(3)
  }
}
