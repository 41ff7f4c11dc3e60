import Glibc
public import SystemPackage

/// Folders: made with the mode that is wanted, listed, and removed whole.
public enum Folder {
  /// Makes `path` and its missing parents with `mode`, whatever the umask; one that is there keeps its mode.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)``.
  public static func make(_ path: FilePath, mode: CInterop.Mode = 0o755) throws {
    do { try makeOne(path, mode: mode) } catch HostError.file(_, _, ENOENT) where path.components.count > 1 {
      try make(path.removingLastComponent(), mode: mode)
      // The kernel's own filesystems say ENOENT of a folder that can't be made, too.
      try makeOne(path, mode: mode)
    }
  }

  private static func makeOne(_ path: FilePath, mode: CInterop.Mode) throws {
    if mkdir(path.string, mode) == 0 {
      try checked("change the mode of", path) { chmod(path.string, mode) }
      return
    }
    switch errno {
    case EEXIST:
      var status = stat()
      try checked("look at", path) { stat(path.string, &status) }
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw HostError.file(doing: "use as a folder", path: path, errno: ENOTDIR)
      }
    case let code:
      throw HostError.file(doing: "create the folder", path: path, errno: code)
    }
  }

  /// Where temporary files go: `$TMPDIR`, else /tmp.
  public static var temporary: FilePath {
    guard let name = getenv("TMPDIR").map({ String(cString: $0) }), !name.isEmpty else { return "/tmp" }
    return FilePath(name)
  }

  /// Makes an empty folder with a name of its own, mode 0700, in ``temporary``.
  ///
  /// - Parameter prefix: what its name begins with.
  /// - Throws: ``HostError/file(doing:path:errno:)``.
  public static func makeTemporary(_ prefix: String) throws -> FilePath {
    let parent = temporary
    var template = Array(parent.appending("\(prefix).XXXXXX").string.utf8CString)
    guard mkdtemp(&template) != nil else {
      throw HostError.file(doing: "create a folder in", path: parent, errno: errno)
    }
    return FilePath(String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
  }

  /// The names in `path`, sorted by bytes; empty where there is no such folder.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)``.
  public static func names(in path: FilePath) throws -> [String] {
    guard let stream = opendir(path.string) else {
      if errno == ENOENT { return [] }
      throw HostError.file(doing: "list", path: path, errno: errno)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Removes the file or folder at `path` with all below it, never following a symbolic link. What isn't there is fine.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)``.
  public static func remove(_ path: FilePath) throws {
    if unlink(path.string) == 0 || errno == ENOENT { return }
    guard errno == EISDIR || errno == EPERM else { throw HostError.file(doing: "remove", path: path, errno: errno) }
    for name in try names(in: path) { try remove(path.appending(name)) }
    if rmdir(path.string) != 0 && errno != ENOENT {
      throw HostError.file(doing: "remove the folder", path: path, errno: errno)
    }
  }

  /// Free bytes for this user on the filesystem that holds `path`.
  ///
  /// - Throws: ``HostError/file(doing:path:errno:)``.
  public static func freeSpace(at path: FilePath) throws -> UInt64 {
    var status = statvfs()
    try checked("look at", path) { statvfs(path.string, &status) }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize)
  }
}
