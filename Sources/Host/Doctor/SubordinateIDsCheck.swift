import Foundation
import Glibc
import SystemPackage

/// The range of user ids that lets an ordinary user own a whole system's files (subuid(5), newuidmap(1)).
struct SubordinateIDsCheck: Check {
  let name = "subordinate ids"
  var userID = geteuid()
  var ranges = [FilePath("/etc/subuid"), FilePath("/etc/subgid")]

  func examine() async -> Finding {
    if userID == 0 { return .ok("not needed by root") }
    let user = getpwuid(userID).map { String(cString: $0.pointee.pw_name) } ?? String(userID)
    for program in ["newuidmap", "newgidmap"] where (try? Program.find(program)) == nil {
      return .failure("\(program) isn't on PATH", remedy: "install it with 'apt-get install uidmap'")
    }
    for file in ranges {
      let text = (try? String(contentsOfFile: file.string, encoding: .utf8)) ?? ""
      guard Self.size(for: user, id: userID, in: text) >= 65536 else {
        return .failure(
          "\(file) gives \(user) fewer than 65536 ids",
          remedy: "'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 \(user)'")
      }
    }
    return .ok("65536 or more for \(user)")
  }

  /// The largest range that `text`, lines of `name-or-id:first:count`, gives the user.
  static func size(for user: String, id: uid_t, in text: String) -> Int {
    var largest = 0
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":").map(String.init)
      guard fields.count == 3, fields[0] == user || fields[0] == String(id), let count = Int(fields[2]) else {
        continue
      }
      largest = max(largest, count)
    }
    return largest
  }
}
