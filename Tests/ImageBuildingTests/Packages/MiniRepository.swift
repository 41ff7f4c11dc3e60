import Foundation
import Host
import SystemPackage
import Testing

@testable import ImageBuilding

/// A signed package repository of a few tiny packages, made by the test and served on loopback; and a cache to use it
/// with. All of it is gone when the test ends.
final class MiniRepository: Sendable {
  let folder: FilePath
  var cache: FilePath { folder.appending("cache") }
  private var web: FilePath { folder.appending("web") }
  private var gpgHome: FilePath { folder.appending("gpg") }

  private init() throws {
    folder = FilePath("/tmp/cpbuild-repo-\(UInt32.random(in: .min ... .max))")
    for name in ["web/pool", "build", "cache"] { try Folder.make(folder.appending(name)) }
    try Folder.make(folder.appending("gpg"), mode: 0o700)
  }

  /// Runs `body` with a repository of its own and clears up afterwards.
  static func with(_ body: (MiniRepository) async throws -> Void) async throws {
    let repository = try MiniRepository()
    do {
      try await repository.gpg("--quick-gen-key", "Test <test@example.org>", "ed25519", "sign", "never")
      try await body(repository)
    } catch {
      try await repository.clear()
      throw error
    }
    try await repository.clear()
  }

  private func clear() async throws {
    _ = try await Command("gpgconf", ["--homedir", gpgHome.string, "--kill", "gpg-agent"]).output()
    try Folder.remove(folder)
  }

  @discardableResult
  func gpg(_ arguments: String...) async throws -> String {
    try await Command(
      "gpg", ["--homedir", gpgHome.string, "--batch", "--yes", "--quiet", "--passphrase", ""] + arguments
    ).run()
  }

  /// The public key that signs it, armoured.
  func key() async throws -> [UInt8] { Array(try await gpg("--armor", "--export", "test@example.org").utf8) }

  /// Builds a package and puts it into the pool.
  ///
  /// - Parameters:
  ///   - fields: more control fields, such as "Depends: other".
  ///   - scripts: maintainer scripts by name.
  ///   - files: paths in the package and their content.
  @discardableResult
  func add(
    _ name: String, _ version: String = "1.0", fields: [String] = [], scripts: [String: String] = [:],
    files: [String: String] = [:], compression: String = "xz"
  ) async throws -> FilePath {
    let tree = folder.appending("build/\(name)")
    try Folder.remove(tree)
    try Folder.make(tree.appending("DEBIAN"))
    let control =
      [
        "Package: \(name)", "Version: \(version)", "Architecture: all", "Maintainer: Test <test@example.org>",
        "Installed-Size: 7", "Description: for a test",
      ] + fields
    try AtomicFile.write(control.joined(separator: "\n") + "\n", to: tree.appending("DEBIAN/control"))
    for (script, text) in scripts { try AtomicFile.write(text, to: tree.appending("DEBIAN/\(script)"), mode: 0o755) }
    for (path, text) in files {
      let target = tree.appending(path)
      try Folder.make(target.removingLastComponent())
      try AtomicFile.write(text, to: target)
    }
    let deb = web.appending("pool/\(name)_\(version)_all.deb")
    try await Command("dpkg-deb", ["-Z\(compression)", "--root-owner-group", "-b", tree.string, deb.string]).run()
    return deb
  }

  /// Takes a package out of the pool.
  func withdraw(_ name: String, _ version: String = "1.0") throws {
    try Folder.remove(web.appending("pool/\(name)_\(version)_all.deb"))
  }

  func pool(_ name: String, _ version: String = "1.0") -> FilePath {
    web.appending("pool/\(name)_\(version)_all.deb")
  }

  enum Signature { case good, tampered, missing }

  /// Writes the index of what is in the pool, and signs it.
  ///
  /// - Parameters:
  ///   - dated, validUntil: seconds from now.
  func publish(signature: Signature = .good, dated: TimeInterval = -60, validUntil: TimeInterval = 86_400) async throws
  {
    var packages = ""
    for name in try Folder.names(in: web.appending("pool")) {
      let deb = web.appending("pool/\(name)")
      let control = try await Command("dpkg-deb", ["-f", deb.string]).run()
      let size = try FileManager.default.attributesOfItem(atPath: deb.string)[.size] as? Int ?? 0
      packages += "\(control)Filename: pool/\(name)\nSize: \(size)\nSHA256: \(try Digest.ofFile(deb))\n\n"
    }
    try AtomicFile.write(packages, to: web.appending("Packages"))
    let release = """
      Origin: Mini
      Label: Mini
      Suite: test
      Date: \(Self.date(dated))
      Valid-Until: \(Self.date(validUntil))
      SHA256:
       \(Digest.sha256(packages)) \(packages.utf8.count) Packages

      """
    let file = folder.appending("Release")
    try AtomicFile.write(release, to: file)
    let signed = web.appending("InRelease")
    try Folder.remove(signed)
    try Folder.remove(web.appending("Release"))
    guard signature != .missing else { return try AtomicFile.write(release, to: web.appending("Release")) }
    try await gpg("--clearsign", "--output", signed.string, file.string)
    chmod(signed.string, 0o644)
    if signature == .tampered {
      let text = try String(contentsOfFile: signed.string, encoding: .utf8)
      try AtomicFile.write(text.replacing("Label: Mini", with: "Label: Evil"), to: signed)
    }
  }

  private static func date(_ offset: TimeInterval) -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "UTC")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'UTC'"
    return formatter.string(from: Date(timeIntervalSinceNow: offset))
  }

  /// Serves it while `body` runs; the server is gone afterwards.
  func serving<Result: Sendable>(_ body: @Sendable (Server) async throws -> Result) async throws -> Result {
    let (lines, sink) = AsyncStream<String>.makeStream()
    let script = """
      import functools, http.server, sys
      handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
      server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), handler)
      print("port", server.server_address[1], file=sys.stderr, flush=True)
      server.serve_forever()
      """
    let requests = RequestLog()
    let command = Command("python3", ["-c", script, web.string, "0"])
    let server = Task {
      defer { sink.finish() }
      _ = try await command.output { line in
        sink.yield(line)
        requests.add(line)
      }
    }
    defer { server.cancel() }
    for await line in lines where line.hasPrefix("port ") {
      let port = line.dropFirst(5)
      let result = try await body(Server(uri: "http://127.0.0.1:\(port)", requests: requests))
      server.cancel()
      _ = await server.result
      return result
    }
    throw HostError.commandFailed(command: "python3", status: "didn't serve", output: "")
  }

  struct Server: Sendable {
    let uri: String
    let requests: RequestLog
  }

  /// A guest that has dpkg, and this repository as its one source.
  ///
  /// - Parameter installed: "name version" of what else it has.
  func guest(_ uri: String, installed: [String] = []) async throws -> GuestPackages {
    let status = (["dpkg 1.21.22"] + installed).map { package in
      let words = package.split(separator: " ")
      return """
        Package: \(words[0])
        Status: install ok installed
        Maintainer: Test <test@example.org>
        Architecture: \(words[0] == "dpkg" ? "amd64" : "all")
        Version: \(words[1])
        Description: for a test


        """
    }
    return try await GuestPackages.read(
      from: FakeGuest([
        "/var/lib/dpkg/status": status.joined(),
        "/etc/apt/sources.list": "deb [signed-by=/usr/share/keyrings/mini.asc] \(uri) ./\n",
        "/usr/share/keyrings/mini.asc": String(decoding: try await key(), as: UTF8.self),
        "/etc/os-release": "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
      ]))
  }
}
