import Glibc
public import State
public import SystemPackage

/// Why an instance of the local cloud can't be booted or asked.
public enum LocalInstanceError: Error, Sendable, CustomStringConvertible {
  /// The published disk isn't the one that was registered.
  case imageChanged(image: String, disk: FilePath)
  /// Neither its kernel nor anything else to boot was found in it.
  case imageUnusable(image: String, reason: String)
  /// The image's disk is larger than the flavor's, both in bytes.
  case diskTooSmall(flavor: String, disk: UInt64, image: String, needs: UInt64)
  /// QEMU ended, or never said that the machine runs; `log` and `console` are the ends of what the two said.
  case notStarted(network: NetworkID, reason: String, log: String, console: String)
  /// QEMU's monitor didn't answer, or not as it should.
  case monitor(socket: FilePath, reason: String)
  /// There is no saved state of the image to go on from.
  case notSaved(image: String, reason: String)
  /// An instance didn't go on from the image's saved state.
  case notResumed(image: String, reason: String)
  /// The tap device of the network couldn't be opened.
  case noDevice(network: NetworkID, errno: CInt)

  public var description: String {
    switch self {
    case .imageChanged(let image, let disk):
      "\(disk) isn't the disk that was built as \(image): look with 'cpbuild image verify \(image)', and build it anew"
    case .imageUnusable(let image, let reason):
      "the image \(image) can't be booted here: \(reason)"
    case .diskTooSmall(let flavor, let disk, let image, let needs):
      """
      the image \(image) needs a disk of \(Self.mebibytes(needs)) MiB and the flavor \(flavor) has \
      \(Self.mebibytes(disk)) MiB: choose a larger flavor
      """
    case .notStarted(let network, let reason, let log, let console):
      "the cloudpipe of \(network) didn't start: \(reason)" + Self.end(of: "QEMU's log", log)
        + Self.end(of: "its console", console)
    case .monitor(let socket, let reason):
      "QEMU's monitor at \(socket): \(reason)"
    case .notSaved(let image, let reason):
      "no state of the image \(image) can be saved: \(reason)"
    case .notResumed(let image, let reason):
      "the saved state of the image \(image) is of no use, and was removed: \(reason)"
    case .noDevice(let network, let code):
      "the network \(network) has no device for its cloudpipe (\(Self.reason(code))): restart it"
    }
  }

  private static func mebibytes(_ bytes: UInt64) -> UInt64 { bytes >> 20 }

  private static func end(of name: String, _ text: String) -> String {
    text.isEmpty ? "" : "\nthe end of \(name):\n\(text)"
  }

  private static func reason(_ code: CInt) -> String { String(cString: strerror(code)) }
}
