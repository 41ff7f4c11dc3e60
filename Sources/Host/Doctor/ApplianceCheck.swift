import Foundation
import Glibc
import SystemPackage

/// What libguestfs makes its appliance from: the host's kernel, its modules, and supermin (supermin(1), libguestfs(3)).
struct ApplianceCheck: Check {
  let name = "appliance"
  var boot = FilePath("/boot")
  var modules = FilePath("/lib/modules")
  /// `$SUPERMIN_KERNEL` names another kernel.
  var chosenKernel = ProcessInfo.processInfo.environment["SUPERMIN_KERNEL"]

  func examine() async -> Finding {
    let version: String
    do {
      try await Command("supermin", ["--version"]).run()
      version = try await libraryVersion()
    } catch {
      return .failure("\(error)", remedy: "install libguestfs with 'apt-get install libguestfs-dev'")
    }
    return kernelFinding(library: version)
  }

  /// Judges the kernels alone.
  func kernelFinding(library: String) -> Finding {
    if let chosenKernel, !chosenKernel.isEmpty {
      return access(chosenKernel, R_OK) == 0
        ? .ok("libguestfs \(library), kernel \(chosenKernel)")
        : .failure(
          "the kernel \(chosenKernel) of $SUPERMIN_KERNEL can't be read",
          remedy: "make it readable, or unset the variable")
    }
    let kernels = ((try? Folder.names(in: boot)) ?? []).filter { $0.hasPrefix("vmlinuz-") }
    let usable = kernels.filter {
      access(modules.appending(String($0.dropFirst("vmlinuz-".count))).string, R_OK | X_OK) == 0
    }
    if let kernel = usable.last(where: { access(boot.appending($0).string, R_OK) == 0 }) {
      return .ok("libguestfs \(library), kernel \(boot.appending(kernel))")
    }
    guard let kernel = usable.last else {
      return .failure(
        kernels.isEmpty
          ? "there is no kernel in \(boot)" : "no kernel in \(boot) has its modules in \(modules)",
        remedy: "install one with 'apt-get install linux-image-cloud-amd64' (Debian) or linux-image-virtual (Ubuntu)")
    }
    let path = boot.appending(kernel)
    return .failure(
      "the kernel \(path) isn't readable for this user",
      remedy: "'sudo chmod +r \(path)', and to keep it so "
        + "'sudo dpkg-statoverride --update --add root root 0644 \(path)'")
  }

  private func libraryVersion() async throws -> String {
    // The package's name got a suffix with Ubuntu 24.04's change of time_t.
    let packages = try await Command("dpkg-query", ["--show", "--showformat", "${Version}\n", "libguestfs0*"]).run()
    return packages.split(separator: "\n").first.map(String.init) ?? "of unknown version"
  }
}
