import ArgumentParser
import ImageBuilding

/// `cpbuild image prune`.
struct ImagePrune: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Make the cache smaller: what was used longest ago goes first.",
    discussion: """
      Published images stay, and what builds that are under way use. What is removed is made or fetched again when it is \
      wanted, but for what --keep-on-error kept. Each build keeps the cache below 32 GiB by itself.
      """)

  @OptionGroup var options: BuildOptions

  @Option(help: ArgumentHelp("The most that the cache may take afterwards, in MiB.", valueName: "MiB"))
  var budget: UInt64 = 4096

  mutating func validate() throws {
    if budget > 1 << 30 { throw ValidationError("--budget is more than 1 PiB.") }
  }

  func run() async throws {
    let freed = try ImageCache(options.cache).prune(budget: budget << 20, kept: true)
    try options.global.print(["freed": freed], text: "gave back \(Quantity.bytes(freed))\n")
  }
}
