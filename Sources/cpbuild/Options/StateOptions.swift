import ArgumentParser
import Foundation
import Glibc
import Launching
import State
import SystemPackage

/// For commands that work on the state: projects, certificates, cloudpipes.
struct StateOptions: ParsableArguments {
  @OptionGroup var global: GlobalOptions

  @Option(
    help: ArgumentHelp("A file that holds the passphrase of the CAs' private keys.", valueName: "file"))
  private var passphraseFile: String?

  @Option(
    help: ArgumentHelp("An open descriptor that the passphrase can be read from.", valueName: "number"))
  private var passphraseFd: Int32?

  @Option(
    help: ArgumentHelp("The systemd credential that holds the passphrase.", valueName: "name"))
  private var passphraseCredential: String?

  mutating func validate() throws {
    let given = [passphraseFile != nil, passphraseFd != nil, passphraseCredential != nil].count { $0 }
    if given > 1 {
      throw ValidationError("only one of --passphrase-file, --passphrase-fd and --passphrase-credential can be given.")
    }
    if passphraseFile == "" { throw ValidationError("--passphrase-file is empty.") }
    if let passphraseFd, passphraseFd < 0 { throw ValidationError("--passphrase-fd is negative.") }
    if let passphraseCredential {
      do { _ = try PassphraseSource.named(credential: passphraseCredential) } catch {
        throw ValidationError("\(error)")
      }
    }
  }

  /// Where all state is kept.
  var home: Home { Home(global.home) }

  /// Opens the state, making it if there is none, and does on the way what any command does: finishes exports and
  /// removes keys that a kill left behind, renews some of the CRLs that are due, and finishes or undoes launches that were
  /// killed, as far as that takes seconds. What goes wrong with any of it is said on stderr and stops nothing.
  ///
  /// - Parameters:
  ///   - renewingAll: all CRLs that are due, however long it takes.
  ///   - recovering: also finishes or undoes launches, which starts machines and changes networks.
  /// - Throws: `StateError`, `DeclarationError`, `HostError`.
  func open(renewingAll: Bool = false, recovering: Bool = true) async throws -> OpenState {
    let configuration = try Configuration.read(in: home)
    let store = try await StateStore.open(home)
    try await store.sweepKeysDaily()
    let trust = TrustKeeper(state: store, configuration: configuration, passphrase: passphrase)
    for trouble in try await trust.renewDue(all: renewingAll) {
      StandardError.write("cpbuild: warning: \(trouble.escapingControls())\n")
    }
    let open = OpenState(store: store, trust: trust, configuration: configuration)
    if recovering { try await open.recover(within: Self.recoveryTime) }
    return open
  }

  /// How long a command waits for what it isn't about. One that is about a killed launch's network sees to all of that
  /// itself.
  private static let recoveryTime = Duration.seconds(5)

  /// Opens the state where there is one; nil where there is none, which for looking at it is as good as an empty one.
  ///
  /// - Throws: what ``open(renewingAll:recovering:)`` throws.
  func openIfThere(renewingAll: Bool = false) async throws -> OpenState? {
    if access(home.database.string, F_OK) == 0 { return try await open(renewingAll: renewingAll) }
    try home.checkIsNotLost()
    return nil
  }

  private var passphrase: PassphraseSource? {
    if let passphraseFile {
      return .file(.fromCommandLine(passphraseFile))
    }
    if let passphraseFd { return .descriptor(passphraseFd) }
    // Checked in validate().
    return passphraseCredential.flatMap { try? .named(credential: $0) }
  }
}

/// What a command works on.
struct OpenState {
  let store: StateStore
  let trust: TrustKeeper
  let configuration: Configuration
}
