public import Foundation
public import Host

/// Files that are laid into an image, with the owner and mode that a declaration beside them gives to each.
public struct Overlay: Sendable, Equatable {
  public let name: String
  /// In the order of their paths, folders before what they hold.
  public let entries: [Entry]
  /// systemd units to enable and to mask.
  public let enable: [String]
  public let mask: [String]
  /// Guest paths to remove before the files are laid.
  public let remove: [String]
  /// A POSIX sh script that runs in the guest after the files are laid.
  public let setup: Data?

  /// One file, folder or link.
  public struct Entry: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
      case file(Data)
      case folder
      case link(to: String)
    }
    /// Absolute, in the guest.
    public let path: String
    public let kind: Kind
    /// Permission bits.
    public let mode: UInt32
    /// Names or numbers, as the guest's /etc/passwd and /etc/group know them.
    public let owner: String
    public let group: String
  }

  /// What a stage's key takes from an overlay: every byte that goes into the guest.
  public var digest: Digest {
    var hasher = Digest.Hasher()
    for entry in entries {
      let attributes = [entry.path, String(entry.mode, radix: 8), entry.owner, entry.group]
      switch entry.kind {
      case .file(let bytes): hasher.update(fields: attributes + ["file", Digest.sha256(bytes).hex])
      case .folder: hasher.update(fields: attributes + ["folder"])
      case .link(let target): hasher.update(fields: attributes + ["link", target])
      }
    }
    for list in [enable, mask, remove] { hasher.update(fields: ["list"] + list) }
    hasher.update(setup ?? Data())
    return hasher.finish()
  }
}
