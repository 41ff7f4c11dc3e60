import Glibc
import Host

/// The exit status that each module's errors come to. The modules know nothing of it: this is the one place, and a
/// switch over every case, so that a new case has to be thought about here.
extension ExitStatus {
  init(for error: any Error) {
    switch error {
    case let error as HostError: self.init(host: error)
    case is CancellationError: self = .interrupted
    case is BrokenPipe: self = .brokenPipe
    default: self = .failed
    }
  }

  private init(host error: HostError) {
    switch error {
    case .file(_, _, let code): self.init(errno: code)
    case .programMissing: self = .environment
    case .locked: self = .conflict
    case .setting: self = .usage
    case .commandFailed, .outputTooLong: self = .failed
    }
  }

  private init(errno code: CInt) {
    switch code {
    case ENOENT, ENOTDIR: self = .notFound
    case EEXIST, EBUSY, ETXTBSY: self = .conflict
    case EACCES, EPERM, EROFS, ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM: self = .environment
    default: self = .failed
    }
  }
}
