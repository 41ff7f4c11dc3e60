import ArgumentParser
import Foundation
import State
import SystemPackage

/// `cpbuild backup`.
struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Write all state, private keys included, into one file.",
    discussion: """
      The backup is consistent though others write meanwhile. It is a SQLite file of mode 0600; whoever has it can make \
      certificates in the name of every project, so guard it like the keys themselves. An older file of that name is \
      replaced when the new one is whole. Images aren't in it.

      Example:
        cpbuild backup /var/backups/cpbuild-$(date +%F).db
      """)

  @OptionGroup var options: StateOptions
  @Argument(help: ArgumentHelp("Where to write the backup.", valueName: "file"))
  var file: String

  mutating func validate() throws {
    if file.isEmpty { throw ValidationError("the file's name is empty.") }
  }

  /// What `--json` prints.
  struct Report: Encodable {
    let backup: String
    /// In bytes.
    let size: UInt64
  }

  func run() async throws {
    guard let state = try await options.openIfThere() else {
      throw StateError.notFound(kind: "state in", id: options.home.description)
    }
    let path = FilePath.fromCommandLine(file)
    try await state.store.backup(to: path)
    let size = (try? FileManager.default.attributesOfItem(atPath: path.string)[.size] as? UInt64) ?? 0
    try options.global.print(
      Report(backup: path.string, size: size), text: "wrote \(path), \(Quantity.bytes(size)): it holds private keys\n")
  }
}
