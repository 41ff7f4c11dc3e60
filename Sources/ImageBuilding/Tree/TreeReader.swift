import Disks
import Foundation
import Host

/// Lists everything in a filesystem.
struct TreeReader {
  let volume: Ext4Volume
  /// Latest time that an entry may have, in seconds since 1970.
  let epoch: Int
  /// Files whose content is wanted too; one may have 16 MiB at the most.
  var wanted: (String) -> Bool = { _ in false }

  struct Result: Sendable {
    let tree: Tree
    let contents: [String: Data]
    /// Of all regular files, in bytes; one with several names counts once.
    let size: UInt64
  }

  private static let maximumContent = 16 << 20
  /// More entries than any image has; a filesystem that loops ends here.
  private static let maximumEntries = 2_000_000

  /// - Throws: ``Ext4Error``, ``HostError``; `CancellationError` in a cancelled task.
  func read() throws -> Result {
    var entries: [TreeEntry] = []
    var names: [UInt32: [Int]] = [:]  // inode with several names → its entries
    var contents: [String: Data] = [:]
    var size: UInt64 = 0
    var folders: [(path: String, inode: UInt32)] = [("", Ext4Volume.root)]
    var seen: Set<UInt32> = [Ext4Volume.root]
    entries.append(try entry("/", try volume.inode(Ext4Volume.root)))
    while let folder = folders.popLast() {
      try Task.checkCancellation()
      for (name, number) in try volume.names(in: try volume.inode(folder.inode)) {
        let path = "\(folder.path)/\(name)"
        // Where fsck puts what it finds; every ext4 has it, and nothing in it is part of an image.
        if path == "/lost+found" { continue }
        guard entries.count < Self.maximumEntries else { throw volume.damaged("it has too many entries") }
        let inode = try volume.inode(number)
        var entry = try entry(path, inode)
        if entry.type == .folder {
          guard seen.insert(number).inserted else { throw volume.damaged("a folder lies in itself") }
          folders.append((path, number))
        } else if entry.type == .file {
          if let first = names[number]?.first {
            entry.digest = entries[first].digest
          } else {
            entry.digest = try digest(inode)
            size += inode.size
          }
          if inode.links > 1 { names[number, default: []].append(entries.count) }
          if wanted(path) { contents[path] = Data(try volume.contents(inode, limit: Self.maximumContent)) }
        }
        entries.append(entry)
      }
    }
    for group in names.values { join(group, in: &entries) }
    return Result(tree: Tree(entries), contents: contents, size: size)
  }

  private func digest(_ inode: Ext4Inode) throws -> Digest {
    var hasher = Digest.Hasher()
    try volume.read(inode) { hasher.update($0) }
    return hasher.finish()
  }

  private func entry(_ path: String, _ inode: Ext4Inode) throws -> TreeEntry {
    // inode(7)
    let types: [UInt32: TreeEntry.Kind] = [
      0o10: .file, 0o04: .folder, 0o12: .link, 0o02: .character, 0o06: .block, 0o01: .pipe, 0o14: .socket,
    ]
    guard let type = types[inode.mode >> 12] else { throw volume.damaged("\(path) is of no known type") }
    let attributes = try volume.attributes(of: inode)
    return TreeEntry(
      path: path, type: type, mode: String(inode.mode & 0o7777, radix: 8), owner: inode.owner, group: inode.group,
      target: type == .link ? try target(inode) : nil,
      device: type == .character || type == .block ? inode.device : nil,
      attributes: attributes.isEmpty ? nil : attributes.mapValues { Digest.sha256($0) },
      modified: min(epoch, inode.modified))
  }

  private func target(_ inode: Ext4Inode) throws -> String {
    // PATH_MAX of limits.h.
    try inode.shortTarget ?? String(decoding: volume.contents(inode, limit: 4096), as: UTF8.self)
  }

  /// A file with several names is told by the first of them in byte order.
  private func join(_ group: [Int], in entries: inout [TreeEntry]) {
    let least = group.map { entries[$0].path }.min { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    for place in group where entries[place].path != least { entries[place].sameAs = least }
  }
}
