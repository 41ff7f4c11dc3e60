import ArgumentParser
import CLinux
import Glibc
import Host

/// Parses, runs, and turns whatever comes of it into an exit status.
@main
struct Main {
  static func main() async {
    cpbuild_one_heap()
    BrokenPipe.becomeAnError()
    Glibc.exit(await status(of: Array(CommandLine.arguments.dropFirst())).rawValue)
  }

  /// Runs one command line. All that is said on the way has been written when this returns.
  static func status(of arguments: [String]) async -> Outcome {
    do {
      try await Interruption.cancelling {
        var command = try CPBuild.parseAsRoot(arguments)
        if var asynchronous = command as? any AsyncParsableCommand {
          try await asynchronous.run()
        } else {
          try command.run()
        }
      }
      return .done
    } catch {
      return Failure(error, arguments: arguments).report()
    }
  }
}
