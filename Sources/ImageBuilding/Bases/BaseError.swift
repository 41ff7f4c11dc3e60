public import Host
public import SystemPackage

/// What can go wrong with a base; every case names what it is about and says what to do.
public enum BaseError: Error, Equatable, Sendable, CustomStringConvertible {
  /// `image` can't be a base.
  case refused(image: String, ImageRefusal)
  /// A base's path leads to something else than a file.
  case notAFile(FilePath)
  /// Somebody wrote to the file while it was read.
  case changedWhileRead(FilePath)
  /// A recipe's URL can't be used.
  case badURL(String, reason: String)
  /// A server refused.
  case http(url: String, status: Int)
  /// The connection failed, again and again.
  case transfer(url: String, reason: String)
  /// A download is bigger than `limit` bytes.
  case tooLarge(url: String, limit: UInt64)
  /// What came isn't what the publisher announced; `looksLike` says what it seems to be instead.
  case wrongChecksum(url: String, expected: Digest, got: Digest, looksLike: String?)
  /// The publisher's list of checksums has no line for the file.
  case notListed(file: String, sums: String)
  /// The publisher's list of checksums makes no sense.
  case badSums(url: String, reason: String)
  /// Offline, and this isn't in the cache.
  case offline(missing: String)
  /// The disk under the cache has too little space: bytes.
  case noSpace(folder: FilePath, needed: UInt64, free: UInt64)
  /// A system like this host's can't be bootstrapped.
  case hostNotSupported(system: String)
  /// The host has no apt source of its own distribution; `skipped` are those that it has, each with the reason.
  case noDistributionSource(system: String, skipped: [String])
  /// A source that looks like the distribution's is another's.
  case foreignSource(source: String, origin: String, system: String)
  /// This user can't bootstrap.
  case cannotUnshare(reason: String, remedy: String)
  /// mmdebstrap failed; `output` is the end of what it said.
  case bootstrapFailed(output: String)
  /// The system that came out isn't the one that was planned.
  case unplanned(packages: [String])
  /// The content doesn't fit into a disk of `size` bytes.
  case tooSmall(size: UInt64, output: String)
  /// A boot loader's file isn't what it should be.
  case badBootLoader(file: FilePath, reason: String)

  public var description: String {
    switch self {
    case .refused(let image, let refusal):
      return "\(image) can't be a base: \(refusal.reason); \(refusal.remedy)"
    case .notAFile(let path):
      return "\(path) isn't a regular file; give the path of a disk image"
    case .changedWhileRead(let path):
      return "\(path) was written to while it was read; wait until it is whole and run the command again"
    case .badURL(let url, let reason):
      return "'\(url)' can't be downloaded: \(reason)"
    case .http(let url, let status):
      let remedy =
        status == 404 || status == 410
        ? "the publisher may have moved it: look for the image there and change the recipe"
        : "try again later, or download it by hand and give its path in the recipe"
      return "the server answered \(status) for \(url); \(remedy)"
    case .transfer(let url, let reason):
      return "\(url) can't be downloaded: \(reason); check the network and proxy and run the command again, "
        + "which goes on where it stopped"
    case .tooLarge(let url, let limit):
      return "\(url) is larger than \(limit) bytes; check the URL in the recipe"
    case .wrongChecksum(let url, let expected, let got, let looksLike):
      let hint = looksLike.map { " It looks like \($0)." } ?? ""
      return "what came from \(url) has the checksum \(got) and should have \(expected); it was deleted.\(hint) "
        + "If the publisher has a new image, change the checksum in the recipe; otherwise try another mirror"
    case .notListed(let file, let sums):
      return "\(sums) has no checksum for \(file); check both URLs in the recipe"
    case .badSums(let url, let reason):
      return "\(url) isn't a list of checksums: \(reason); give the URL of the publisher's SHA256SUMS or SHA512SUMS"
    case .offline(let missing):
      return "--offline, and the cache lacks \(missing); run once without --offline"
    case .noSpace(let folder, let needed, let free):
      return "\(folder) has \(free >> 20) MiB free and \(needed >> 20) MiB are needed; free some space there, "
        + "or run 'cpbuild image prune'"
    case .hostNotSupported(let system):
      return "a base can't be bootstrapped on \(system), only on Debian and Ubuntu for amd64; "
        + "use a recipe whose base is a path or a URL"
    case .noDistributionSource(let system, let skipped):
      let list = skipped.isEmpty ? "" : "\n" + skipped.map { "  skipped: \($0)" }.joined(separator: "\n")
      return "this host has no apt source of \(system) itself; put one into /etc/apt/sources.list.d, "
        + "with Signed-By the archive's own keyring, or use a recipe whose base is a path or a URL\(list)"
    case .foreignSource(let source, let origin, let system):
      return "the apt source \(source) is published by '\(origin)' and not by \(system); "
        + "give it a Signed-By of its own, so that it can be told from the distribution's"
    case .cannotUnshare(let reason, let remedy):
      return "a base can't be bootstrapped by this user: \(reason); \(remedy), or run cpbuild as root"
    case .bootstrapFailed(let output):
      return "mmdebstrap failed:\n\(output)"
    case .unplanned(let packages):
      return "the bootstrapped system isn't what was planned: \(packages.joined(separator: ", ")); "
        + "run again with --refresh"
    case .tooSmall(let size, let output):
      return "the bootstrapped system doesn't fit into a disk of \(size >> 20) MiB; give it a bigger one: \(output)"
    case .badBootLoader(let file, let reason):
      return "\(file) can't be used: \(reason); "
        + "install it again with 'apt-get install --reinstall grub-pc-bin grub-efi-amd64-bin'"
    }
  }
}
