import Declarations
import Foundation
import Host
public import SystemPackage

/// `clouds.yaml`, with `secure.yaml` laid over it: where every OpenStack client finds its clouds
/// (openstacksdk's "Configuration Files").
public struct CloudsFile: Sendable {
  /// The environment, and where to look.
  public struct Surroundings: Sendable {
    public var environment: [String: String]
    public var workingFolder: FilePath

    public init(environment: [String: String], workingFolder: FilePath) {
      self.environment = environment
      self.workingFolder = workingFolder
    }

    /// This process's.
    public static var own: Surroundings {
      Surroundings(
        environment: ProcessInfo.processInfo.environment,
        workingFolder: FilePath(FileManager.default.currentDirectoryPath))
    }

    /// A variable's value; nil when it isn't set or empty.
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// Where a file is looked for, in this order: where the variable says and nowhere else, the working folder, the
    /// user's own configuration, the machine's.
    func places(of name: String, variable: String) -> [FilePath] {
      if let path = value(variable) { return [workingFolder.pushing(FilePath(path))] }
      let home = FilePath(value("HOME") ?? "/root")
      let own = value("XDG_CONFIG_HOME").map { FilePath($0) } ?? home.appending(".config")
      return [workingFolder, own.appending("openstack"), FilePath("/etc/openstack")].flatMap { folder in
        [".yaml", ".yml"].map { folder.appending(name + $0) }
      }
    }
  }

  let clouds: SettingTree
  /// The files that were read.
  let files: [String]

  /// - Throws: `DeclarationError` when a file isn't YAML, `HostError` when it can't be read.
  static func read(_ surroundings: Surroundings) throws -> CloudsFile {
    var files: [String] = []
    func first(_ name: String, _ variable: String, _ key: String) throws -> SettingTree? {
      for path in surroundings.places(of: name, variable: variable)
      where FileManager.default.fileExists(atPath: path.string) {
        let text = try DeclarationFile.text(of: path)
        files.append(path.string)
        return SettingTree(try DeclarationFile.document(text, file: path, name: path.string))[key]
      }
      return nil
    }
    let plain = try first("clouds", "OS_CLIENT_CONFIG_FILE", "clouds")
    let secure = try first("secure", "OS_CLIENT_SECURE_FILE", "clouds")
    let vendors = try first("clouds-public", "OS_CLIENT_VENDOR_FILE", "public-clouds")
    let clouds = (plain ?? .mapping([:])).overlaid(with: secure)
    return CloudsFile(clouds: Self.onProfiles(clouds, vendors), files: files)
  }

  /// A cloud that names a profile of `clouds-public.yaml` is laid over it.
  private static func onProfiles(_ clouds: SettingTree, _ vendors: SettingTree?) -> SettingTree {
    guard case .mapping(let named) = clouds else { return .mapping([:]) }
    return .mapping(
      named.mapValues { cloud in
        guard let profile = (cloud["profile"] ?? cloud["cloud"])?.text, let vendor = vendors?[profile] else {
          return cloud
        }
        return vendor.overlaid(with: cloud)
      })
  }
}
