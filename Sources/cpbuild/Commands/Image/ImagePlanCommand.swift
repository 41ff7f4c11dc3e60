import ArgumentParser
import Glibc
import Host
import ImageBuilding

/// `cpbuild image plan`.
struct ImagePlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Say what a build would do, and do none of it.",
    discussion: """
      What goes in, with digests, versions and sizes; which stages are cached; what would be downloaded. Package indexes \
      may be fetched into the cache for that.
      """)

  @OptionGroup var options: BuildOptions

  @Argument(help: ArgumentHelp("A recipe's name, or the path of its .yaml file.", valueName: "recipe"))
  var recipe = "cloudpipe"

  func run() async throws {
    let recipe = try RecipeShelf.standard.recipe(recipe)
    let plan = try await ImageBuilder(try options.builder()) { _ in }.plan(recipe)
    try options.global.print(plan, text: Self.text(plan, width: Terminal.width(of: STDOUT_FILENO)))
  }

  private static func text(_ plan: ImagePlan, width: Int?) -> String {
    var facts = Table(["", ""])
    facts.add(["recipe", plan.recipe])
    facts.add(["image", plan.image.map { "\($0)\(plan.isPublished ? ", published already" : "")" } ?? "not known yet"])
    facts.add(["base", plan.base.origin])
    facts.add(["", "digest \(plan.base.digest.hex)"])
    facts.add(["", "to do: \(plan.base.work)\(plan.base.size.map { $0 > 0 ? ", \(Quantity.bytes($0))" : "" } ?? "")"])
    for overlay in plan.overlays {
      facts.add(["overlay", "\(overlay.name), \(overlay.files) entries, digest \(overlay.digest.hex)"])
    }
    facts.add(["download", plan.download.map { Quantity.bytes($0) } ?? "a server doesn't say how much"])
    var stages = Table(["STAGE", "CACHED", "KEY"])
    for stage in plan.stages {
      stages.add([stage.name, stage.isCached ? "yes" : "no", stage.key?.hex ?? "not known yet"])
    }
    var packages = Table(["PACKAGE", "VERSION", "SIZE", "DIGEST"])
    for package in (plan.base.packages ?? []) + (plan.packages ?? []) {
      packages.add([package.name, package.version, Quantity.bytes(package.size), package.digest.hex])
    }
    if plan.packages == nil { plan.wanted.forEach { packages.add([$0, "not known yet"]) } }
    let notes = plan.notes.map { "note: \($0)\n" }.joined()
    let head = facts.text(width: width).split(separator: "\n", omittingEmptySubsequences: false).dropFirst()
    return [head.joined(separator: "\n"), stages.text(width: width), packages.text(width: width)].joined(
      separator: "\n") + notes
  }
}
