import Glibc
public import SystemPackage

/// Why nothing can be served.
public enum ServingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// `place` is an address and a port.
  case listening(String, errno: CInt)
  /// What else there is against serving at `place`, such as a host that isn't known.
  case unusable(String, why: String)
  /// A file that is to hold the certificate or its key.
  case unreadable(FilePath, what: String)
  /// Such as a key of another certificate.
  case unfit(certificate: FilePath, key: FilePath, why: String)

  public var description: String {
    switch self {
    case .listening(let place, let code):
      "can't listen on \(place): \(String(cString: strerror(code))): give another one with --listen"
    case .unusable(let place, let why): "can't serve at \(place): \(why)"
    case .unreadable(let path, let what): "no \(what) in PEM can be read from \(path)"
    case .unfit(let certificate, let key, let why):
      "the certificate of \(certificate) and the key of \(key) don't do for TLS: \(why)"
    }
  }
}
