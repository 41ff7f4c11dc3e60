import Host

/// What differs between the distributions whose systems are bootstrapped.
struct Distribution: Equatable, Sendable {
  /// As in os-release.
  let id: String
  /// As its Release files call it.
  let origin: String
  let codename: String
  /// What a person calls it.
  let prettyName: String
  /// Parts of the archive that are used, where a source has them.
  let components: [String]
  /// The one for machines that run under a hypervisor: small, and with the disks and networks of all clouds.
  let kernel: String
  /// How the key files of its archive are called.
  let keyringPrefix: String
  /// The key file that is in the new system in any case.
  let keyring: String

  /// - Throws: ``BaseError/hostNotSupported(system:)``.
  init(_ release: OSRelease, architecture: String) throws(BaseError) {
    let name = release.prettyName ?? release.id
    guard let codename = release.codename, architecture == "amd64" else {
      throw .hostNotSupported(system: "\(name) (\(architecture))")
    }
    id = release.id
    self.codename = codename
    prettyName = name
    switch release.id {
    case "debian":
      origin = "Debian"
      components = ["main"]
      kernel = "linux-image-cloud-amd64"
      keyringPrefix = "debian-archive-"
      keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    case "ubuntu":
      origin = "Ubuntu"
      // OpenVPN isn't in main there.
      components = ["main", "universe"]
      // linux-image-kvm is smaller and lacks the disks of Xen and Hyper-V, and 24.04 has none.
      kernel = "linux-image-virtual"
      keyringPrefix = "ubuntu-archive-"
      keyring = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"
    default:
      throw .hostNotSupported(system: name)
    }
  }

  /// Suites of a stable release: itself, its updates, its security updates. Backports and proposed updates aren't.
  var suites: [String] { ["", "-updates", "-security"].map { codename + $0 } }
}
