import Foundation
import Host
import SystemPackage
import Testing

/// Files that can't be a base, each made as people come by it. None of them gets as far as a machine being started.
@Suite struct RefusedBaseTests {
  /// What is handed in, what the message says of it, and what it advises.
  enum Bad: String, CaseIterable, Sendable {
    case text, page, truncated, encrypted, backing, dataFile, vmdk, iso, gzip, oversized, filesystem, empty

    var reason: String {
      switch self {
      case .text: "neither a qcow2 image nor a raw disk"
      case .page: "a web page"
      case .truncated: "the end of the file"
      case .encrypted: "it is encrypted"
      case .backing: "names a backing file"
      case .dataFile: "names an external data file"
      case .vmdk: "a VMDK image"
      case .iso: "an ISO image"
      case .gzip: "compressed with gzip"
      case .oversized: "the limit is"
      case .filesystem: "MBR or GPT partition table"
      case .empty: "the file is empty"
      }
    }

    var remedy: String {
      switch self {
      case .text, .filesystem: "give a whole disk"
      case .page: "check the URL"
      case .truncated, .empty: "get it again"
      case .encrypted: "decrypt it"
      case .backing, .dataFile: "flatten it with 'qemu-img convert"
      case .vmdk: "qemu-img convert -O qcow2"
      case .iso: "give an installed disk"
      case .gzip: "unpack it"
      case .oversized: "smaller image"
      }
    }

    func make(_ path: FilePath) async throws {
      let name = path.string
      func create(_ format: String, _ options: [String], _ size: String = "16M") async throws {
        try await Command("qemu-img", ["create", "-q", "-f", format] + options + [name, size]).run()
      }
      func write(_ data: Data) throws { try data.write(to: URL(filePath: name)) }
      switch self {
      case .text: try write(Data(repeating: UInt8(ascii: "x"), count: 8192))
      case .page: try write(Data("<!DOCTYPE html><html><body>Sign in</body></html>\n".utf8))
      case .empty: try write(Data())
      case .truncated:
        let raw = name + ".raw"
        try Data((0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }).write(
          to: URL(filePath: raw))
        try await Command("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, name]).run()
        try Folder.remove(FilePath(raw))
        try await Command("truncate", ["--size=2M", name]).run()
      case .encrypted:
        let secret = [
          "--object", "secret,id=key,data=secret", "-o",
          "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10,encrypt.hash-alg=sha512",
        ]
        try await create("qcow2", secret)
      case .backing: try await create("qcow2", ["-b", "/etc/passwd", "-F", "raw"])
      case .dataFile: try await create("qcow2", ["-o", "data_file=\(name).data"])
      case .vmdk: try await create("vmdk", [])
      case .oversized: try await create("qcow2", [], "100G")
      case .filesystem: try await Command("mke2fs", ["-q", "-t", "ext4", name, "16M"]).run()
      case .gzip:
        try await Command("sh", ["-c", "head -c 100000 /dev/zero | gzip > \"$1\"", "sh", name]).run()
      case .iso:
        var bytes = Data(count: 64 << 10)
        bytes.replaceSubrange(0x8001..<0x8006, with: Data("CD001".utf8))
        try write(bytes)
      }
    }
  }

  @Test("a file that can't be a base is refused with its path, the reason and the remedy", arguments: Bad.allCases)
  func refused(_ bad: Bad) async throws {
    try await Workshop.with { workshop in
      let path = workshop.folder.appending("\(bad).img")
      try await bad.make(path)
      let before = try Digest.ofFile(path)

      let run = try await workshop.cpbuild.image(try workshop.recipe(base: "{ path: \(path) }"))

      #expect(run.status == 1)
      #expect(run.stdout.isEmpty)
      for words in [path.string, bad.reason, bad.remedy] { #expect(run.stderr.contains(words), "\(run.stderr)") }
      #expect(try Digest.ofFile(path) == before, "the base was changed")
      try workshop.expectNothingLeft()
    }
  }

  @Test(
    "a base that isn't there, or is a folder, is refused by its path", arguments: ["missing.qcow2", "image-recipes"])
  func missing(_ name: String) async throws {
    try await Workshop.with { workshop in
      let path = workshop.folder.appending(name)
      let run = try await workshop.cpbuild.image(try workshop.recipe(base: "{ path: \(path) }"))
      #expect([1, 2].contains(run.status))
      #expect(run.stderr.contains(path.string))
      try workshop.expectNothingLeft()
    }
  }

  @Test("a file in the place of the artifacts' folder is named before anything is begun", arguments: ["", "below"])
  func noPlace(_ below: String) async throws {
    try await Workshop.with { workshop in
      let file = workshop.folder.appending("out")
      try workshop.write("", to: file)
      var cpbuild = workshop.cpbuild
      cpbuild.out = file.appending(below)
      let run = try await cpbuild.image(try workshop.recipe(base: "{ path: missing.qcow2 }"))
      #expect(run.status != 0)
      #expect(run.stderr.contains("can't put images into \(cpbuild.out)"), "\(run.stderr)")
      #expect(!run.stderr.contains("base: "))
    }
  }

  @Test("an unknown recipe is refused with those that there are")
  func unknownRecipe() async throws {
    try await Workshop.with { workshop in
      let run = try await workshop.cpbuild.image("cloudpip")
      #expect(run.status == 2)
      #expect(run.stderr.contains("cloudpipe-debian-12"))
    }
  }
}

extension Workshop {
  /// Neither a base nor work in progress in the cache, and no artifact.
  func expectNothingLeft(_ location: SourceLocation = #_sourceLocation) throws {
    for name in ["bases", "work"] {
      let left = try Folder.names(in: cpbuild.cache.appending(name))
      #expect(left.isEmpty, sourceLocation: location)
    }
    try expectNoArtifact(location)
  }

  /// No image, whole or half, and no id.
  func expectNoArtifact(_ location: SourceLocation = #_sourceLocation) throws {
    let images = try Folder.names(in: cpbuild.out.appending("images"))
    let artifacts = try Folder.names(in: cpbuild.out)
    #expect(images.isEmpty, sourceLocation: location)
    #expect(!artifacts.contains("vpn_image_id"), sourceLocation: location)
  }
}
