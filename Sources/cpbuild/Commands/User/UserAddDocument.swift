import Foundation
import Launching
import Names
import State
import SystemPackage
import Trust

/// What `cpbuild user add --json` prints.
struct UserAddDocument: Encodable {
  let project: String
  let user: String
  let network: String
  let serial: String
  let notBefore: Date
  let notAfter: Date
  let mode: String
  let serverName: String
  let remotes: [String]
  let file: String?
  let archive: String?
  /// The profile itself, when it goes to no file.
  let profile: String?

  init(_ new: NewUser, file: FilePath?, archive: FilePath?, includingProfile: Bool) throws {
    project = new.target.network.project.text
    user = new.user.text
    network = new.target.network.name.text
    serial = try State.SerialNumber(bytes: new.certificate.serial.octets).text
    notBefore = new.certificate.notBefore
    notAfter = new.certificate.notAfter
    mode = new.target.mode.rawValue
    serverName = new.profile.serverName
    remotes = new.target.remotes.map { $0.host.contains(":") ? "[\($0.host)]:\($0.port)" : "\($0.host):\($0.port)" }
    self.file = file?.string
    self.archive = archive?.string
    profile =
      includingProfile ? try new.profile.render().withUnsafeBytes { String(decoding: $0, as: UTF8.self) } : nil
  }

  var sentence: String {
    let files = [file, archive].compactMap { $0?.escapingControls() }.joined(separator: " and ")
    return "\(user) of \(project) is let in until \(notAfter.formatted(.iso8601)), certificate \(serial)"
      + (files.isEmpty ? "" : ": \(files)") + "\n"
  }
}
