public import SystemPackage

/// The shell script that installs a build's packages from inside the guest, and the files that it reads.
///
/// Run it as root in the guest's root with /dev, /proc and /sys there: `sh <folder>/install-packages.sh <folder>`. It
/// needs no network, starts no service, and leaves nothing of its own behind; the folder is its caller's to remove.
public struct InstallScript: Sendable {
  /// The name of the script in the folder.
  public static let name = "install-packages.sh"

  /// The script itself.
  public static var text: [UInt8] { PackageResources.install_packages_sh }

  /// What has to lie beside the .debs, by name.
  public let files: [(name: String, bytes: [UInt8])]

  /// - Parameters:
  ///   - resolution: what to install, in which order.
  ///   - guest: the guest that it was resolved for.
  public init(_ resolution: Resolution, guest: GuestPackages) {
    files = [
      (Self.name, Self.text),
      ("steps", Self.lines(Self.steps(of: resolution, nativeArchitecture: guest.nativeArchitecture))),
      ("installed", Self.lines(resolution.packages.map(\.name))),
      ("wanted", Self.lines(resolution.wanted)),
      (
        "extended_states",
        ExtendedStates.after(
          resolution, before: guest.extendedStates, nativeArchitecture: guest.nativeArchitecture)
      ),
    ]
  }

  /// The command that runs it in the guest.
  ///
  /// - Parameter folder: where its files are, as the guest sees it.
  public static func command(in folder: FilePath) -> [String] { ["sh", folder.appending(name).string, folder.string] }

  private static func steps(of resolution: Resolution, nativeArchitecture: String) -> [String] {
    var fileNames: [String: String] = [:]
    for package in resolution.packages {
      let isForeign = package.architecture != nativeArchitecture && package.architecture != "all"
      fileNames[isForeign ? "\(package.name):\(package.architecture)" : package.name] = package.fileName
    }
    return resolution.steps.map { step in
      let names = step.action == .unpack ? step.packages.compactMap { fileNames[$0] } : step.packages
      return "\(step.action.rawValue) \(names.joined(separator: " "))"
    }
  }

  private static func lines(_ lines: [String]) -> [UInt8] { Array(lines.map { "\($0)\n" }.joined().utf8) }
}
