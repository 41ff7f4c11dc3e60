import Host
import SystemPackage

/// The metadata service's process: this program, as nobody, with nothing but the right to listen on port 80 and to read
/// what lies in folders that are root's.
struct MetadataHelper {
  let space: NetworkSpace
  let executable: FilePath

  static func process(in space: NetworkSpace) -> BackgroundProcess {
    BackgroundProcess(name: "metadata", folder: space.folder)
  }

  /// 65534 is `nobody`, as Debian numbers it.
  ///
  /// - Throws: ``LocalCloudError/helper(name:network:output:)``, `HostError`.
  func converge() async throws {
    let process = Self.process(in: space)
    if process.serves(space) { return }
    try await process.stop()
    let rights = "+net_bind_service,+dac_read_search"
    let identity = try process.start(
      executable.string, ["metadata-service", "--folder", space.folder.string],
      prefix: space.entering + [
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all,\(rights)",
        "--ambient-caps=-all,\(rights)", "--bounding-set=-all,\(rights)", "--no-new-privs", "--",
      ])
    // Port 80 of 169.254.169.254, as /proc/net/tcp writes it.
    try await HelperStart.wait(for: process, identity, network: space.id) { $0.contains(": FEA9FEA9:0050 ") }
  }
}
