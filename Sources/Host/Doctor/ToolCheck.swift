/// One program, and its version.
struct ToolCheck: Check {
  let name: String
  /// How it is asked for its version.
  var arguments = ["--version"]
  /// What can't be done without it, where that isn't everything: missing, it is then a warning.
  var onlyFor: String?

  static let all: [any Check] = [
    ToolCheck(name: "qemu-system-x86_64"),
    ToolCheck(name: "qemu-img"),
    ToolCheck(name: "mmdebstrap"),
    ToolCheck(name: "apt-get"),
    ToolCheck(name: "dpkg-deb"),
    ToolCheck(name: "setpriv"),
    ToolCheck(name: "unshare"),
    ToolCheck(name: "mke2fs", arguments: ["-V"]),
    ToolCheck(name: "sfdisk"),
    ToolCheck(name: "grub-mkimage"),
    ToolCheck(name: "mcopy"),
    ToolCheck(name: "dnsmasq", onlyFor: "the local cloud"),
    ToolCheck(name: "nft", onlyFor: "the local cloud"),
    ToolCheck(name: "ip", arguments: ["-V"], onlyFor: "the local cloud"),
    ToolCheck(name: "nsenter", onlyFor: "the local cloud"),
    ToolCheck(name: "ssh", arguments: ["-V"], onlyFor: "'cpbuild ssh' and asking cloudpipes who is connected"),
    ToolCheck(name: "openvpn", onlyFor: "the client of 'cpbuild demo', the tests and benchmarks"),
  ]

  func examine() async -> Finding {
    do {
      let output = try await Command(name, arguments).output()
      // mke2fs alone says its version on stderr.
      let text = output.stdout.isEmpty ? output.stderrTail : output.stdout
      if let version = Self.version(in: text) { return .ok(version) }
      // A program of that name which doesn't even know its version is hardly the one that is meant.
      return .warning("says no version (status \(output.status))", remedy: "see that \(name) on PATH is the right one")
    } catch HostError.programMissing(_, let package) {
      let remedy = "install it with 'apt-get install \(package ?? name)'"
      guard let onlyFor else { return .failure("not on PATH", remedy: remedy) }
      return .warning("not on PATH; needed for \(onlyFor)", remedy: remedy)
    } catch {
      return .failure("\(error)", remedy: "see that \(name) runs")
    }
  }

  /// The first thing that looks like a version: digits, a dot, digits, and what follows up to a blank, comma or bracket.
  static func version(in text: String) -> String? {
    text.firstMatch(of: /[0-9]+\.[0-9][^\s,()]*/).map { String($0.output) }
  }
}
