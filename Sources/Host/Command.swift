import Foundation
import Glibc
import Subprocess
import Synchronization
public import SystemPackage

/// One run of another program: an argument array, never a shell string.
///
/// The child lives in a session of its own, so that `^C` at the terminal reaches cpbuild alone, which then ends its
/// children in order. It gets SIGKILL from the kernel when cpbuild dies (`PR_SET_PDEATHSIG`, prctl(2)), and the C
/// locale, so that what it says can be read by a program.
public struct Command: Sendable {
  /// A name to look up on PATH, or an absolute path.
  public var program: String
  public var arguments: [String]
  /// Changes to this process's environment; nil removes a variable.
  public var environment: [String: String?]
  /// Where the child starts; this process's folder when nil.
  public var folder: FilePath?
  /// A file that the child reads from stdin; nothing when nil.
  public var input: FilePath?
  /// The most that the child may write to stdout, in bytes.
  public var outputLimit = 64 << 20
  /// The child is the first of a process namespace of its own (root only), so that whatever it started ends with it.
  public var ownsDescendants = false

  public init(
    _ program: String, _ arguments: [String] = [], environment: [String: String?] = [:], folder: FilePath? = nil
  ) {
    self.program = program
    self.arguments = arguments
    self.environment = environment
    self.folder = folder
  }

  /// What a run gave.
  public struct Output: Sendable {
    /// 0 to 255; a child that a signal ended has 128 and the signal's number, as shells say it.
    public let status: Int
    public let stdout: String
    /// The last lines of stderr, at most 4 KiB.
    public let stderrTail: String
  }

  /// Runs the child and hands back what it gave, whatever its status.
  ///
  /// - Parameter onErrorLine: called with each line that the child writes to stderr, as it comes.
  /// - Throws: ``HostError/programMissing(program:package:)``, ``HostError/outputTooLong(command:limit:)``;
  ///   `CancellationError` after the child was ended (SIGTERM to its session, SIGKILL five seconds later).
  public func output(onErrorLine: @escaping @Sendable (String) -> Void = { _ in }) async throws -> Output {
    try Task.checkCancellation()
    let path = try Program.find(program)
    var options = PlatformOptions()
    options.createSession = true
    options.teardownSequence = [.send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .seconds(5))]
    let tail = Mutex(Tail())
    let limit = outputLimit
    let input = try openInput()
    do {
      let result = try await Subprocess.run(
        .path(try Program.find("setpriv")), arguments: Arguments(try prefix() + [path.string] + arguments),
        environment: childEnvironment, workingDirectory: folder, platformOptions: options,
        input: .fileDescriptor(input, closeAfterSpawningProcess: true), output: .sequence, error: .sequence
      ) { execution in
        async let bytes = Self.collect(execution.standardOutput, limit: limit) {
          try? execution.send(signal: .kill, toProcessGroup: true)
        }
        for try await line in execution.standardError.strings() {
          let text = line.hasSuffix("\n") ? String(line.dropLast()) : line
          tail.withLock { $0.add(text) }
          onErrorLine(text)
        }
        return try await bytes
      }
      try Task.checkCancellation()
      guard let bytes = result.closureResult else { throw HostError.outputTooLong(command: program, limit: limit) }
      return Output(
        status: Self.number(result.terminationStatus), stdout: String(decoding: bytes, as: UTF8.self),
        stderrTail: tail.withLock { $0.text })
    } catch let error as SubprocessError {
      try Task.checkCancellation()
      throw HostError.commandFailed(command: program, status: "didn't run", output: String(describing: error))
    }
  }

  /// Runs the child, which has to succeed.
  ///
  /// - Returns: what it wrote to stdout.
  /// - Throws: ``HostError/commandFailed(command:status:output:)`` when its status isn't 0, and all that
  ///   ``output(onErrorLine:)`` throws.
  @discardableResult
  public func run(onErrorLine: @escaping @Sendable (String) -> Void = { _ in }) async throws -> String {
    let output = try await output(onErrorLine: onErrorLine)
    guard output.status == 0 else {
      throw HostError.commandFailed(
        command: program, status: "ended with status \(output.status)", output: output.stderrTail)
    }
    return output.stdout
  }

  private func openInput() throws -> FileDescriptor {
    let path = input ?? "/dev/null"
    do { return try FileDescriptor.open(path, .readOnly, options: .closeOnExec) } catch let error as Errno {
      throw HostError.file(doing: "read", path: path, errno: error.rawValue)
    }
  }

  private func prefix() throws -> [String] {
    let guarded = ["--pdeathsig", "KILL", "--"]
    guard ownsDescendants && geteuid() == 0 else { return guarded }
    return guarded + [try Program.find("unshare").string, "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
  }

  private var childEnvironment: Subprocess.Environment {
    var changes: [Subprocess.Environment.Key: String?] = ["LC_ALL": "C.UTF-8", "LANGUAGE": nil]
    for (name, value) in environment { changes[Subprocess.Environment.Key(stringLiteral: name)] = value }
    return .inherit.updating(changes)
  }

  /// Reads to the end, which `stop` brings about when there are more than `limit` bytes.
  ///
  /// - Returns: the bytes, or nil when there were too many.
  private static func collect(
    _ sequence: SubprocessOutputSequence, limit: Int, stop: () -> Void
  ) async throws -> [UInt8]? {
    var bytes: [UInt8]? = []
    for try await buffer in sequence {
      buffer.withUnsafeBytes { bytes?.append(contentsOf: $0) }
      // The pipe is read on: the child's end, and the end of its stderr, are only seen when it isn't blocked.
      if let count = bytes?.count, count > limit {
        bytes = nil
        stop()
      }
    }
    return bytes
  }

  private static func number(_ status: TerminationStatus) -> Int {
    switch status {
    case .exited(let code): Int(code)
    case .signaled(let signal): 128 + Int(signal)
    }
  }

  /// The end of what was said: whole lines, at most 4 KiB.
  private struct Tail {
    private var lines: [String] = []
    private var size = 0

    mutating func add(_ line: String) {
      lines.append(String(line.prefix(4096)))
      size += lines.last?.utf8.count ?? 0
      while size > 4096, let first = lines.first, lines.count > 1 {
        size -= first.utf8.count
        lines.removeFirst()
      }
    }

    var text: String { lines.joined(separator: "\n") }
  }
}

