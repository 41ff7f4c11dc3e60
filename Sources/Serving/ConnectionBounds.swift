import Glibc

/// How many connections there may be at once.
enum ConnectionBounds {
  /// Of one address, behind which there may be many instances.
  static var ofOne: Int { max(1, ofAll / 4) }

  /// The half of what this process may have open (RLIMIT_NOFILE of getrlimit(2)), at most 512: the other half is for
  /// the state and for programs.
  static var ofAll: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 512 }
    return max(1, Int(clamping: min(limit.rlim_cur / 2, 512)))
  }
}
