import ArgumentParser
import Foundation
import Host
import Launching
import State
import SystemPackage

/// `cpbuild ca export`.
struct CAExport: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Print the certificates that others have to trust, in PEM.",
    discussion: """
      Of a project: the 'ca' of its cloudpipe and profiles. With --chain: its CAs as the root signed them, and the root. \
      Without a project: the root CA's certificate. Private keys are never exported; 'cpbuild backup' keeps them. An existing file is replaced with --force only.
      """)

  @OptionGroup var state: StateOptions
  @OptionGroup var argument: OptionalProjectArgument

  @Option(help: ArgumentHelp("Write to this file instead of stdout ('-').", valueName: "file"))
  var out: String?

  @Flag(help: "The chain to the root rather than the project's own anchor.")
  var chain = false

  @Flag(help: "Replace a file that is there.")
  var force = false

  mutating func validate() throws {
    if out == "" { throw ValidationError("--out is empty.") }
  }

  func run() async throws {
    let project = try argument.project()
    guard let open = try await state.openIfThere() else {
      if let project { throw TrustKeeperError.noProject(project) }
      throw TrustKeeperError.noRoot
    }
    let bundle = try await open.trust.bundle(of: project, isChain: chain)
    guard let out, out != "-" else { return try state.global.print(["certificates": bundle], text: bundle) }
    let file = FilePath.fromCommandLine(out)
    try state.home.checkIsNotOwn(file)
    let new = try ReservedFile(file, replacing: force)
    defer { new.discard() }
    try new.fill(Data(bundle.utf8), mode: 0o644)
    try new.publish()
    try state.global.print(["file": file.string], text: "wrote \(file)\n")
  }
}
