import Glibc
import SystemPackage

/// Room for what a build makes.
struct DiskSpaceCheck: Check {
  let purpose: String
  /// Needn't be there yet: the nearest folder above it that is counts.
  let folder: FilePath
  /// What one build takes at most, in bytes.
  let needed: UInt64

  var name: String { "space for \(purpose)" }

  func examine() async -> Finding {
    var place = FilePath("/").pushing(folder)
    while access(place.string, F_OK) != 0 && place.removeLastComponent() {}
    do {
      let free = try Folder.freeSpace(at: place)
      let found = "\(Self.gigabytes(free)) free in \(place)"
      if free >= needed { return .ok(found) }
      let remedy = "make \(Self.gigabytes(needed)) free there, or choose another place"
      return free >= needed / 2 ? .warning(found, remedy: remedy) : .failure(found, remedy: remedy)
    } catch {
      return .failure("\(error)", remedy: "choose another place")
    }
  }

  private static func gigabytes(_ bytes: UInt64) -> String {
    let tenths = bytes / 100_000_000
    return "\(tenths / 10).\(tenths % 10) GB"
  }
}
