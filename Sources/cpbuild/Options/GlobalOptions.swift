import ArgumentParser
import Foundation
import Glibc
import Host
import SystemPackage

/// What every command takes.
struct GlobalOptions: ParsableArguments {
  @Option(
    name: .customLong("home"),
    help: ArgumentHelp(
      "The root of all state.",
      discussion: "Else $CPBUILD_HOME, else /var/lib/cpbuild for root and $XDG_STATE_HOME/cpbuild for anyone else.",
      valueName: "folder"))
  private var chosenHome: String?

  @Flag(help: "Print one JSON document on stdout.")
  var json = false

  @Flag(name: .shortAndLong, help: "Say nothing on stderr but warnings and errors.")
  private var quiet = false

  @Flag(name: .shortAndLong, help: "Say everything.")
  private var verbose = false

  mutating func validate() throws {
    if quiet && verbose { throw ValidationError("--quiet and --verbose don't go together.") }
    if chosenHome == "" { throw ValidationError("--home is empty.") }
  }

  var verbosity: ProgressBoard.Verbosity { quiet ? .quiet : verbose ? .verbose : .normal }

  /// The root of all state; it needn't exist yet. Always absolute.
  var home: FilePath {
    HomeFolder.path(
      chosen: chosenHome, environment: ProcessInfo.processInfo.environment, isRoot: geteuid() == 0,
      workingFolder: FilePath(FileManager.default.currentDirectoryPath))
  }

  /// Prints a result: `text` for people, or with `--json` the document for programs.
  ///
  /// - Throws: ``BrokenPipe``, ``StreamError``, `EncodingError`.
  func print(_ document: some Encodable, text: @autoclosure () -> String) throws {
    if json { try StandardOutput.write(try JSONDocument.data(of: document)) } else { try StandardOutput.write(text()) }
  }
}

/// Where all state is kept.
enum HomeFolder {
  /// `chosen` on the command line, else `$CPBUILD_HOME`, else the system's or the user's own place for state (XDG Base
  /// Directory Specification 0.8). What is empty counts as not set, and so does an `$XDG_STATE_HOME` that isn't absolute.
  static func path(
    chosen: String?, environment: [String: String], isRoot: Bool, workingFolder: FilePath
  ) -> FilePath {
    func setting(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    if let path = chosen ?? setting("CPBUILD_HOME") { return workingFolder.pushing(FilePath(path)) }
    if isRoot { return "/var/lib/cpbuild" }
    if let state = setting("XDG_STATE_HOME").map({ FilePath($0) }), state.isAbsolute {
      return state.appending("cpbuild")
    }
    let home = workingFolder.pushing(FilePath(setting("HOME") ?? "/"))
    return home.appending(".local").appending("state").appending("cpbuild")
  }
}
