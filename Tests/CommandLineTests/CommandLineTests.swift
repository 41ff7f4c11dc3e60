import Foundation
import Host
import SystemPackage
import Testing

@testable import cpbuild

/// Exit statuses and streams, as scripts see them.
@Suite struct CommandLineTests {
  @Test("--version prints the version alone")
  func version() async throws {
    let output = try await Binary.run(["--version"])
    #expect(output.status == 0)
    #expect(output.stdout == Version.number + "\n")
    #expect(output.stderrTail.isEmpty)
  }

  @Test("help goes to stdout and is a success", arguments: [["--help"], ["doctor", "--help"], ["help", "doctor"]])
  func help(arguments: [String]) async throws {
    let output = try await Binary.run(arguments)
    #expect(output.status == 0)
    #expect(output.stdout.contains("USAGE: cpbuild"))
  }

  @Test(
    "a command line that is wrong ends with 64, says why on stderr, and prints nothing",
    arguments: [
      ["nonsense"], ["doctor", "extra"], ["doctor", "--home"], ["doctor", "--home", ""], ["doctor", "--out="],
      ["doctor", "--quiet", "--verbose"], ["--nonsense"], ["launch", "--all", "--address", "nonsense"],
    ])
  func usage(arguments: [String]) async throws {
    let output = try await Binary.run(arguments)
    #expect(output.status == 64)
    #expect(output.stdout.isEmpty)
    #expect(output.stderrTail.hasPrefix("cpbuild: "))
    #expect(output.stderrTail.contains("Usage: cpbuild"))
  }

  @Test("a misspelt option is answered with the one that was meant")
  func didYouMean() async throws {
    #expect(try await Binary.run(["doctor", "--jsno"]).stderrTail.contains("Did you mean '--json'?"))
  }

  @Test("a misspelt command is answered with the one that was meant, and nonsense with none")
  func didYouMeanTheCommand() async throws {
    let output = try await Binary.run(["docter", "--json"])
    #expect(output.status == 64)
    #expect(output.stderrTail.contains("Did you mean 'cpbuild doctor'?"))
    #expect(try await !Binary.run(["xyzzy"]).stderrTail.contains("Did you mean"))
  }

  @Test(
    "the distance between words is the number of letters to change",
    arguments: [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("doctor", "docter", 1)])
  func distance(one: String, other: String, distance: Int) {
    #expect(Suggestion.distance(one, other) == distance)
    #expect(Suggestion.nearest(to: String(repeating: one, count: 100_000), among: ["doctor"]) == nil)
  }

  @Test("control characters of an argument are shown, not obeyed, and its line breaks make no lines")
  func controlCharacters() async throws {
    let output = try await Binary.run(["x\u{1B}[31m\u{202E}\r\ncpbuild: all is well"])
    #expect(output.status == 64)
    #expect(output.stderrTail.contains(#"x\u{1b}[31m\u{202e}\u{d}\u{a}cpbuild: all is well"#))
    #expect(!output.stderrTail.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{202E}" || $0 == "\r" })
  }

  @Test("a reader that goes away is no crash: no message, and the status that shells show for SIGPIPE")
  func brokenPipe() async throws {
    // The reader is gone before a byte is written: the pipe's only other end is closed.
    let script = "{ sleep 0.2; \"$1\" --help; echo $? >&2; } | true"
    let output = try await Command("bash", ["-c", script, "bash", try Binary.path.string]).output()
    #expect(output.stderrTail == "141")
  }

  @Test("a result that can't be written is an error that says so")
  func fullDisk() async throws {
    let output = try await Command("sh", ["-c", "\"$1\" --help > /dev/full", "sh", try Binary.path.string]).output()
    #expect(output.status == 4)
    #expect(output.stderrTail.contains("No space left on device"))
  }

  @Test("an interrupted command ends with 130", .timeLimit(.minutes(10)))
  func interruption() async throws {
    try await withTemporaryFolder { folder in
      // A QEMU that hangs keeps the doctor busy until the signal comes.
      let tool = folder.appending("mmdebstrap")
      let ready = folder.appending("ready")
      try AtomicFile.write("#!/bin/sh\n: > '\(ready)'\nexec sleep 60\n", to: tool, mode: 0o755)
      let script = """
        PATH="$2:$PATH" "$1" doctor --home "$2" & pid=$!
        for i in $(seq 500); do [ -e "$3" ] && break; sleep 0.02; done
        kill -TERM $pid; wait $pid; echo $?
        """
      let output = try await Command(
        "sh", ["-c", script, "sh", try Binary.path.string, folder.string, ready.string],
        environment: ["CPBUILD_ACCEL": "tcg"]
      ).output()
      #expect(output.stdout == "130\n")
      #expect(output.stderrTail == "cpbuild: interrupted")
    }
  }

  @Test("completions are generated for each shell", arguments: ["bash", "zsh", "fish"])
  func completions(shell: String) async throws {
    let output = try await Binary.run(["--generate-completion-script", shell])
    #expect(output.status == 0)
    #expect(output.stdout.contains("doctor"))
  }
}
