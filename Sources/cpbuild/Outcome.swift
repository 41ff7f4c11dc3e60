/// How a command line ended, as its exit status. Part of the interface: a number never changes its meaning.
enum Outcome: Int32, CaseIterable {
  case done = 0
  case failed = 1
  /// No such thing: an image, a project, a file that was named.
  case notFound = 2
  /// It exists already, or is in use.
  case conflict = 3
  /// This machine lacks something; `cpbuild doctor` tells what.
  case environment = 4
  /// The command line itself is wrong: EX_USAGE of sysexits(3).
  case usage = 64
  /// `^C`, SIGTERM or SIGHUP; for `cpbuild serve` `^C` alone.
  case interrupted = 130
  /// Whoever read stdout went away: what a shell shows for a program that SIGPIPE ended.
  case brokenPipe = 141
}
