import Disks
import Foundation
import Host
import SystemPackage

/// One build, from a prepared base to a published image.
struct BuildJob {
  let builder: ImageBuilder
  let recipe: Recipe
  let overlays: [Overlay]
  let base: PreparedBase
  let work: FilePath

  private var runner: StageRunner { builder.runner }
  private var options: ImageBuilder.Options { builder.options }
  /// The disk that stages edit.
  private var disk: FilePath { work.appending("work.qcow2") }

  /// - Returns: the image's manifest, and whether the image was there before.
  func run() async throws -> (Manifest, existed: Bool) {
    try await Watchdog.upToTwice(attempt) { error in
      // Whatever stage was kept is where the second attempt starts.
      runner.tell(.warning("\(error); trying once more"))
      try Folder.remove(disk)
    }
  }

  private func attempt() async throws -> (Manifest, existed: Bool) {
    if let inspection = try await BaseInspection.remembered(base.digest, in: options.cache) {
      let prepared = try await resolve(inspection)
      if let manifest = try await published(prepared.keys) { return (manifest, true) }
      let start = try await copyNewestStage(prepared.keys)
      let manifest = try await edit(from: start) { session in
        try await session.mount(inspection.system)
        return prepared
      }
      return (manifest, false)
    }
    // The base's packages have to be known before there are keys, so the session that looks is the one that builds.
    try await copyBase()
    let manifest = try await edit(from: .base) { session in
      let inspection = try await runner.run("inspect", base.origin) { _ in
        try await BaseInspection.look(into: session, image: base.origin, base: base.digest, remember: options.cache)
      }
      return try await resolve(inspection)
    }
    return (manifest, false)
  }

  private struct Prepared {
    let inspection: BaseInspection
    let resolution: Resolution
    let keys: StageKeys
  }

  /// How far the disk that a build starts from has come.
  enum Start: Int, Comparable {
    case base, packages, overlays
    static func < (left: Start, right: Start) -> Bool { left.rawValue < right.rawValue }
  }

  private func resolve(_ inspection: BaseInspection) async throws -> Prepared {
    let resolution = try await runner.run("resolve", "\(recipe.packages.count) packages") { _ in
      try await builder.supply.prepare(recipe.packages, for: inspection.packages, freshness: options.freshness) {
        event in
        BaseProgress.tell(event, stage: "resolve", runner)
      }
    }
    for reason in resolution.skippedSources { runner.tell(.warning(reason)) }
    let keys = StageKeys(
      base: base.digest, packages: resolution.digest, overlays: overlays.map(\.digest), recipe: recipe,
      epoch: options.epoch)
    return Prepared(inspection: inspection, resolution: resolution, keys: keys)
  }

  /// The finished image, if this cache or the out folder has it.
  private func published(_ keys: StageKeys) async throws -> Manifest? {
    for registry in [builder.registry, builder.finished] where registry.contains(keys.image) {
      if let damage = try registry.damage(of: keys.image) {
        runner.tell(.warning("\(registry.folder(of: keys.image)) is damaged and made anew: \(damage)"))
        continue
      }
      let manifest = try registry.manifest(of: keys.image)
      try await builder.registry.adopt(keys.image, from: registry)
      for stage in ["packages", "overlays", "finish"] { runner.cached(stage) }
      return manifest
    }
    return nil
  }

  // MARK: Disks

  private func copyNewestStage(_ keys: StageKeys) async throws -> Start {
    for (start, stage, key) in [(Start.overlays, "overlays", keys.overlays), (.packages, "packages", keys.packages)] {
      guard let cached = builder.stages.disk(stage, key) else { continue }
      try await Command("cp", ["--reflink=auto", "--sparse=auto", cached.string, disk.string]).run()
      // The base may lie elsewhere than when the stage was kept; it is the same by its digest, which is in the key.
      try await Command(
        "qemu-img", ["rebase", "-u", "-f", "qcow2", "-F", base.format.rawValue, "-b", base.path.string, disk.string]
      ).run()
      return start
    }
    try await copyBase()
    return .base
  }

  private func copyBase() async throws {
    try await Command(
      "qemu-img",
      ["create", "-q", "-f", "qcow2", "-F", base.format.rawValue, "-b", base.path.string, disk.string]
    ).run()
  }

  // MARK: Stages

