/// Files by their paths.
extension Ext4Volume {
  /// What a path names, links followed as path_resolution(7) says; nil where there is nothing.
  ///
  /// - Throws: ``Ext4Error/damaged(disk:reason:)``, also for links that never end; `HostError`.
  package func find(_ path: String) throws -> Ext4Inode? {
    var rest = Array(path.split(separator: "/").map(String.init).reversed())
    var folders = [try inode(Self.root)]
    var links = 0
    while let name = rest.popLast() {
      if name == "." { continue }
      if name == ".." {
        if folders.count > 1 { folders.removeLast() }
        continue
      }
      guard let folder = folders.last, folder.mode >> 12 == Kind.folder,
        let number = try names(in: folder).first(where: { $0.name == name })?.inode
      else { return nil }
      let found = try inode(number)
      guard found.mode >> 12 == Kind.link else {
        folders.append(found)
        continue
      }
      links += 1
      // MAXSYMLINKS of the kernel's include/linux/namei.h, PATH_MAX of limits.h.
      guard links <= 40 else { throw damaged("\(path) leads around in a circle") }
      let target = try found.shortTarget ?? String(decoding: contents(found, limit: 4096), as: UTF8.self)
      if target.hasPrefix("/") { folders.removeLast(folders.count - 1) }
      rest += target.split(separator: "/").map(String.init).reversed()
    }
    return folders.last
  }

  /// The whole of a file by its path; nil where there is none, or it is something else.
  ///
  /// - Throws: ``Ext4Error/damaged(disk:reason:)`` when it has more than `limit` bytes, and as ``find(_:)``.
  package func file(_ path: String, limit: Int) throws -> [UInt8]? {
    guard let inode = try find(path), inode.mode >> 12 == Kind.file else { return nil }
    return try contents(inode, limit: limit)
  }

  /// inode(7), without the permission bits.
  private enum Kind {
    static let folder: UInt32 = 0o04
    static let file: UInt32 = 0o10
    static let link: UInt32 = 0o12
  }
}
