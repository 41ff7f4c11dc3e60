import Host
import SystemPackage

/// One question to apt: which packages does this guest need so that it has these?
struct Question: Sendable {
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
    let removed = changes.filter { $0.kind == .remove || $0.kind == .purge }.map(\.package)
    guard removed.isEmpty else { throw PackageError.wouldRemove(removed) }
    let selections = AptTranscript.selections(in: simulation)
    let names = wanted.map { selections[$0.description] ?? $0.description }
    let installs = changes.filter { $0.kind == .install }
    try await check(names, installs: installs, index: index, in: folder)
    return Resolution(
      packages: try await packages(installs, index: index, in: folder), steps: Self.steps(changes), wanted: names,
      skippedSources: guest.skippedSources)
  }

  private func install(_ mode: String) -> [String] {
    [
      "-q", "-y", mode, "--no-upgrade", withRecommends ? "--install-recommends" : "--no-install-recommends",
      "install", "--",
    ] + wanted.map(\.description)
  }

  /// apt reads "name+" as an order to install "name" where it knows no package of the first name: what comes out has to
  /// be what was asked for.
  private func check(
    _ names: [String], installs: [AptTranscript.Change], index: AptIndex, in folder: FilePath
  ) async throws {
    let there = try Set(DpkgStatus(guest.status).installed.map(\.name) + installs.map { $0.package.beforeColon })
    for name in names where !there.contains(name) { throw try await unknown(name, index: index, in: folder) }
  }

  private func packages(
    _ installs: [AptTranscript.Change], index: AptIndex, in folder: FilePath
  ) async throws -> [ResolvedPackage] {
    guard !installs.isEmpty else { return [] }
    let transcript = try await index.run("apt-get", install("--print-uris"), index: folder)
    let files = Dictionary(try AptTranscript.files(in: transcript).map { ($0.name, $0) }) { first, _ in first }
    let versions = installs.map { "\($0.package.beforeColon):\($0.architecture)=\($0.version)" }
    let records = ControlStanza.parse(
      Array(try await index.run("apt-cache", ["show", "--no-all-versions", "--"] + versions, index: folder).utf8))
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
