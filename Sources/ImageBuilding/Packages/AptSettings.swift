import Foundation
import Glibc
import Host
import SystemPackage

/// The settings of apt's private world: the guest's sources, keys and pins, none of this machine's, and of this
/// machine's settings only how to reach the network (apt.conf(5)).
enum AptSettings {
  /// The guest's sources, keys and mirror lists as files for `etc/`, by their names in it. Paths inside them start with
  /// `folder`, which is where `etc/` will be.
  static func sourceFiles(of guest: GuestPackages, folder: String) -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    var text = ""
    for source in guest.sources {
      let known = [guest.nativeArchitecture, "all"] + guest.foreignArchitectures
      let architectures = source.architectures.filter(known.contains)
      if architectures.isEmpty && !source.architectures.isEmpty { continue }
      text += "Types: deb\n"
      switch source.location {
      case .uri(let uri): text += "URIs: \(uri)\n"
      case .mirrorList: continue
      case .mirrors(let uris):
        let name = add(Array((uris.joined(separator: "\n") + "\n").utf8), to: "mirrors", ending: "list", in: &files)
        text += "URIs: mirror+file:\(folder)/\(name)\n"
      }
      text += "Suites: \(source.suites.joined(separator: " "))\n"
      if !source.components.isEmpty { text += "Components: \(source.components.joined(separator: " "))\n" }
      if !architectures.isEmpty { text += "Architectures: \(architectures.joined(separator: " "))\n" }
      let keys = signers(of: source, guest: guest, in: &files).map { $0.hasPrefix("keys/") ? "\(folder)/\($0)" : $0 }
      if !keys.isEmpty { text += "Signed-By: \(keys.joined(separator: " "))\n" }
      if source.ignoresExpiry { text += "Check-Valid-Until: no\n" }
      text += "\n"
    }
    for key in guest.trustedKeys { _ = add(key, to: "trusted.gpg.d", ending: keyEnding(key), in: &files) }
    files["sources.list.d/guest.sources"] = Array(text.utf8)
    return files
  }

  /// The settings for one run.
  ///
  /// - Parameters:
  ///   - etc: the folder with the files of ``sourceFiles(of:folder:)``.
  ///   - index: the folder of the package index.
  ///   - run: this run's own folder.
  ///   - host: lines of this machine's own settings.
  static func text(for guest: GuestPackages, etc: FilePath, index: FilePath, run: FilePath, host: [String]) -> String {
    let architectures = ([guest.nativeArchitecture] + guest.foreignArchitectures).map { "\"\($0)\";" }
    return """
      Dir::Etc "\(etc)";
      Dir::Etc::main "none";
      Dir::Etc::parts "none.d";
      Dir::Etc::sourcelist "none";
      Dir::Etc::sourceparts "sources.list.d";
      Dir::Etc::trusted "none";
      Dir::Etc::trustedparts "trusted.gpg.d";
      Dir::Etc::preferences "none";
      Dir::Etc::preferencesparts "\(run)/preferences.d";
      Dir::Etc::netrc "\(readable("/etc/apt/auth.conf") ? "/etc/apt/auth.conf" : "none")";
      Dir::Etc::netrcparts "\(readableParts("/etc/apt/auth.conf.d") ? "/etc/apt/auth.conf.d" : "none.d")";
      Dir::State "\(index)";
      Dir::State::status "\(run)/status";
      Dir::State::extended_states "\(run)/extended_states";
      Dir::Cache "\(run)";
      Dir::Cache::archives "archives";
      Dir::Cache::pkgcache "";
      Dir::Cache::srcpkgcache "\(index)/srcpkgcache.bin";
      Dir::Log "\(run)";
      APT::Architecture "\(guest.nativeArchitecture)";
      APT::Architectures { \(architectures.joined(separator: " ")) };
      APT::Cmd::Pattern-Only "true";
      APT::Update::Error-Mode "any";
      APT::Sandbox::User "\(sandboxUser(for: etc))";
      Acquire::Languages "none";
      Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
      Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled "false";
      Acquire::IndexTargets::deb::DEP-11-icons-small::DefaultEnabled "false";
      Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";
      Debug::NoLocking "true";
      \(host.joined(separator: "\n"))

      """
  }

  /// How this machine reaches the network: proxies, certificates, timeouts. Nothing that names a file of packages, a
  /// hook or a policy.
  static func hostLines() async throws -> [String] {
    let wanted = ["Acquire::http", "Acquire::https", "Acquire::Retries", "Acquire::ForceIPv"]
    return try await Command("apt-config", ["dump"], environment: ["APT_CONFIG": nil]).run()
      .split(separator: "\n").filter { line in wanted.contains { line.hasPrefix($0) } }.map(String.init)
  }

  /// The user that apt gives up its rights to while it talks to the network: its own, where that user can reach the
  /// cache at all.
  static func sandboxUser(for folder: FilePath) -> String {
    guard geteuid() == 0, getpwnam("_apt") != nil else { return "root" }
    var path = folder
    while true {
      var status = stat()
      guard stat(path.string, &status) == 0, status.st_mode & S_IXOTH != 0 else { return "root" }
      if !path.removeLastComponent() { return "_apt" }
    }
  }

  private static func signers(of source: AptSource, guest: GuestPackages, in files: inout [String: [UInt8]]) -> [String]
  {
    switch source.signedBy {
    case .trustedKeys: []
    case .fingerprints(let fingerprints): fingerprints
    case .embedded(let armour): [add(Array(armour.utf8), to: "keys", ending: "asc", in: &files)]
    case .files(let paths):
      paths.compactMap { guest.keyrings[$0] }.map { add($0, to: "keys", ending: keyEnding($0), in: &files) }
    }
  }

  /// Adds a file named after its content.
  private static func add(
    _ bytes: [UInt8], to folder: String, ending: String, in files: inout [String: [UInt8]]
  ) -> String {
    let name = "\(folder)/\(Digest.sha256(bytes).hex.prefix(32)).\(ending)"
    files[name] = bytes
    return name
  }

  /// apt tells an armoured key from a binary one by its name.
  private static func keyEnding(_ key: [UInt8]) -> String { key.starts(with: "-----BEGIN".utf8) ? "asc" : "gpg" }

  private static func readable(_ path: String) -> Bool { access(path, R_OK) == 0 }

  private static func readableParts(_ folder: FilePath) -> Bool {
    guard let names = try? Folder.names(in: folder), !names.isEmpty else { return false }
    return names.allSatisfy { readable(folder.appending($0).string) }
  }
}
