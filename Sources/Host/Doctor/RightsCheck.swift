import Foundation

/// The rights that namespaces, bridges and firewalls take: those of root, which a container may lack.
struct RightsCheck: Check {
  let name = "rights"
  /// The text of `/proc/self/status` (proc(5)).
  var status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""

  /// Their numbers in linux/capability.h.
  private static let needed = [("CAP_NET_ADMIN", 12), ("CAP_SYS_ADMIN", 21)]

  func examine() async -> Finding {
    let field = "CapEff:"
    let line = status.split(separator: "\n").first { $0.hasPrefix(field) } ?? ""
    let rights = UInt64(line.dropFirst(field.count).trimmingCharacters(in: .whitespaces), radix: 16) ?? 0
    let isRoot =
      status.split(separator: "\n").first { $0.hasPrefix("Uid:") }?.split(separator: "\t").dropFirst(2).first == "0"
    let missing = Self.needed.filter { rights >> UInt64($0.1) & 1 == 0 }.map(\.0)
    guard isRoot else {
      return .warning(
        "not root: images can be built, instances not launched here",
        remedy: "run 'cpbuild launch' and the like with sudo")
    }
    guard missing.isEmpty else {
      return .warning(
        "root without \(missing.joined(separator: " and ")): images can be built, instances not launched here",
        remedy: "start the container with '--cap-add NET_ADMIN --cap-add SYS_ADMIN', or '--privileged'")
    }
    return .ok("root, with CAP_NET_ADMIN and CAP_SYS_ADMIN")
  }
}
