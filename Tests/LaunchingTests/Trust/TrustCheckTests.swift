import Foundation
import Host
import Names
import State
import SystemPackage
import Testing
import Trust

@testable import Launching

@Suite("What doctor says of trust") struct TrustCheckTests {
  /// A home with two projects, of one of which there is a cloudpipe.
  private func withHome(
    at moment: Date = Date(), _ configuration: Configuration = Configuration(), passphrase: PassphraseSource? = nil,
    _ body: (StateStore, TrustCheck) async throws -> Void
  ) async throws {
    let folder = try Folder.makeTemporary("cpbuild-trust")
    defer { try? Folder.remove(folder) }
    let state = try await StateStore.open(Home(folder.appending("home")))
    let keeper = TrustKeeper(
      state: state, configuration: configuration, passphrase: passphrase, clock: { moment })
    for project in ["acme", "zeta"] { try await keeper.prepare(ProjectID(project)) }
    _ = try await keeper.serverCredentials(of: NetworkID(project: ProjectID("acme"), name: .standard))
    try await state.exports.write()
    try await body(state, TrustCheck(home: state.home))
    try state.close()
  }

  /// Puts something into a file for as long as `body` runs.
  private func replacing(_ path: FilePath, by other: Data?, _ body: () async throws -> Void) async throws {
    let before = try Data(contentsOf: URL(filePath: path.string))
    let mode = try #require(
      try FileManager.default.attributesOfItem(atPath: path.string)[.posixPermissions] as? Int)
    if let other { try AtomicFile.write(other, to: path, mode: mode_t(mode)) } else { try Folder.remove(path) }
    try await body()
    try AtomicFile.write(before, to: path, mode: mode_t(mode))
  }

  @Test("a key file that is empty, damaged or another one's is named", arguments: [Configuration(), .rsaPairs])
  func keys(configuration: Configuration) async throws {
    try await withHome(configuration) { state, check in
      let well = await check.examine()
      #expect(well.status == .ok, "\(well)")
      let files = try [state.home.keys, state.home.authorityKeys].flatMap { folder in
        try Folder.names(in: folder).map { folder.appending($0) }
      }
      // Three CAs, two key pairs, two tls-crypt-v2 keys and one cloudpipe.
      #expect(files.count == 8)
      for file in files {
        let content = try Data(contentsOf: URL(filePath: file.string))
        var damaged = content
        damaged[content.count / 2] = UInt8(ascii: "*")
        var others: [Data] = [Data(), Data("hello\n".utf8), damaged]
        // One tls-crypt-v2 key is as good as another to the state, which knows only the file.
        if !file.string.contains("tls-crypt") {
          others += try files.filter { $0 != file }.map { try Data(contentsOf: URL(filePath: $0.string)) }
        }
        for other in others {
          try await replacing(file, by: other) {
            let found = await check.examine()
            #expect(found.status == .failure && found.found.contains(file.string), "\(found)")
          }
        }
      }
      #expect(await check.examine().status == .ok)
    }
  }

  @Test("exported files that were emptied, changed or removed are found, and what is still to be written isn't")
  func files() async throws {
    try await withHome { state, check in
      for name in ["CA/cacert.pem", "CA/crl.pem", "CA/projects/acme/crl.pem", "CA/projects/zeta/ca.crt"] {
        let file = state.home.path.appending(name)
        for other in [Data(), Data("other".utf8), nil] {
          try await replacing(file, by: other) {
            let found = await check.examine()
            #expect(found.status == .failure && found.remedy?.contains("crl show") == true, "\(name): \(found)")
            #expect(found.found.contains(file.removingLastComponent().string), "\(found)")
          }
        }
      }
      let keeper = TrustKeeper(state: state, configuration: Configuration())
      let row = try #require(try await state.read { try $0.authorities.active(of: ProjectID("acme")) })
      try await keeper.renewCRL(of: row)
      #expect(await check.examine().status == .ok)
    }
  }

  @Test("lists that have ended are found")
  func lists() async throws {
    try await withHome(at: Date() - 8 * 86_400) { _, check in
      let found = await check.examine()
      #expect(found.status == .failure && found.found.contains("the revocation list of acme CA has ended"), "\(found)")
    }
  }

  @Test("of encrypted keys it is seen that they are keys")
  func encrypted() async throws {
    let phrase = try Folder.makeTemporary("cpbuild-phrase")
    defer { try? Folder.remove(phrase) }
    try AtomicFile.write("correct horse", to: phrase.appending("file"), mode: 0o600)
    try await withHome(passphrase: .file(phrase.appending("file"))) { state, check in
      let well = await check.examine()
      #expect(well.status == .ok, "\(well)")
      let file = state.home.authorityKeys.appending(try #require(try Folder.names(in: state.home.authorityKeys).first))
      try await replacing(file, by: Data()) { #expect(await check.examine().status == .failure) }
    }
  }
}

extension Configuration {
  fileprivate static var rsaPairs: Configuration {
    var configuration = Configuration()
    configuration.trust.keyPairType = .rsa
    return configuration
  }
}
