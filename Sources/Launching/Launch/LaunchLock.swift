import Foundation
import Glibc
import Host
import Names
import State
import SystemPackage

/// What keeps two processes from changing one network's cloudpipe at the same time, and tells a launch that is under way
/// from one that was killed: the kernel lets go of it when its holder ends, however it ends.
///
/// Locks are on single bytes of one file (open file description locks, fcntl(2)), so that nothing is left for a network
/// that is gone: one for the network, and one for the project, which launches share and which is held alone while what
/// the project's networks share is removed.
final class LaunchLock: Sendable {
  private let descriptor: CInt
  private let path: FilePath
  private let project: Int64

  private init(descriptor: CInt, path: FilePath, project: Int64) {
    self.descriptor = descriptor
    self.path = path
    self.project = project
  }

  deinit {
    // A child between its fork and its exec has the descriptor too, so that closing alone wouldn't do.
    _ = Self.set(F_UNLCK, at: 0, length: 0, of: descriptor)
    close(descriptor)
  }

  /// Takes the network's lock at once; nil when another holds it.
  ///
  /// - Throws: `HostError`.
  static func take(_ id: NetworkID, in home: Home) throws -> LaunchLock? {
    let path = home.path.appending("launches.lock")
    let descriptor = open(path.string, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw HostError.file(doing: "create the lock", path: path, errno: errno) }
    let lock = LaunchLock(descriptor: descriptor, path: path, project: place("\(id.project)"))
    // The project's last: whoever waits for one holds no other that somebody waits for.
    guard try lock.try(F_WRLCK, at: place("\(id)")), try lock.try(F_RDLCK, at: lock.project) else { return nil }
    return lock
  }

  /// Takes the network's lock, waiting until it is free; `waiting` is called once if it isn't free at first.
  ///
  /// - Throws: `CancellationError`, `HostError`.
  static func wait(
    for id: NetworkID, in home: Home, waiting: @Sendable () -> Void = {}
  ) async throws -> LaunchLock {
    var isAnnounced = false
    while true {
      if let lock = try take(id, in: home) { return lock }
      if !isAnnounced { waiting() }
      isAnnounced = true
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// Runs `body` while nothing else of the project is launched or removed.
  ///
  /// - Throws: what `body` throws, `CancellationError`, `HostError`.
  func aloneInProject(_ body: () async throws -> Void) async throws {
    // Two that both share it and both want it alone would wait for ever.
    _ = try self.try(F_UNLCK, at: project)
    while try !self.try(F_WRLCK, at: project) { try await Task.sleep(for: .milliseconds(50)) }
    do {
      try await body()
    } catch {
      _ = try self.try(F_RDLCK, at: project)
      throw error
    }
    _ = try self.try(F_RDLCK, at: project)
  }

  private func `try`(_ type: CInt, at place: Int64) throws -> Bool {
    let code = Self.set(type, at: place, length: 1, of: descriptor)
    if code == 0 { return true }
    guard code == EAGAIN || code == EACCES else { throw HostError.file(doing: "lock", path: path, errno: code) }
    return false
  }

  /// F_OFD_SETLK of Linux's fcntl.h, which Glibc's module leaves out.
  private static let setLock: CInt = 37

  /// - Returns: 0, or the errno.
  private static func set(_ type: CInt, at place: Int64, length: Int64, of descriptor: CInt) -> CInt {
    var lock = flock()
    lock.l_type = Int16(type)
    lock.l_whence = Int16(SEEK_SET)
    lock.l_start = Int(place)
    lock.l_len = Int(length)
    while fcntl(descriptor, setLock, &lock) != 0 {
      if errno != EINTR { return errno }
    }
    return 0
  }

  /// Where the lock of a name is: two names that share a place only wait for each other needlessly.
  private static func place(_ name: String) -> Int64 {
    let digest = Digest.sha256(Data(name.utf8)).hex.prefix(15)
    return Int64(digest, radix: 16) ?? 0
  }
}
