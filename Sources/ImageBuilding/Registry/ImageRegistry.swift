import Foundation
import Glibc
import Host
public import SystemPackage

/// The images below an `out` folder: `images/<id>/{disk.qcow2,manifest.json,sbom.spdx.json,SHA256SUMS}`, and
/// `vpn_image_id`, which names the newest.
///
/// A folder gets its name when everything in it is whole and on the disk, so one that is there is a finished image.
public struct ImageRegistry: Sendable {
  public let out: FilePath
  public var images: FilePath { out.appending("images") }
  /// What CI carries on: the id of the image that was built last, and a newline.
  public var artifact: FilePath { out.appending("vpn_image_id") }

  static let disk = "disk.qcow2"
  static let manifest = "manifest.json"
  static let bill = "sbom.spdx.json"
  static let sums = "SHA256SUMS"

  public init(out: FilePath) { self.out = out }

  /// The folder of one image, whether there is one or not.
  public func folder(of id: ImageID) -> FilePath { images.appending(id.description) }

  /// The disk of one image.
  public func disk(of id: ImageID) -> FilePath { folder(of: id).appending(Self.disk) }

  /// Whether there is an image of that name, whole or damaged.
  public func contains(_ id: ImageID) -> Bool { access(folder(of: id).string, F_OK) == 0 }

  /// Every image's id, sorted.
  ///
  /// - Throws: ``HostError``.
  public func list() throws -> [ImageID] {
    try Folder.names(in: images).compactMap(ImageID.init).filter(contains).sorted()
  }

  /// What `vpn_image_id` names; nil where it names nothing.
  public var current: ImageID? { currentText.flatMap { ImageID($0) } }

  /// What `vpn_image_id` says, which may be a cloud's own id of an image; nil where it says nothing.
  public var currentText: String? {
    let text = try? String(contentsOfFile: artifact.string, encoding: .utf8)
    return text.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Has `vpn_image_id` say what a cloud calls an image.
  ///
  /// - Throws: ``HostError``.
  public func select(cloudID: String) throws {
    try Folder.make(out)
    try AtomicFile.write("\(cloudID)\n", to: artifact)
  }

  /// - Throws: ``ImageError/noSuchImage(_:folder:)``, ``ImageError/badManifest(path:reason:)``,
  ///   ``ImageError/newerManifest(path:version:)``.
  public func manifest(of id: ImageID) throws -> Manifest {
    guard contains(id) else { throw ImageError.noSuchImage(id.description, folder: images) }
    let path = folder(of: id).appending(Self.manifest)
    do {
      let data = try Data(contentsOf: URL(filePath: path.string))
      let version = try JSONDecoder().decode(Version.self, from: data).version
      guard version <= Manifest.currentVersion else { throw ImageError.newerManifest(path: path, version: version) }
      return try JSONDecoder().decode(Manifest.self, from: data)
    } catch let error as ImageError {
      throw error
    } catch {
      throw ImageError.badManifest(path: path, reason: "it isn't a manifest of this version")
    }
  }

  private struct Version: Decodable { var version: Int }

  /// Why an image isn't the one that was published under its name; nil for one that is. Reads all of it.
  ///
  /// - Throws: ``ImageError/newerManifest(path:version:)``, ``HostError``, `CancellationError`.
  func damage(of id: ImageID) throws -> String? {
    do {
      let manifest = try manifest(of: id)
      guard manifest.id == id else { return "its manifest is that of \(manifest.id)" }
      return try checksumDrift(id).first.map { "\($0.subject) isn't what SHA256SUMS says" }
    } catch let error as ImageError {
      guard case .badManifest = error else { throw error }
      return "\(error)"
    }
  }

  /// Finds out before a build of minutes that there would be no place for its image.
  ///
  /// - Throws: ``HostError`` unless `out`, or where it would be made, is a folder that may be written to.
  func checkPlace() throws {
    var place = out
    while access(place.string, F_OK) != 0 && !place.components.isEmpty { place.removeLastComponent() }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: place.string, isDirectory: &isFolder), isFolder.boolValue else {
      throw HostError.file(doing: "put images into", path: out, errno: ENOTDIR)
    }
    guard access(place.string, W_OK | X_OK) == 0 else {
      throw HostError.file(doing: "put images into", path: out, errno: errno)
    }
  }

  /// Gives a finished image its place, and its id to whoever asks for the newest.
  ///
  /// - Parameters:
  ///   - disk: the qcow2; it is copied (shared, where the filesystem can).
  ///   - manifest: with the disk's digest in it.
  ///   - bill: the SPDX document.
  /// - Throws: ``HostError``; nothing half-made is left then.
  func publish(disk: FilePath, manifest: Manifest, bill: Data) async throws {
    let target = folder(of: manifest.id)
    try Folder.make(images)
    try sweep()
    if try !contains(manifest.id) || damage(of: manifest.id) != nil {
      let aside = images.appending(".\(manifest.id).\(getpid()).tmp")
      do {
        try Folder.make(aside)
        try await fill(aside, disk: disk, manifest: manifest, bill: bill)
        try Folder.remove(target)
        try AtomicFile.publish(aside, as: target)
      } catch {
        try? Folder.remove(aside)
        throw error
      }
    }
    try select(manifest.id)
  }

