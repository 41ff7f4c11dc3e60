import Foundation
import GRDB
import Host
import Names
import SystemPackage

/// One folder of files for other programs, as the rows say that it should be: the root's, or a project's.
struct ExportedFolder {
  let path: FilePath
  /// By name; what is in the folder beside these is left from before.
  let files: [String: String]
  /// Whether other things may be in the folder: the root's holds the projects' folders and the private keys.
  let isShared: Bool

  /// The root CA's: all trusted root certificates, and the newest CRL of each.
  static func ofRoot(_ transaction: Transaction, home: Home) throws -> ExportedFolder {
    let roots = try transaction.authorities.trusted(of: nil)
    var files: [String: String] = [:]
    if !roots.isEmpty { files["cacert.pem"] = roots.map(\.pem).joined() }
    files["crl.pem"] = try crls(of: roots, transaction)
    return ExportedFolder(path: home.authorities, files: files, isShared: true)
  }

  /// A project's: the chain from its trusted authorities to the roots; as `ca.crt` the anchors, which alone belong into an
  /// OpenVPN configuration; its cloudpipes' certificates, and the newest CRL of each of its authorities, the active one's
  /// first.
  static func of(_ project: ProjectID, _ transaction: Transaction, home: Home) throws -> ExportedFolder {
    let authorities = try transaction.authorities.trusted(of: project)
    var files: [String: String] = [:]
    if !authorities.isEmpty {
      files["cacert.pem"] = (authorities + (try transaction.authorities.trusted(of: nil))).map(\.pem).joined()
    }
    let anchors = authorities.compactMap(\.anchor)
    if !anchors.isEmpty { files["ca.crt"] = anchors.map(PEM.certificate).joined() }
    files["crl.pem"] = try crls(of: authorities, transaction)
    for (network, certificate) in try transaction.certificates.servers(of: project) {
      let name = network == NetworkName.standard.text ? "server.crt" : "server-\(network).crt"
      files[name] = certificate.pem
    }
    return ExportedFolder(path: home.projects.appending(project.text), files: files, isShared: false)
  }

  /// Whether the folder is as it should be, to the last byte.
  func isCurrent() throws -> Bool {
    for (name, text) in files {
      guard FileManager.default.contents(atPath: path.appending(name).string) == Data(text.utf8) else { return false }
    }
    return try leftovers().isEmpty
  }

  /// Makes the folder as it should be: each file is replaced whole, and what is left from before is removed.
  func write() throws {
    for name in try leftovers() { try Folder.remove(path.appending(name)) }
    guard !files.isEmpty || isShared else { return try Folder.remove(path) }
    try Folder.make(path, mode: 0o700)
    for (name, text) in files.sorted(by: { $0.key < $1.key }) {
      if FileManager.default.contents(atPath: path.appending(name).string) == Data(text.utf8) { continue }
      try AtomicFile.write(text, to: path.appending(name), mode: 0o644)
    }
  }

  private func leftovers() throws -> [String] {
    try Folder.names(in: path).filter { name in
      if files[name] != nil { return false }
      // In the root's folder only what is ours by its name: unfinished files, and the ones that are written here.
      return !isShared || name.hasSuffix(".pem") || name.hasPrefix(".") && name.hasSuffix(".tmp")
    }
  }

  static func crls(of authorities: [Authority], _ transaction: Transaction) throws -> String? {
    let crls = try authorities.compactMap { try transaction.crls.newest(of: $0.id) }
    return crls.isEmpty ? nil : crls.map(\.pem).joined()
  }
}

extension Certificates {
  /// The certificate that each network's cloudpipe of the project uses now, by the network's name.
  func servers(of project: ProjectID) throws -> [(network: String, certificate: Certificate)] {
    let lineages = try Lineage.fetchAll(
      db, sql: "SELECT * FROM lineages WHERE project_id = ? AND kind = 'server' AND revoked_at IS NULL",
      arguments: [project.text])
    return try lineages.compactMap { lineage in try newest(in: lineage.id).map { (lineage.name, $0) } }
  }
}
