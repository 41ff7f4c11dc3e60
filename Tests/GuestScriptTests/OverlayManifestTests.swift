import Foundation
import Testing
import Yams

@Suite("overlays/cloudpipe.yaml")
struct OverlayManifestTests {
  struct Manifest: Decodable {
    struct Entry: Decodable {
      let mode: String
      let owner: String
      let group: String
    }
    let files: [String: Entry]
    let directories: [String: Entry]
    let links: [String: String]
    let remove: [String]
    let enable: [String]
    let mask: [String]
    let setup: String
  }

  private func manifest() throws -> Manifest {
    let text = try String(contentsOfFile: "\(Repository.overlay).yaml", encoding: .utf8)
    return try YAMLDecoder().decode(Manifest.self, from: text)
  }

  @Test("declares every file of the tree, and no other")
  func complete() throws {
    let found = try Shell.check(["find", Repository.overlay, "-type", "f", "-printf", "/%P\n"])
    #expect(Set(found.split(separator: "\n").map(String.init)) == Set(try manifest().files.keys))
    #expect(try Shell.check(["find", Repository.overlay, "!", "-type", "f", "!", "-type", "d"]) == "")
  }

  @Test("gives every file to root, and makes what is run executable and nothing writable for others")
  func modes() throws {
    for (path, entry) in try manifest().files {
      #expect(entry.owner == "root" && entry.group == "root")
      let text = try String(contentsOfFile: Repository.overlay + path, encoding: .utf8)
      #expect((entry.mode == "0755") == text.hasPrefix("#!"), "\(path)")
      #expect(["0755", "0644", "0600"].contains(entry.mode), "\(path)")
    }
  }

  @Test("masks what starts an old VPN or fights for the network, and never udev's trigger")
  func masks() throws {
    let manifest = try manifest()
    #expect(Set(manifest.mask).isSuperset(of: ["openvpn.service", "systemd-networkd.service", "apt-daily.timer"]))
    for unit in ["systemd-udev-trigger.service", "systemd-udevd.service", "ssh.service", "rc-local.service"] {
      #expect(!manifest.mask.contains(unit))
    }
    #expect(Set(manifest.mask).isDisjoint(with: manifest.enable))
    #expect(Set(manifest.mask).count == manifest.mask.count)
    for unit in manifest.enable where unit.hasPrefix("cloudpipe") {
      #expect(manifest.files["/etc/systemd/system/\(unit)"] != nil)
    }
  }

  @Test("names a set-up script that is there, and no path twice")
  func paths() throws {
    let manifest = try manifest()
    #expect(FileManager.default.isExecutableFile(atPath: "\(Repository.root)/overlays/\(manifest.setup)"))
    let all =
      Array(manifest.files.keys) + Array(manifest.directories.keys) + Array(manifest.links.keys) + manifest.remove
    #expect(Set(all).count == all.count)
    #expect(all.allSatisfy { $0.hasPrefix("/") && !$0.contains("..") && !$0.hasSuffix("/") })
  }

  @Test("keeps OpenVPN's own generator from starting anything")
  func autostart() throws {
    let text = try String(contentsOfFile: "\(Repository.overlay)/etc/default/openvpn", encoding: .utf8)
    #expect(text.contains("\nAUTOSTART=\"none\"\n"))
  }
}