/// Programs on PATH, and the Debian packages that bring them.
public enum Program {
  /// The program's full path.
  ///
  /// - Throws: ``HostError/programMissing(program:package:)``.
  public static func find(_ program: String) throws -> FilePath {
    if program.contains("/") {
      if isProgram(program) { return FilePath(program) }
    } else {
      // Administrators' tools live in sbin, which isn't on every user's PATH.
      let path = (getenv("PATH").map { String(cString: $0) } ?? "") + ":/usr/local/sbin:/usr/sbin:/sbin"
      for folder in path.split(separator: ":") {
        let candidate = FilePath(String(folder)).appending(program)
        if isProgram(candidate.string) { return candidate }
      }
    }
    throw HostError.programMissing(program: program, package: packages[program])
  }

  /// What changes whenever the program is upgraded: where it is, and its file's number, size and time.
  ///
  /// - Throws: ``HostError``.
  public static func identity(_ program: String) throws -> String {
    let path = try find(program)
    var status = stat()
    guard stat(path.string, &status) == 0 else { throw HostError.file(doing: "look at", path: path, errno: errno) }
    return "\(path) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)"
  }

  /// Becomes another program, in this process's place.
  ///
  /// - Throws: ``HostError``; it doesn't come back otherwise.
  public static func become(_ words: [String]) throws -> Never {
    let path = try find(words.first ?? "")
    // Those that this process handles are default in the other one, but those that it ignores would stay ignored.
    for number in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { signal(number, SIG_DFL) }
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    execv(path.string, &arguments)
    throw HostError.file(doing: "start", path: path, errno: errno)
  }

  /// Folders are executable too, so access(2) alone doesn't do.
  private static func isProgram(_ path: String) -> Bool {
    var status = stat()
    return access(path, X_OK) == 0 && stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  private static let packages = [
    "apt-get": "apt", "dpkg-deb": "dpkg", "mmdebstrap": "mmdebstrap", "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86", "setpriv": "util-linux", "unshare": "util-linux", "sfdisk": "fdisk",
    "mke2fs": "e2fsprogs", "gpgv": "gpgv", "supermin": "supermin", "openvpn": "openvpn", "prlimit": "util-linux",
    "dnsmasq": "dnsmasq-base", "nft": "nftables", "ip": "iproute2", "grub-mkimage": "grub-common", "mcopy": "mtools",
    "nsenter": "util-linux", "ssh": "openssh-client", "newuidmap": "uidmap", "newgidmap": "uidmap",
  ]
}
