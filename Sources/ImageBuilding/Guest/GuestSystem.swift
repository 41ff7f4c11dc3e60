/// The operating system on a guest's disks, and where its parts lie.
public struct GuestSystem: Sendable, Codable, Equatable {
  /// `debian` or `ubuntu`: ID of os-release(5).
  public let distribution: String
  /// VERSION_ID of os-release(5), such as `12` or `24.04`; empty in Debian's testing.
  public let version: String
  /// VERSION_CODENAME of os-release(5), such as `bookworm`.
  public let codename: String
  /// What os-release(5) calls PRETTY_NAME.
  public let title: String
  /// Debian's name for the architecture, such as `amd64`.
  public let architecture: String
  /// The filesystems that make up the system, the root first, as the appliance names them.
  public let mounts: [Mount]
  /// The root lies on a partition of its own with ext4, not on LVM, btrfs or a whole disk, and nothing is split off.
  public let isPlain: Bool

  public struct Mount: Sendable, Codable, Equatable {
    public let device: String
    public let point: String
    public let type: String

    /// `/dev/vg/lv`, as libguestfs names one.
    var isLogicalVolume: Bool { device.split(separator: "/").count == 3 && !device.hasPrefix("btrfsvol:") }
  }
}

/// Why a base can't be made into an image, found by looking inside.
public enum GuestSystemError: Error, Equatable, Sendable, CustomStringConvertible {
  case none(image: String, found: [String])
  case several(image: String, roots: [String])
  case encrypted(image: String, device: String)
  case otherDistribution(image: String, found: String)
  case otherArchitecture(image: String, found: String, host: String)
  case tooLittleSpace(image: String, free: UInt64, needed: UInt64)

  public var description: String {
    switch self {
    case .none(let image, let found):
      let what = found.isEmpty ? "no filesystem" : "only \(found.joined(separator: ", "))"
      return "\(image) holds no operating system (\(what)); use a cloud image of Debian or Ubuntu"
    case .several(let image, let roots):
      return "\(image) holds several operating systems (on \(roots.joined(separator: ", "))); use an image with one"
    case .encrypted(let image, let device):
      return
        "\(image) is encrypted (\(device) is LUKS); use an image that isn't, since nobody is there to unlock it at boot"
    case .otherDistribution(let image, let found):
      return "\(image) holds \(found), which is neither Debian nor Ubuntu; use a cloud image of one of these"
    case .otherArchitecture(let image, let found, let host):
      return "\(image) is for \(found), this machine is \(host); use the image for \(host)"
    case .tooLittleSpace(let image, let free, let needed):
      return
        "\(image) has \(free >> 20) MiB free, and about \(needed >> 20) MiB are needed; use a larger image or fewer packages"
    }
  }
}
