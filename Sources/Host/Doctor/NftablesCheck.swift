import SystemPackage

/// nftables with address translation, tried in a network namespace that ends with the try.
struct NftablesCheck: Check {
  let name = "nftables"

  /// What the local cloud forwards a public port with.
  private static let rules = """
    add table inet cpbuild-doctor
    add chain inet cpbuild-doctor out { type nat hook postrouting priority srcnat; }
    add rule inet cpbuild-doctor out masquerade
    """

  func examine() async -> Finding {
    do {
      let nft = try Program.find("nft").string
      try await Command("unshare", ["--map-root-user", "--net", nft, Self.rules]).run()
      return .ok("address translation works in a network namespace")
    } catch HostError.programMissing {
      return .warning("nft isn't on PATH; needed for the local cloud", remedy: "'apt-get install nftables'")
    } catch {
      return .warning(
        "\(error); images can be built, instances not launched here",
        remedy: "a kernel with nf_tables and nft_masq ('modprobe nft_masq')")
    }
  }
}
