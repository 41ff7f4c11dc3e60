import Glibc
public import SystemPackage

/// An exclusive lock between processes that the kernel lets go of when its holder ends, however it ends.
///
/// The lock file stays where it is: removing it would let two holders lock two files of one name. Children don't
/// inherit the lock (O_CLOEXEC), so one that outlives its parent doesn't hold it on.
public final class FileLock: Sendable {
  private let descriptor: CInt
  /// The lock file.
  public let path: FilePath

  private init(descriptor: CInt, path: FilePath) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit {
    // Closing alone wouldn't do: a child between its fork and its exec has the descriptor too.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// Takes the lock at once.
  ///
  /// - Parameter making: the lock file is made where there is none; else a file that is there already is locked.
  /// - Throws: ``HostError/locked(path:)`` when another process holds it, ``HostError/file(doing:path:errno:)``.
  public static func take(_ path: FilePath, making: Bool = true) throws -> FileLock {
    let flags = making ? O_RDWR | O_CREAT : O_RDONLY
    let descriptor = try checked(making ? "create the lock" : "lock", path) {
      open(path.string, flags | O_CLOEXEC, 0o600)
    }
    let lock = FileLock(descriptor: descriptor, path: path)
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      throw errno == EWOULDBLOCK
        ? HostError.locked(path: path) : HostError.file(doing: "lock", path: path, errno: errno)
    }
    return lock
  }

  /// Whether the lock file is still the one of that name. It isn't when a holder before removed it, with the folder that
  /// it was in: whoever comes then locks another file.
  public var isCurrent: Bool {
    var (own, named) = (stat(), stat())
    return fstat(descriptor, &own) == 0 && stat(path.string, &named) == 0 && own.st_ino == named.st_ino
      && own.st_dev == named.st_dev
  }

  /// Takes the lock, waiting until it is free; `waiting` is called once if it isn't free at first.
  ///
  /// Asks ten times a second rather than blocking a thread, so that cancellation is heard at once.
  ///
  /// - Throws: `CancellationError`, ``HostError/file(doing:path:errno:)``.
  public static func wait(
    for path: FilePath, making: Bool = true, waiting: () -> Void = {}
  ) async throws -> FileLock {
    var announced = false
    while true {
      do {
        return try take(path, making: making)
      } catch HostError.locked {
        if !announced { waiting() }
        announced = true
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }
}
