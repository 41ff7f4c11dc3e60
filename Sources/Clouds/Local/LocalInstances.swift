import CLinux
import Foundation
import Glibc
import Host
public import State
import SystemPackage

/// The cloudpipes that run on this machine: a QEMU each, which outlives the command that started it.
public struct LocalInstances: Sendable {
  private let home: Home

  public init(home: Home) { self.home = home }

  /// A handle's process.
  public static let processKey = "pid"
  /// What a handle says of how the instance started: `warm`, from a saved state, or `cold`.
  public static let startKey = "start"
  /// Why it started cold where it was to start warm.
  public static let obstacleKey = "start-obstacle"

  /// Starts the instance, or finds the one that runs. Its disk begins anew: all that it has to know is in the payload.
  ///
  /// - Returns: what it is known by.
  /// - Throws: ``LocalInstanceError``, ``HostError``; `CancellationError`. Nothing runs then that didn't before.
  public func boot(_ plan: InstancePlan, in space: NetworkSpace) async throws -> [String: String] {
    let parts = LocalInstanceParts(space: space)
    try Folder.make(space.folder, mode: 0o700)
    let lock = try await FileLock.wait(for: parts.lock)
    defer { _ = lock }
    if let running = parts.process.recorded, running.isAlive {
      return Self.handle(running, plan)
    }
    let start = LocalInstanceStart(plan: plan, parts: parts, images: LocalInstanceImages(home: home))
    let outcome = try await start.run()
    var handle = Self.handle(outcome.process, plan)
    handle[Self.startKey] = outcome.isWarm ? "warm" : "cold"
    handle[Self.obstacleKey] = outcome.obstacle
    return handle
  }

  /// Ends the instance: asks QEMU to quit, then the kernel to end it. Nothing of it is left.
  ///
  /// - Throws: ``HostError``; `CancellationError`.
  public func remove(_ id: NetworkID) async throws {
    let parts = LocalInstanceParts(space: NetworkSpace(home: home, id: id))
    guard access(parts.space.folder.string, F_OK) == 0 else { return }
    let lock = try await FileLock.wait(for: parts.lock)
    defer { _ = lock }
    try await parts.end()
    try parts.removeFiles()
  }

  /// Whether QEMU is there and runs the guest.
  ///
  /// - Throws: `CancellationError`.
  public func condition(of id: NetworkID) async throws -> InstanceCondition {
    let parts = LocalInstanceParts(space: NetworkSpace(home: home, id: id))
    guard let process = parts.process.recorded else { return InstanceCondition(state: .absent) }
    guard process.isAlive else {
      let last = parts.process.logTail().split(separator: "\n").last.map { ": \($0)" } ?? ""
      return InstanceCondition(state: .stopped, since: process.startDate, faults: ["the instance's QEMU ended\(last)"])
    }
    try? parts.console.cut()
    var condition = InstanceCondition(state: .running, since: process.startDate)
    do {
      let status = try await parts.status(deadline: .now + .seconds(2))
      if status != "running" { condition.faults.append("the instance's processor stands still (\(status))") }
    } catch is LocalInstanceError {
      condition.faults.append("the instance's QEMU doesn't answer")
    }
    return condition
  }

  /// What the instance said on its console since it was booted last, at most a mebibyte of its end.
  public func console(of id: NetworkID) async throws -> String {
    let console = LocalInstanceParts(space: NetworkSpace(home: home, id: id)).console
    try? console.cut()
    return console.text()
  }

  private static func handle(_ process: ProcessIdentity, _ plan: InstancePlan) -> [String: String] {
    [processKey: "\(process.pid)", "image": plan.image.id, "address": "\(plan.address)", "mac": "\(plan.mac)"]
  }
}