  private func edit(
    from start: Start, prepare: (GuestSession) async throws -> Prepared
  ) async throws -> Manifest {
    let appliance = try await builder.appliance()
    let targets = try await RelayTarget.make(for: recipe, in: work)
    let began = ContinuousClock.now
    runner.tell(.stageStarted(name: "appliance", detail: appliance.usesKVM ? "KVM" : "software emulation"))
    let drives = [GuestSession.Drive(disk, format: .qcow2)] + targets.map { GuestSession.Drive($0.path, format: .raw) }
    let outcome = try await GuestSession.with(drives, appliance: appliance, folder: work) { session in
      runner.finished("appliance", since: began)
      let prepared = try await prepare(session)
      return (prepared, try await stages(session, from: start, prepared, targets))
    }
    return try await pack(outcome.0, outcome.1)
  }

  private func stages(
    _ session: GuestSession, from start: Start, _ prepared: Prepared, _ targets: [RelayTarget]
  ) async throws -> FinishedGuest {
    let guest = GuestStages(session: session, work: work)
    let system = prepared.inspection.system
    if start < .packages {
      try await checkSpace(session, prepared.resolution)
      try await runner.run("packages", "\(prepared.resolution.packages.count) packages") { _ in
        try await guest.install(
          prepared.resolution, supply: builder.supply, guest: prepared.inspection.packages, offline: options.offline)
      }
      try await keep("packages", prepared.keys.packages, session, system)
    } else {
      runner.cached("packages")
    }
    if start < .overlays {
      try await runner.run("overlays", overlays.map(\.name).joined(separator: ", ")) { _ in
        for overlay in overlays { try await guest.lay(overlay, epoch: options.epoch) }
      }
      try await keep("overlays", prepared.keys.overlays, session, system)
    } else {
      runner.cached("overlays")
    }
    return try await runner.run("finish") { say in
      try await FinishStage(
        session: session, guest: guest, recipe: recipe, system: system, epoch: options.epoch,
        virtualSize: base.virtualSize, targets: targets, say: say
      ).run()
    }
  }

  private func checkSpace(_ session: GuestSession, _ resolution: Resolution) async throws {
    // Each package lies there once packed and once unpacked for a moment, and dpkg wants room for its own files.
    let needed = resolution.installedSize + resolution.size * 3 + 32 << 20
    let free = try await session.space(at: "/").free
    guard free > needed else {
      throw GuestSystemError.tooLittleSpace(image: base.origin, free: free, needed: needed)
    }
  }

  private func keep(_ stage: String, _ key: Digest, _ session: GuestSession, _ system: GuestSystem) async throws {
    let (stages, disk) = (builder.stages, disk)
    try await session.still(system) { try await stages.keep(disk, as: stage, key) }
  }

  // MARK: The image

  private func pack(_ prepared: Prepared, _ finished: FinishedGuest) async throws -> Manifest {
    let image = work.appending("disk.qcow2")
    let raw = finished.target?.path ?? work.appending("disk.raw")
    try await runner.run("compress") { _ in
      if finished.target != nil {
        try await DiskLayout.installBootloader(on: raw, root: finished.rootUUID)
      } else {
        try await Command("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", disk.string, raw.string]).run()
      }
      try await Command(
        "qemu-img",
        ["convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd", raw.string, image.string]
      ).run()
    }
    let listing = try await runner.run("list") { _ in
      let volume = try Ext4Volume.find(uuid: finished.rootUUID, on: try DiskBytes(raw))
      return try TreeReader(volume: volume, epoch: options.epoch, wanted: { $0 == DpkgStatus.path }).read()
    }
    let status = try DpkgStatus([UInt8](listing.contents[DpkgStatus.path] ?? Data()))
    return try await runner.run("publish", prepared.keys.image.description) { _ in
      let manifest = try ManifestMaker(
        recipe: recipe, base: base, inspection: prepared.inspection, keys: prepared.keys, finished: finished,
        listing: listing, status: status, options: options
      ).make(disk: image)
      let bill = try SoftwareBill(
        imageID: manifest.id.description, status: status, release: prepared.inspection.packages.release,
        created: Date(timeIntervalSince1970: TimeInterval(options.epoch)), toolVersion: options.tool)
      try await builder.finished.publish(disk: image, manifest: manifest, bill: bill.json)
      try await builder.registry.adopt(manifest.id, from: builder.finished)
      return manifest
    }
  }
}
