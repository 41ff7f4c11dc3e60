import Foundation
import Glibc
import Host
import Synchronization
import SystemPackage
import Testing

/// The built program at everything that touches secrets, while its processes are looked at; then all that it said and left
/// behind is searched.
@Suite("Secrets") struct SecretsTests {
  private let phrase = "correct-horse-battery-staple"

  @Test("none is in what is said, in a command line, in an environment, or in a file that others can read")
  func kept() async throws {
    try await withTemporaryFolder { folder in
      let run = try Recorded(folder: folder)
      try AtomicFile.write(phrase + "\n", to: folder.appending("phrase"), mode: 0o600)
      try AtomicFile.write("wrong-horse\n", to: folder.appending("wrong"), mode: 0o600)
      _ = try await Command(
        "openssl",
        ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "bob.key"]
          + ["-out", "bob.csr", "-subj", "/CN=bob"], folder: folder
      ).run()
      try await useEverything(run)

      let secrets = try Secrets.found(in: folder, phrases: [phrase, "wrong-horse"])
      // The CAs' and all others', and those that users got: less would mean that nothing was looked for.
      #expect(secrets.texts.count > 40)
      for (command, said) in run.said { secrets.expectNone(in: Data(said.utf8), "what '\(command)' said") }
      for seen in run.seen { secrets.expectNone(in: Data(seen.utf8), "a process: \(seen.prefix(200))") }
      #expect(run.seen.contains { $0.contains("user\0add") }, "no process was seen")
      try secrets.expectNoneReadable(below: folder)
    }
  }

  /// What succeeds, and what fails in ways that make people print what they have at hand.
  private func useEverything(_ run: Recorded) async throws {
    let key = ["--passphrase-file", "phrase"]
    let add = ["--remote", "192.0.2.1:1194"] + key
    try await run(["user", "add", "acme", "alice", "--out", "alice.ovpn"] + add, expecting: 0)
    try await run(["user", "add", "acme", "zoe", "--zip", "zoe.zip", "--json"] + add, expecting: 0)
    try await run(["user", "add", "acme", "bob", "--csr", "bob.csr", "--out", "bob.ovpn"] + add, expecting: 0)
    for (type, name) in [("p384", "a"), ("ed25519", "b"), ("rsa3072", "c")] {
      try await run(
        ["user", "add", "acme", "alice", "--renew", "--key-type", type, "--out", "\(name).ovpn"] + add, expecting: 0)
    }
    try await run(["user", "add", "acme", "alice", "--out", "again.ovpn"] + add, expecting: 3)
    try await run(["user", "add", "acme", "bob", "--csr", "bob.key"] + add, expecting: 1)
    let wrong = ["--remote", "192.0.2.1:1194", "--passphrase-file", "wrong"]
    try await run(["user", "add", "acme", "dan"] + wrong, expecting: nil)
    try await run(["user", "add", "acme", "dan"] + wrong.prefix(2), expecting: nil)
    try await run(["user", "revoke", "acme", "zoe", "--reason", "key-compromise"] + key, expecting: 0)
    try await run(["user", "list", "acme", "--json"], expecting: 0)
    try await run(["ca", "show", "--json"], expecting: 0)
    try await run(["ca", "export", "acme", "--chain"], expecting: 0)
    try await run(["crl", "renew", "--all"] + key, expecting: 0)
    try await run(["crl", "show", "acme"], expecting: 0)
    try await run(["list", "--json"], expecting: 0)
    try await run(["show", "acme"], expecting: 0)
    try await run(["launch", "acme", "--image", "ami-0123456789abcdef0"] + key, expecting: nil)
    try await run(["backup", "backup.db"], expecting: 0)
    try await run(["ca", "renew", "acme"] + key, expecting: 0)
    try await run(["ca", "renew", "acme", "--step", "switch", "--force"] + key, expecting: 0)
    try await run(["ca", "renew"] + key, expecting: 0)
    try await run(["ca", "renew", "--step", "switch"] + key, expecting: 0)
    try await run(["restore", "backup.db"] + key, expecting: 3)
    try await run(["restore", "backup.db", "--force"] + key, expecting: 0)
    try await run(["ca", "revoke", "acme", "--yes"] + key, expecting: 0)
    // Keys that are damaged.
    let folder = run.home.appending("CA/private")
    let keys = try Folder.names(in: folder).map { name in
      let file = folder.appending(name)
      return (file: file, text: try String(contentsOfFile: file.string, encoding: .utf8))
    }
    for (file, text) in keys {
      try AtomicFile.write(text.replacingOccurrences(of: "-----END", with: "A-----END"), to: file, mode: 0o600)
    }
    try await run(["crl", "renew", "--all"] + key, expecting: nil)
    for (file, text) in keys { try AtomicFile.write(text, to: file, mode: 0o600) }
  }
}