  /// Takes a whole image over from another registry, unless it is here already, and makes it the newest.
  ///
  /// - Throws: ``ImageError``, ``HostError``.
  func adopt(_ id: ImageID, from other: ImageRegistry) async throws {
    if try other.out == out || contains(id) && damage(of: id) == nil { return try select(id) }
    let bill = try Data(contentsOf: URL(filePath: other.folder(of: id).appending(Self.bill).string))
    try await publish(disk: other.disk(of: id), manifest: try other.manifest(of: id), bill: bill)
  }

  /// Makes `id` the one that `vpn_image_id` names.
  func select(_ id: ImageID) throws {
    if current != id { try AtomicFile.write("\(id)\n", to: artifact) }
  }

  private func fill(_ folder: FilePath, disk: FilePath, manifest: Manifest, bill: Data) async throws {
    let copy = folder.appending(Self.disk)
    try await Command("cp", ["--reflink=auto", "--sparse=auto", disk.string, copy.string]).run()
    try AtomicFile.flush(copy)
    let json = try manifest.json()
    try AtomicFile.write(json, to: folder.appending(Self.manifest))
    try AtomicFile.write(bill, to: folder.appending(Self.bill))
    let sums = [
      (manifest.disk.sha256, Self.disk), (Digest.sha256(json), Self.manifest), (Digest.sha256(bill), Self.bill),
    ]
    try AtomicFile.write(sums.map { "\($0)  \($1)\n" }.joined(), to: folder.appending(Self.sums))
  }

  /// Removes what a killed publication left.
  private func sweep() throws {
    for name in try Folder.names(in: images) where name.hasPrefix(".ami-") && name.hasSuffix(".tmp") {
      let owner = name.split(separator: ".").dropFirst().first.flatMap { pid_t($0) }
      if let owner, owner != getpid(), kill(owner, 0) == 0 || errno == EPERM { continue }
      try Folder.remove(images.appending(name))
    }
  }

  /// Removes an image; `vpn_image_id` goes too where it names this one.
  ///
  /// - Throws: ``ImageError/noSuchImage(_:folder:)``, ``HostError``.
  public func remove(_ id: ImageID) throws {
    guard contains(id) else { throw ImageError.noSuchImage(id.description, folder: images) }
    if current == id { try Folder.remove(artifact) }
    // Without its name first, so that nobody takes half of it for an image.
    let aside = images.appending(".\(id).\(getpid()).tmp")
    try AtomicFile.publish(folder(of: id), as: aside)
    try Folder.remove(aside)
  }

  /// Removes images, oldest first, until the rest fits into `budget` bytes.
  ///
  /// - Parameter sparing: seconds since 1970; what was made since stays.
  func prune(budget: UInt64, sparing: Int) throws {
    func size(_ id: ImageID) -> UInt64 { (try? manifest(of: id).disk.size) ?? 0 }
    func time(_ id: ImageID) -> Int {
      var status = stat()
      return lstat(folder(of: id).string, &status) == 0 ? status.st_mtim.tv_sec : 0
    }
    var images = try list().map { (id: $0, size: size($0), time: time($0)) }.sorted { $0.time < $1.time }
    var total = images.reduce(0) { $0 + $1.size }
    while total > budget, let oldest = images.first, oldest.time < sparing {
      images.removeFirst()
      // Somebody else may have been faster.
      do { try remove(oldest.id) } catch ImageError.noSuchImage {}
      total -= oldest.size
    }
  }

  /// How the files differ from SHA256SUMS.
  ///
  /// - Throws: ``ImageError/noSuchImage(_:folder:)``, ``HostError``.
  func checksumDrift(_ id: ImageID) throws -> [Drift] {
    guard contains(id) else { throw ImageError.noSuchImage(id.description, folder: images) }
    let text = (try? String(contentsOfFile: folder(of: id).appending(Self.sums).string, encoding: .utf8)) ?? ""
    var expected: [String: Digest] = [:]
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ", omittingEmptySubsequences: true)
      if fields.count == 2, let digest = Digest(hex: fields[0]) { expected[String(fields[1])] = digest }
    }
    return try [Self.disk, Self.manifest, Self.bill].compactMap { name in
      let path = folder(of: id).appending(name)
      let found = access(path.string, F_OK) == 0 ? try Digest.ofFile(path) : nil
      guard found != expected[name] || found == nil else { return nil }
      return Drift(
        kind: .checksum, subject: name, expected: expected[name]?.hex ?? "an entry in SHA256SUMS",
        found: found?.hex ?? "no file")
    }
  }
}
