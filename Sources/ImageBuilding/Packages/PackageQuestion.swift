import Host
import SystemPackage

/// One question to apt: which packages does this guest need so that it has these?
struct PackageQuestion: Sendable {
  let guest: GuestPackages
  let wanted: [PackageName]
  let withRecommends: Bool

  /// The same exactly when the same index gives the same answer.
  var digest: Digest {
    var hasher = Digest.Hasher()
    hasher.update("1 \(withRecommends) \(wanted.map(\.description).joined(separator: " "))\n")
    for file in [guest.status] + guest.preferences {
      hasher.update("\(file.count)\n")
      hasher.update(file)
    }
    hasher.update(guest.skippedSources.joined(separator: "\n"))
    return hasher.finish()
  }

  /// Asks apt. Two runs, because a simulation says the order and the other one the digests.
  ///
  /// - Parameter folder: the index's own folder.
  /// - Throws: ``PackageError``.
  func ask(_ index: AptIndex, in folder: FilePath) async throws -> Resolution {
    let simulation: String
    do {
      simulation = try await index.run("apt-get", install("--simulate"), index: folder)
    } catch PackageError.unknownPackage(let name, _, _) {
      throw try await unknown(name, index: index, in: folder)
    }
    let changes = try AptTranscript.changes(in: simulation)
    let installs = changes.filter { $0.kind == .install }
    let records = try await records(of: installs, index: index, in: folder)
    let present =
      records + ControlStanza.parse(guest.status).filter { $0["Status"]?.hasSuffix(" ok installed") == true }
    var names: [String] = []
    for name in wanted.map(\.description) {
      guard let real = Self.provider(of: name, in: present) else {
        throw try await unknown(name, index: index, in: folder)
      }
      names.append(real)
    }
    let removed = changes.filter { $0.kind == .remove || $0.kind == .purge }.map(\.package)
    guard removed.isEmpty else { throw PackageError.wouldRemove(removed) }
    return Resolution(
      packages: try await packages(installs, records: records, index: index, in: folder), steps: Self.steps(changes),
      wanted: names, skippedSources: guest.skippedSources)
  }

  private func install(_ mode: String) -> [String] {
    [
      "-q", "-y", mode, "--no-upgrade", withRecommends ? "--install-recommends" : "--no-install-recommends",
      "install", "--",
    ] + wanted.map(\.description)
  }

  /// The package that stands for `name`: itself, or one that provides it. Nil where neither is there, as when apt took
  /// "name+" for an order to install "name".
  private static func provider(of name: String, in present: [ControlStanza]) -> String? {
    if present.contains(where: { $0["Package"] == name }) { return name }
    return present.first { stanza in
      (stanza["Provides"] ?? "").split(separator: ",").contains {
        $0.split(separator: " ").first.map(String.init) == name
      }
    }?["Package"]
  }

  /// What the index says about the packages to install.
  private func records(
    of installs: [AptTranscript.Change], index: AptIndex, in folder: FilePath
  ) async throws -> [ControlStanza] {
    guard !installs.isEmpty else { return [] }
    let versions = installs.map { "\($0.package.beforeColon):\($0.architecture)=\($0.version)" }
    let text = try await index.run("apt-cache", ["show", "--no-all-versions", "--"] + versions, index: folder)
    return ControlStanza.parse(Array(text.utf8))
  }

  private func packages(
    _ installs: [AptTranscript.Change], records: [ControlStanza], index: AptIndex, in folder: FilePath
  ) async throws -> [ResolvedPackage] {
    guard !installs.isEmpty else { return [] }
    let transcript = try await index.run(
      "apt-get", ["-o", "Acquire::ForceHash=SHA256"] + install("--print-uris"), index: folder)
    let files = Dictionary(try AptTranscript.files(in: transcript).map { ($0.name, $0) }) { first, _ in first }
    var sizes: [String: UInt64] = [:]
    for record in records {
      let key = ["Package", "Version", "Architecture"].map { record[$0] ?? "" }.joined(separator: " ")
      sizes[key] = record["Installed-Size"].flatMap { UInt64($0) }.map { $0 << 10 }
    }
    return try installs.map { change in
      let name = change.package.beforeColon
      let package = { (file: AptTranscript.File) in
        ResolvedPackage(
          name: name, version: change.version, architecture: change.architecture, digest: file.digest, size: file.size,
          installedSize: sizes["\(name) \(change.version) \(change.architecture)"], replaces: change.replaces,
          origin: change.origin)
      }
      let fileName = package(.init(name: "", size: 0, digest: Digest.sha256(""))).fileName
      guard let file = files[fileName] else {
        throw PackageError.aptFailed(explanation: "it names no file for \(name) \(change.version)")
      }
      return package(file)
    }
  }

  /// One call of dpkg for each stretch of one kind. What is left to configure in the end needs no names.
  static func steps(_ changes: [AptTranscript.Change]) -> [Resolution.Step] {
    var steps: [Resolution.Step] = []
    for change in changes where change.kind == .install || change.kind == .configure {
      let action: Resolution.Step.Action = change.kind == .install ? .unpack : .configure
      let before = steps.last?.action == action ? steps.popLast()?.packages ?? [] : []
      steps.append(.init(action: action, packages: before + [change.package]))
    }
    if steps.last?.action == .configure { steps.removeLast() }
    return steps
  }

  private func unknown(_ name: String, index: AptIndex, in folder: FilePath) async throws -> PackageError {
    let names = try await index.run("apt-cache", ["pkgnames"], index: folder).split(separator: "\n").map(String.init)
    return .unknownPackage(name, nearest: NearestNames.of(name, in: names), skippedSources: guest.skippedSources)
  }
}

extension String {
  /// The part before an ":architecture".
  var beforeColon: String { String(prefix { $0 != ":" }) }
}