/// Runs the program with all that it can say, and keeps what it said and what others could see of its processes.
private final class Recorded: Sendable {
  let folder: FilePath
  var home: FilePath { folder.appending("home") }
  private let saying = Mutex<[(command: String, said: String)]>([])
  private let seeing = Mutex<Set<String>>([])

  var said: [(command: String, said: String)] { saying.withLock { $0 } }
  var seen: Set<String> { seeing.withLock { $0 } }

  init(folder: FilePath) throws {
    self.folder = folder
    try Folder.make(folder.appending("tmp"), mode: 0o700)
  }

  /// - Parameter status: nil: it fails, in whichever way.
  func callAsFunction(
    _ arguments: [String], expecting status: Int?, location: SourceLocation = #_sourceLocation
  ) async throws {
    let errors = Mutex("")
    let isOver = Atomic(false)
    Thread.detachNewThread { while !isOver.load(ordering: .relaxed) { self.look() } }
    defer { isOver.store(true, ordering: .relaxed) }
    let output = try await Command(
      try Binary.path.string, arguments + ["--verbose"],
      environment: ["CPBUILD_HOME": home.string, "TMPDIR": folder.appending("tmp").string], folder: folder
    ).output { line in errors.withLock { $0 += line + "\n" } }
    let said = errors.withLock { $0 }
    let isExpected = status.map { $0 == output.status } ?? (output.status != 0)
    #expect(isExpected, "\(arguments): \(said)", sourceLocation: location)
    saying.withLock { $0.append((arguments.joined(separator: " "), output.stdout + said)) }
  }

  /// What proc(5) shows of this program's processes and of all that they started.
  private func look() {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] where Int(name) != nil {
      guard let environment = FileManager.default.contents(atPath: "/proc/\(name)/environ"),
        environment.range(of: Data("CPBUILD_HOME=\(home)\0".utf8)) != nil,
        let command = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
      else { continue }
      seeing.withLock { _ = $0.insert(String(decoding: command + environment, as: UTF8.self)) }
    }
    usleep(1000)
  }
}

/// What must not be seen: each line of each private key, and the passphrases.
private struct Secrets {
  let texts: Set<String>

  /// From the keys that the program keeps, and from what it handed to users.
  static func found(in folder: FilePath, phrases: [String]) throws -> Secrets {
    var texts = Set(phrases)
    for path in try files(below: folder) {
      guard let text = FileManager.default.contents(atPath: path.string).flatMap({ String(data: $0, encoding: .utf8) })
      else { continue }
      var isInside = false
      for line in text.split(separator: "\n") {
        if line.hasPrefix("-----BEGIN") { isInside = ["PRIVATE KEY", "tls-crypt"].contains { line.contains($0) } }
        // A last line may be too short to mean anything.
        if isInside, line.count >= 24 { texts.insert(String(line)) }
        if line.hasPrefix("-----END") { isInside = false }
      }
    }
    return Secrets(texts: texts)
  }

  func expectNone(in data: Data, _ place: String, location: SourceLocation = #_sourceLocation) {
    for text in texts where data.range(of: Data(text.utf8)) != nil {
      Issue.record("a secret is in \(place): \(text.prefix(8))…", sourceLocation: location)
    }
  }

  func expectNoneReadable(below folder: FilePath) throws {
    for path in try Self.files(below: folder) {
      let attributes = try FileManager.default.attributesOfItem(atPath: path.string)
      guard let mode = attributes[.posixPermissions] as? Int, mode & 0o077 == 0 else {
        expectNone(in: FileManager.default.contents(atPath: path.string) ?? Data(), "\(path)")
        continue
      }
    }
  }

  private static func files(below folder: FilePath) throws -> [FilePath] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.string).map { folder.appending($0) }.filter { path in
      try FileManager.default.attributesOfItem(atPath: path.string)[.type] as? FileAttributeType == .typeRegular
    }
  }
}
