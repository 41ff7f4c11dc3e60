import Foundation
import Glibc
public import SystemPackage

/// A process that outlives the command which started it: in a session of its own, with nothing inherited but what it is
/// given, what it says in a log file.
///
/// Its record is a file beside the log. Between its start and its record it is known by a variable in its environment,
/// so that a command which is killed just then leaves nothing behind that the next one doesn't find.
public struct BackgroundProcess: Hashable, Sendable {
  /// Names the record and the log.
  public let name: String
  public let folder: FilePath

  public init(name: String, folder: FilePath) {
    self.name = name
    self.folder = folder
  }

  /// Holds a ``ProcessIdentity`` in JSON.
  public var record: FilePath { folder.appending("\(name).process") }
  /// stdout and stderr, mode 0600.
  public var log: FilePath { folder.appending("\(name).log") }

  /// The environment variable that names the record; children of the process have it too.
  public static let mark = "CPBUILD_HELPER"

  /// Who was started last, alive or not; nil when nobody was.
  public var recorded: ProcessIdentity? {
    guard let bytes = try? Data(contentsOf: URL(filePath: record.string)) else { return nil }
    return try? JSONDecoder().decode(ProcessIdentity.self, from: bytes)
  }

  public var isRunning: Bool { recorded?.isAlive == true }

  /// Starts the program, whose log begins anew. Whoever ran under this name before has to be ended first.
  ///
  /// - Parameters:
  ///   - prefix: programs that become the program in the end by exec, with their arguments: `nsenter`, `setpriv`.
  ///   - environment: all that it gets beside PATH and a locale. Never a secret.
  ///   - descriptors: open files of this process, which are the program's from 3 on.
  /// - Throws: ``HostError``.
  @discardableResult
  public func start(
    _ program: String, _ arguments: [String], prefix: [String] = [], environment: [String: String] = [:],
    descriptors: [CInt] = []
  ) throws -> ProcessIdentity {
    var words = try prefix.first.map { [try Program.find($0).string] + prefix.dropFirst() } ?? []
    words += [try Program.find(program).string] + arguments
    var variables = environment
    variables["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    variables["LC_ALL"] = "C.UTF-8"
    variables[Self.mark] = record.string
    let pid = try Spawn(words: words, environment: variables, log: log, descriptors: descriptors).run()
    guard let identity = ProcessIdentity(pid: pid) else {
      waitpid(pid, nil, 0)
      throw HostError.commandFailed(command: program, status: "ended at once", output: logTail())
    }
    do {
      try AtomicFile.write(try JSONEncoder().encode(identity), to: record, mode: 0o600)
    } catch {
      identity.send(SIGKILL)
      waitpid(pid, nil, 0)
      throw error
    }
    return identity
  }

  /// Ends the process, whether it is recorded or only marked: SIGTERM, and SIGKILL after `grace`. One that isn't there is
  /// fine.
  ///
  /// - Throws: ``HostError``, `CancellationError`; the record is then still there.
  public func stop(grace: Duration = .seconds(5)) async throws {
    var processes = MarkedProcesses.named(record)
    if let recorded, recorded.isAlive { processes.insert(recorded) }
    for process in processes { process.send(SIGTERM) }
    let deadline = ContinuousClock.now + grace
    var wait = Duration.milliseconds(1)
    while let left = processes.first(where: { !Self.hasEnded($0) }) {
      if ContinuousClock.now > deadline { left.send(SIGKILL) }
      try await Task.sleep(for: wait)
      wait = min(wait * 2, .milliseconds(20))
    }
    try Folder.remove(record)
  }

  /// The last lines of the log, at most 4 KiB.
  public func logTail() -> String {
    guard let handle = FileHandle(forReadingAtPath: log.string) else { return "" }
    defer { try? handle.close() }
    guard let size = try? handle.seekToEnd(), (try? handle.seek(toOffset: size - min(size, 4096))) != nil,
      let bytes = try? handle.readToEnd()
    else { return "" }
    return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// A child of this process that ended is waited for, so that it doesn't stay as a zombie.
  private static func hasEnded(_ process: ProcessIdentity) -> Bool {
    if waitpid(process.pid, nil, WNOHANG) == process.pid { return true }
    return !process.isAlive
  }
}

/// The processes that ``BackgroundProcess`` started and their children, by the mark in their environment.
public enum MarkedProcesses {
  /// All that may be seen, each with the record that it names.
  public static func all() -> [ProcessIdentity: FilePath] {
    var found: [ProcessIdentity: FilePath] = [:]
    let mark = Data((BackgroundProcess.mark + "=").utf8)
    for name in (try? Folder.names(in: "/proc")) ?? [] {
      guard let pid = pid_t(name), let environment = try? Data(contentsOf: URL(filePath: "/proc/\(pid)/environ")) else {
        continue
      }
      for variable in environment.split(separator: 0) where variable.starts(with: mark) {
        guard let identity = ProcessIdentity(pid: pid) else { continue }
        found[identity] = FilePath(String(decoding: variable.dropFirst(mark.count), as: UTF8.self))
      }
    }
    return found
  }

  /// Those that name this record.
  public static func named(_ record: FilePath) -> Set<ProcessIdentity> {
    Set(all().filter { $0.value == record }.keys)
  }
}
