import Foundation
import Host
import Names
import State

/// How things in a cloud are known to be cpbuild's, and of which network: without any state, by whoever looks. An
/// administrator sees the things of all projects, and databases may compare texts without regard to case, so those found are
/// asked for by project and compared once more.
struct OpenStackMark: Hashable, Sendable {
  /// On everything.
  static let tag = "cpbuild"
  /// In a server's metadata.
  static let metadataKey = "cpbuild"

  /// `acme/default` for a network's things, `acme` for what a project's networks share.
  let subject: String
  /// Written when a thing is made, so that one is never without it: `cpbuild acme/default`.
  var description: String { "cpbuild \(subject)" }
  /// Of what was there before cpbuild and is used by it: `cpbuild acme/default found`.
  var foundDescription: String { "\(description) found" }
  /// Names may be longer than a tag (60 characters) and a tag of Nova's holds no slash.
  var tag: String { "cpbuild-\(Digest.sha256(subject).hex.prefix(32))" }
  var tags: [String] { [Self.tag, tag] }
  static func isOurs(tag: String) -> Bool { tag == Self.tag || tag.hasPrefix("\(Self.tag)-") }

  init(_ id: NetworkID) { subject = "\(id)" }
  init(subject: String) { self.subject = subject }

  /// The network whose mark a description is.
  static func network(in description: String?) -> NetworkID? {
    let words = description?.split(separator: " ") ?? []
    guard words.count == 2 || words.count == 3 && words[2] == "found", words[0] == "cpbuild" else { return nil }
    let names = words[1].split(separator: "/", omittingEmptySubsequences: false)
    guard names.count == 2, let project = try? ProjectID(names[0]), let name = try? NetworkName(names[1]) else {
      return nil
    }
    return NetworkID(project: project, name: name)
  }

  /// The floating address that networks share.
  static let sharedAddress = OpenStackMark(subject: "shared address")
}
