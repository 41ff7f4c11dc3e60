import ArgumentParser
import Glibc

/// How a command line ended that didn't simply succeed: what to say, on which stream, and with which exit status.
///
/// `--help` and `--version` are among them, since the parser throws those as well.
struct Failure {
  let status: ExitStatus
  /// Ends without a newline; empty where there is nothing to say.
  let message: String

  /// - Parameter arguments: the command line, whose every control character is shown escaped in the message.
  init(_ error: any Error, arguments: [String]) {
    switch CPBuild.exitCode(for: error) {
    case ArgumentParser.ExitCode.success:
      status = .done
      message = CPBuild.fullMessage(for: error)
    case ArgumentParser.ExitCode.validationFailure:
      status = .usage
      message = "cpbuild: " + Self.escaped(CPBuild.fullMessage(for: error), arguments).droppingPrefix("Error: ")
    default:
      if let code = error as? ArgumentParser.ExitCode {
        status = ExitStatus(rawValue: code.rawValue) ?? .failed
        message = ""
      } else {
        status = ExitStatus(for: error)
        message = Self.text(of: error, status: status, arguments: arguments)
      }
    }
  }

  /// Says it: help and versions on stdout, failures on stderr.
  ///
  /// - Returns: the exit status.
  func report() -> ExitStatus {
    guard !message.isEmpty else { return status }
    if status == .done {
      do { try StandardOutput.write(message + "\n") } catch { return ExitStatus(for: error) }
    } else {
      StandardError.write(message + "\n")
    }
    return status
  }

  private static func text(of error: any Error, status: ExitStatus, arguments: [String]) -> String {
    switch status {
    case .brokenPipe: ""
    case .interrupted: "cpbuild: interrupted"
    case .environment: "cpbuild: \(escaped("\(error)", arguments))\n'cpbuild doctor' tells what this machine lacks"
    default: "cpbuild: \(escaped("\(error)", arguments))"
    }
  }

  /// `message` with nothing in it that moves the cursor, colours or reverses text. Line breaks are kept, but for those
  /// that came from the command line: they could pass for a message of ours.
  private static func escaped(_ message: String, _ arguments: [String]) -> String {
    arguments.reduce(message) { text, argument in
      argument.contains(where: \.isNewline) ? text.replacing(argument, with: argument.escapingControls()) : text
    }.escapingControls(keepingLines: true)
  }
}

extension String {
  fileprivate func droppingPrefix(_ prefix: String) -> String {
    hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self
  }
}
