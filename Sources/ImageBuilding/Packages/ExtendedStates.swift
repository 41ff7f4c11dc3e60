/// apt's note of which packages are there only because others need them: `/var/lib/apt/extended_states`.
///
/// A package that isn't in it counts as asked for.
enum ExtendedStates {
  /// The file after an installation: what came along is automatic, what was asked for isn't, the rest stays as it was.
  static func after(_ resolution: Resolution, before bytes: [UInt8], nativeArchitecture: String) -> [UInt8] {
    let wanted = Set(resolution.wanted)
    var text = ""
    for stanza in ControlStanza.parse(bytes) {
      // A package that was asked for, now or earlier, needs no entry.
      if let name = stanza["Package"], wanted.contains(name) { continue }
      text += stanza.fields.map { "\($0.name): \($0.value)\n" }.joined() + "\n"
    }
    for package in resolution.packages where package.replaces == nil && !wanted.contains(package.name) {
      // apt notes a package that runs anywhere under the native architecture.
      let architecture = package.architecture == "all" ? nativeArchitecture : package.architecture
      text += "Package: \(package.name)\nArchitecture: \(architecture)\nAuto-Installed: 1\n\n"
    }
    return Array(text.utf8)
  }
}
