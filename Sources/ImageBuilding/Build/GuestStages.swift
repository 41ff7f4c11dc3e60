import Foundation
import Host
import SystemPackage

/// The edits that stages make in a guest whose filesystems are mounted.
struct GuestStages {
  let session: GuestSession
  let work: FilePath

  /// Where a stage's files lie in the guest for as long as it runs.
  private static let staging = "/var/cache/cpbuild"

  /// Installs packages, with no network and nothing started.
  func install(_ resolution: Resolution, supply: PackageSupply, guest: GuestPackages, offline: Bool) async throws {
    let folder = work.appending("packages")
    try await supply.layOut(resolution, for: guest, in: folder, offline: offline)
    let tar = work.appending("packages.tar")
    // Root's, whoever runs the build.
    try await Command(
      "tar",
      [
        "--create", "--file", tar.string, "--directory", folder.string, "--owner=0", "--group=0", "--numeric-owner",
        ".",
      ]
    ).run()
    try Folder.remove(folder)
    try await session.makeFolder(Self.staging)
    try await session.unpack(tar, into: Self.staging)
    try Folder.remove(tar)
    let command = InstallScript.command(in: FilePath(Self.staging))
    try await session.run(command.joined(separator: " "), doing: "install the packages")
    try await session.remove(Self.staging)
  }

  /// Lays one overlay's files in, switches its units and runs its setup.
  func lay(_ overlay: Overlay, epoch: Int) async throws {
    let tar = work.appending("overlay.tar")
    let accounts = GuestAccounts(
      users: try await session.text("/etc/passwd") ?? "", groups: try await session.text("/etc/group") ?? "")
    let writer = try TarWriter(tar)
    for entry in overlay.entries {
      let (owner, group) = try accounts.numbers(entry, overlay: overlay.name)
      try writer.add(entry, owner: owner, group: group, time: epoch)
    }
    try writer.finish()

    try await session.makeFolder(Self.staging)
    for (name, list) in [("remove", overlay.remove), ("enable", overlay.enable), ("mask", overlay.mask)] {
      try await session.write(list.map { "\($0)\n" }.joined(), to: "\(Self.staging)/\(name)")
    }
    try await session.write(
      overlay.setup.map { String(decoding: $0, as: UTF8.self) } ?? "", to: "\(Self.staging)/setup")
    if !overlay.remove.isEmpty {
      try await session.run(
        "xargs --no-run-if-empty --delimiter='\\n' rm -rf -- < \(Self.staging)/remove",
        doing: "remove what the overlay \(overlay.name) removes")
    }
    try await session.unpack(tar, into: "/")
    try Folder.remove(tar)
    try await session.run(
      """
      set -eu
      export SYSTEMD_OFFLINE=1 DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
      cd \(Self.staging)
      sh ./setup
      xargs --no-run-if-empty systemctl --quiet enable < enable
      xargs --no-run-if-empty systemctl --quiet mask < mask
      """, doing: "set the overlay \(overlay.name) up")
    try await session.remove(Self.staging)
  }

  /// Takes out what instances make themselves and what the build left behind, and gives unused blocks back.
  func finish(_ recipe: Recipe, epoch: Int) async throws {
    let omit = recipe.omit.map(\.rawValue).sorted().joined(separator: " ")
    let script = String(decoding: PackageResources.finish_sh, as: UTF8.self)
    try await session.run("OMIT='\(omit)'\nEPOCH=\(epoch)\n\(script)", doing: "finish the image")
  }

  /// Gives files that are newer than the build's clock its time.
  func clampTimes(_ epoch: Int) async throws {
    try await session.run(
      "find / -xdev -newermt '@\(epoch)' -exec touch --no-dereference --date='@\(epoch)' {} +", doing: "set times")
  }
}

/// The numbers of a guest's accounts: passwd(5) and group(5).
struct GuestAccounts {
  private let users: [String: Int64]
  private let groups: [String: Int64]

  init(users: String, groups: String) {
    self.users = Self.numbers(users)
    self.groups = Self.numbers(groups)
  }

  private static func numbers(_ table: String) -> [String: Int64] {
    table.split(separator: "\n").reduce(into: [:]) { numbers, line in
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      if fields.count > 2, let number = Int64(fields[2]) { numbers[String(fields[0])] = number }
    }
  }

  /// - Throws: ``GuestError`` for an account that the guest doesn't have.
  func numbers(_ entry: Overlay.Entry, overlay: String) throws -> (owner: Int64, group: Int64) {
    guard let owner = Int64(entry.owner) ?? users[entry.owner], let group = Int64(entry.group) ?? groups[entry.group]
    else {
      throw GuestError.call(
        call: "lay \(entry.path) of the overlay \(overlay)",
        reason: "there is no account \(entry.owner):\(entry.group); let the setup script make it and own the file")
    }
    return (owner, group)
  }
}
