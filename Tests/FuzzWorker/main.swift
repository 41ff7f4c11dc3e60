// Fuzzes every parser of outside bytes, each in a process of its own:
//
//   FuzzWorker [--seed N] [--inputs N] [--from N] [TARGET...]
//
// Each target gets its share of the inputs; fast ones get more. A line of JSON is printed for each, and the status is 1 if
// one broke a promise or died. `--from` with the number of the input and `--inputs 1` try that one again.
import Foundation
import Fuzzing
import SystemPackage

guard let options = Options(CommandLine.arguments.dropFirst()) else {
  FileHandle.standardError.write(Data("usage: FuzzWorker [--seed N] [--inputs N] [--from N] [TARGET...]\n".utf8))
  exit(64)
}
exit(try await options.run() ? 0 : 1)

struct Options {
  var numbers = ["--seed": 1, "--inputs": 100_000, "--from": 0]
  var child: FilePath?
  var names: [String] = []

  init?(_ words: ArraySlice<String>) {
    var words = words
    while let word = words.popFirst() {
      if word == "--child" {
        child = words.popFirst().map { FilePath($0) }
      } else if numbers[word] != nil {
        guard let number = words.popFirst().flatMap({ Int($0) }), number >= 0 else { return nil }
        numbers[word] = number
      } else {
        names.append(word)
      }
    }
  }

  private func process(_ name: String, inputs: Int) -> FuzzProcess {
    FuzzProcess(name, seed: UInt64(numbers["--seed"] ?? 1), inputs: inputs, from: numbers["--from"] ?? 0)
  }

  /// Whether every target kept its promises.
  func run() async throws -> Bool {
    let inputs = numbers["--inputs"] ?? 0
    if let child {
      let scratch = Scratch(path: child)
      guard let target = try await FuzzTarget.all(folder: child).first(where: { names == [$0.name] }) else {
        return false
      }
      say(try process(target.name, inputs: inputs).runHere(target, scratch: scratch))
      return true
    }
    var isSound = true
    for (name, share) in try await shares(of: inputs) {
      let executable = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      let report = try process(name, inputs: share).run(executable)
      say(report)
      isSound = isSound && report.finding == nil
    }
    return isSound
  }

  /// The targets, and how many inputs each gets.
  private func shares(of inputs: Int) async throws -> [(String, Int)] {
    guard names.isEmpty else { return names.map { ($0, inputs) } }
    let scratch = try Scratch()
    defer { scratch.remove() }
    return FuzzTarget.shares(of: inputs, among: try await FuzzTarget.all(folder: scratch.path))
  }

  private func say(_ report: Fuzzer.Report) {
    guard let line = try? JSONEncoder().encode(report) else { return }
    FileHandle.standardOutput.write(line + Data("\n".utf8))
  }
}
