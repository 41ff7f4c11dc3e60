import Foundation
import Glibc
import SystemPackage

/// The distribution's own apt sources, which a base is bootstrapped from, and how old apt's lists are.
struct AptSourcesCheck: Check {
  let name = "apt sources"
  var release = FilePath("/etc/os-release")
  var now = Date()

  /// Security updates appear daily; lists older than this make an image that is out of date on its first day.
  static let freshFor = Duration.seconds(7 * 86400)

  func examine() async -> Finding {
    guard let codename = Self.codename(in: (try? String(contentsOfFile: release.string, encoding: .utf8)) ?? "") else {
      return .failure("\(release) names no release", remedy: "cpbuild runs on Debian 12 and on Ubuntu 22.04 or 24.04")
    }
    do {
      // apt's own reading of sources.list and sources.list.d, in both of their formats (apt-get(8), indextargets).
      let lines = try await Command(
        "apt-get", ["indextargets", "--format", "$(RELEASE) $(FILENAME)", "Created-By: Packages"]
      ).run()
      return finding(codename: codename, targets: lines)
    } catch {
      return .failure("\(error)", remedy: "see that 'apt-get indextargets' works")
    }
  }

  private func finding(codename: String, targets: String) -> Finding {
    let files = targets.split(separator: "\n").compactMap { line -> String? in
      let parts = line.split(separator: " ", maxSplits: 1)
      return parts.count == 2 && parts[0] == codename ? String(parts[1]) : nil
    }
    guard !files.isEmpty else {
      return .failure(
        "no source for \(codename), this machine's own release",
        remedy: "add the distribution's own source to /etc/apt/sources.list.d, then 'apt-get update'")
    }
    guard let newest = files.compactMap(Self.refreshed).max() else {
      return .failure("the lists for \(codename) were never fetched", remedy: "'apt-get update'")
    }
    let days = Int(now.timeIntervalSince1970 - newest) / 86400
    let found = "\(codename), lists \(days < 1 ? "of today" : "\(days) days old")"
    return days * 86400 <= Self.freshFor.components.seconds ? .ok(found) : .warning(found, remedy: "'apt-get update'")
  }

  /// When `file` was fetched, in seconds since 1970. Its modification time is the archive's, so the change time counts.
  private static func refreshed(_ file: String) -> Double? {
    var status = stat()
    guard stat(file, &status) == 0 else { return nil }
    return Double(status.st_ctim.tv_sec)
  }

  /// `VERSION_CODENAME` in the text of /etc/os-release (os-release(5)).
  static func codename(in text: String) -> String? {
    for line in text.split(separator: "\n") where line.hasPrefix("VERSION_CODENAME=") {
      let value = line.dropFirst("VERSION_CODENAME=".count).trimmingCharacters(in: CharacterSet(charactersIn: "\"' "))
      return value.isEmpty ? nil : value
    }
    return nil
  }
}
