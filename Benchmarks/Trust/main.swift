// What 'make bench' measures of trust; each verb prints one line of JSON.
//
//   TrustBench issue HOME COUNT          certificates one at a time, each durable before the next
//   TrustBench batch HOME COUNT          the same number in one transaction
//   TrustBench sign KEYTYPE SECONDS      certificates for one given key, nothing stored
//   TrustBench crl ENTRIES               one CRL, made and signed
//   TrustBench fill HOME PROJECTS CERTIFICATES
//   TrustBench operations HOME           what commands do, in one project of the state
import Foundation
import Launching
import Names
import State
import SystemPackage
import Trust

let words = Array(CommandLine.arguments.dropFirst())
switch (words.first, words.dropFirst().first, words.dropFirst(2).first.flatMap { Int($0) }) {
case ("issue", let home?, let count?): try await Issuing(home).oneByOne(count)
case ("batch", let home?, let count?): try await Issuing(home).together(count)
case ("sign", let type?, let seconds?): try Signing.run(type, seconds: seconds)
case ("crl", let entries?, nil): try List.run(Int(entries) ?? 0)
case ("fill", let home?, let projects?):
  try await Filling(home).run(projects: projects, certificates: words.dropFirst(3).first.flatMap { Int($0) } ?? 0)
case ("operations", let home?, nil): try await Operations(home).run()
default:
  FileHandle.standardError.write(Data("usage: TrustBench issue|batch|sign|crl|fill|operations ...\n".utf8))
  exit(64)
}

/// One line of JSON.
func say(_ values: [String: Double]) throws {
  FileHandle.standardOutput.write(try JSONEncoder().encode(values) + Data("\n".utf8))
}

/// Seconds that `body` takes.
func seconds(_ body: () async throws -> Void) async rethrows -> Double {
  let began = ContinuousClock.now
  try await body()
  return (ContinuousClock.now - began) / .seconds(1)
}

func keeper(_ home: String) async throws -> TrustKeeper {
  TrustKeeper(state: try await StateStore.open(Home(FilePath(home))), configuration: Configuration())
}
