import Glibc
import Host
import Synchronization
import SystemPackage
import Testing

@Suite struct CommandTests {
  @Test("a run gives stdout, the end of stderr, and the status")
  func output() async throws {
    let output = try await Command("sh", ["-c", "echo out; echo one >&2; echo two >&2; exit 7"]).output()
    #expect(output.stdout == "out\n")
    #expect(output.stderrTail == "one\ntwo")
    #expect(output.status == 7)
  }

  @Test("arguments reach the child as they are, with no shell between")
  func arguments() async throws {
    let hostile = ["a b", "$HOME", "`id`", "'", "\"", "*", "", "new\nline", "-x", "ä"]
    let output = try await Command("printf", ["%s|"] + hostile).run()
    #expect(output == hostile.map { $0 + "|" }.joined())
  }

  @Test("a signal's number shows in the status")
  func signal() async throws {
    #expect(try await Command("sh", ["-c", "kill -KILL $$"]).output().status == 128 + 9)
  }

  @Test("a failing run throws with the program, its status and what it said")
  func failure() async throws {
    await #expect(
      throws: HostError.commandFailed(command: "sh", status: "ended with status 3", output: "the reason")
    ) { try await Command("sh", ["-c", "echo the reason >&2; exit 3"]).run() }
  }

  @Test("a program that isn't there is named, with the package that brings it")
  func missing() async throws {
    await #expect(throws: HostError.programMissing(program: "cpbuild-no-such", package: nil)) {
      try await Command("cpbuild-no-such").run()
    }
    await #expect(throws: HostError.programMissing(program: "/no/such", package: nil)) {
      try await Command("/no/such").run()
    }
    #expect("\(HostError.programMissing(program: "nft", package: "nftables"))".contains("apt-get install nftables"))
  }

  @Test("a folder on PATH isn't taken for a program")
  func folderOfThatName() async throws {
    try await withTemporaryFolder { folder in
      #expect(throws: HostError.programMissing(program: folder.string, package: nil)) {
        try Program.find(folder.string)
      }
    }
  }

  @Test("environment and folder are the child's own; the locale is C")
  func surroundings() async throws {
    try await withTemporaryFolder { folder in
      let command = Command(
        "sh", ["-c", "pwd -P; echo \"$CPBUILD_TEST:${HOME-unset}:$LC_ALL\""],
        environment: ["CPBUILD_TEST": "a b", "HOME": nil], folder: folder)
      let real = try await Command("realpath", [folder.string]).run()
      #expect(try await command.run() == real + "a b:unset:C.UTF-8\n")
    }
  }

  @Test("stdin is empty, so that no child waits for a person")
  func noInput() async throws {
    #expect(try await Command("cat").run() == "")
  }

  @Test("lines of stderr come as they are said")
  func errorLines() async throws {
    let lines = Mutex<[String]>([])
    try await Command("sh", ["-c", "echo a >&2; echo >&2; printf b >&2"]).run { line in
      lines.withLock { $0.append(line) }
    }
    #expect(lines.withLock(\.self) == ["a", "", "b"])
  }

  @Test("a megabyte on both streams at once neither blocks nor grows the tail")
  func volume() async throws {
    let script = "i=0; while [ $i -lt 1000 ]; do printf '%01000d\\n' $i; printf '%01000d\\n' $i >&2; i=$((i+1)); done"
    let output = try await Command("sh", ["-c", script]).output()
    #expect(output.stdout.utf8.count == 1_001_000)
    #expect(output.stderrTail.utf8.count <= 4200)
    #expect(output.stderrTail.hasSuffix("999"))
  }

  @Test("a child that says more than is allowed is ended", .timeLimit(.minutes(10)))
  func tooMuch() async throws {
    var command = Command("yes")
    command.outputLimit = 100_000
    await #expect(throws: HostError.outputTooLong(command: "yes", limit: 100_000)) { try await command.run() }
  }

  @Test("cancellation ends the child and what it started", .timeLimit(.minutes(10)))
  func cancellation() async throws {
    try await withTemporaryFolder { folder in
      let note = folder.appending("pids")
      let task = Task {
        try await Command("sh", ["-c", "sleep 300 & echo $$ $! > \"$1\"; wait", "sh", note.string]).output()
      }
      try await eventually { (try? pids(note).count) == 2 }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      let left = try pids(note)
      try await eventually { left.allSatisfy { !isRunning($0) } }
    }
  }

  @Test("a child that a cancelled task would start never starts")
  func cancelledBefore() async throws {
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await Command("true").run()
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test("what a child in a process namespace left running ends with it", .enabled(if: geteuid() == 0, "needs root"))
  func descendants() async throws {
    try await withTemporaryFolder { folder in
      let mark = "cpbuild-\(folder.lastComponent?.string ?? "")"
      var command = Command("sh", ["-c", "setsid sh -c 'sleep 300 # \(mark)' & exit 0"])
      command.ownsDescendants = true
      try await command.run()
      #expect(try await Command("pgrep", ["-f", "sleep 300 # \(mark)"]).output().status == 1)
    }
  }

  private func pids(_ path: FilePath) throws -> [pid_t] {
    let descriptor = try FileDescriptor.open(path, .readOnly)
    return try descriptor.closeAfter {
      var buffer = [UInt8](repeating: 0, count: 100)
      let count = try buffer.withUnsafeMutableBytes { try descriptor.read(into: $0) }
      return String(decoding: buffer.prefix(count), as: UTF8.self).split(whereSeparator: \.isWhitespace)
        .compactMap { pid_t($0) }
    }
  }

  /// A zombie that nobody waits for here, since there may be no init, doesn't run.
  private func isRunning(_ pid: pid_t) -> Bool {
    guard let descriptor = try? FileDescriptor.open("/proc/\(pid)/stat", .readOnly) else { return false }
    defer { try? descriptor.close() }
    var buffer = [UInt8](repeating: 0, count: 200)
    let count = (try? buffer.withUnsafeMutableBytes { try descriptor.read(into: $0) }) ?? 0
    return count > 0 && !String(decoding: buffer.prefix(count), as: UTF8.self).contains(") Z ")
  }
}
