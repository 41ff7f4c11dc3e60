import Foundation
import Glibc
import Host
import State

/// The user that an instance's QEMU runs as: one that has no name, owns no file and runs nothing else, so that a guest
/// that breaks out finds itself alone.
struct LocalInstanceUser: Equatable {
  let id: UInt32

  /// 2²⁴ ids that neither Debian's policy, systemd's table of user ids (systemd.io/UIDS-GIDS), the default range of
  /// /etc/subuid nor SSSD's default range for Active Directory touches.
  private static let first: UInt32 = 0x7800_0000
  private static let count: UInt32 = 1 << 24

  /// - Parameters:
  ///   - name: what tells it apart from the home's other users.
  ///   - map: this process's /proc/self/uid_map: in a container there may be fewer ids.
  init(name: String, home: Home, map: String = ownMap) {
    let hash = Digest.sha256("\(home.path)\u{0}\(name)").bytes.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    let wanted = Self.first + hash % Self.count
    let ranges = map.split(separator: "\n").compactMap { line -> Range<UInt64>? in
      let numbers = line.split(separator: " ").compactMap { UInt64($0) }
      let largest = UInt64(UInt32.max)
      guard numbers.count == 3, numbers[0] <= largest, numbers[2] <= largest + 1 else { return nil }
      return numbers[0]..<(numbers[0] + numbers[2])
    }
    if ranges.isEmpty || ranges.contains(where: { $0.contains(UInt64(wanted)) }) {
      id = wanted
      return
    }
    // In a user namespace of 65536 ids: above what a distribution's own users have there.
    let largest = ranges.max { $0.count < $1.count } ?? 0..<65536
    let low = max(largest.lowerBound, min(61_000, largest.upperBound - 1))
    id = UInt32(truncatingIfNeeded: low + UInt64(hash) % max(1, min(largest.upperBound, low + 4000) - low))
  }

  init(network: NetworkID, home: Home, map: String = ownMap) {
    self.init(name: "\(network)", home: home, map: map)
  }

  private static var ownMap: String { (try? String(contentsOfFile: "/proc/self/uid_map", encoding: .utf8)) ?? "" }
}
