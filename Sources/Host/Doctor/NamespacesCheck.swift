/// User, network, mount and process namespaces, found by making them.
struct NamespacesCheck: Check {
  let name = "namespaces"

  func examine() async -> Finding {
    do {
      try await Command("unshare", ["--map-root-user", "--net", "--mount", "--pid", "--fork", "true"]).run()
      return .ok("user, network, mount, process")
    } catch {
      return .failure(
        "\(error)",
        remedy: "allow them: 'sysctl kernel.unprivileged_userns_clone=1' (Debian), "
          + "'sysctl kernel.apparmor_restrict_unprivileged_userns=0' (Ubuntu 24.04), "
          + "'--privileged' (a container); or run cpbuild as root")
    }
  }
}
