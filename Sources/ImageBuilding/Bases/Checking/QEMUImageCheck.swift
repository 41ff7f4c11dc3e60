import Foundation
import Host
import SystemPackage

/// Has QEMU look through an image whose header cpbuild has checked already.
enum QEMUImageCheck {
  private struct Information: Decodable {
    let format: String
    let virtualSize: UInt64
    let backingFilename: String?
    let encrypted: Bool?

    enum CodingKeys: String, CodingKey {
      case format, virtualSize = "virtual-size", backingFilename = "backing-filename", encrypted
    }
  }

  /// Checks every table and cluster of a qcow2 image; of a raw one there is nothing to check.
  ///
  /// - Throws: ``ImageRefusal``, `HostError`, `CancellationError`.
  static func run(_ path: FilePath, header: DiskImageHeader) async throws {
    guard header.format == .qcow2 else { return }
    let text = try await limited(["info", "-f", "qcow2", "--output=json", "--", path.string]).run()
    guard let information = try? JSONDecoder().decode(Information.self, from: Data(text.utf8)) else {
      throw ImageRefusal.damaged("qemu-img can't read it")
    }
    // QEMU and cpbuild have to have read the same thing.
    guard information.backingFilename == nil else { throw ImageRefusal.backingFile }
    guard information.encrypted != true else { throw ImageRefusal.encrypted }
    guard information.virtualSize == header.virtualSize else { throw ImageRefusal.damaged("its size is ambiguous") }
    let check = try await limited(["check", "-q", "-f", "qcow2", "--", path.string]).output()
    switch check.status {
    // 3: clusters that nothing uses, which waste space and harm nothing.
    case 0, 3: return
    case 2: throw ImageRefusal.damaged(lastLine(check.stdout + "\n" + check.stderrTail))
    default: throw ImageRefusal.damaged("qemu-img check: \(lastLine(check.stderrTail))")
    }
  }

  /// An image that is made to be expensive gets a minute, a gigabyte, and no file to write to.
  private static func limited(_ arguments: [String]) throws -> Command {
    let program = try Program.find("qemu-img").string
    return Command("prlimit", ["--cpu=60", "--as=\(1 << 30)", "--fsize=0", "--core=0", program] + arguments)
  }

  private static func lastLine(_ text: String) -> String {
    text.split(separator: "\n").last(where: { !$0.allSatisfy(\.isWhitespace) }).map(String.init) ?? "it says nothing"
  }
}
