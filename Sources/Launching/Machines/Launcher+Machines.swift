import Clouds
import Foundation
import Host
public import Names
public import State

extension Launcher {
  /// Plugs a machine into a network that has a cloudpipe. One that is plugged in elsewhere moves, and keeps its address and
  /// MAC address.
  ///
  /// What fails or is interrupted is undone before this throws; after a kill the next command finishes or undoes it.
  ///
  /// - Throws: ``LaunchError``, `StateError`, what the cloud throws (`AttachmentRefusal` where it has ways of its own),
  ///   `CancellationError`.
  public func attach(_ request: AttachRequest) async throws -> AttachedMachine {
    let lock = try await lock(request.id)
    let site = try await site(request.id, lock)
    guard site.cloud.kind == .local else { throw AttachmentRefusal(kind: site.cloud.kind) }
    try await settle(at: site)
    _ = try await instance(request.id)
    let earlier = try await state.write { try begin(request, $0) }
    do {
      return try await plugIn(request.name, at: site)
    } catch {
      // Also where this task was cancelled. What can't be undone now is undone by the next command.
      _ = await Task { try await takeBack(request.name, earlier, at: site) }.result
      throw error
    }
  }

  /// Unplugs a machine and frees its address; one that isn't there is fine.
  ///
  /// - Returns: whether there was one.
  /// - Throws: `StateError`, what the cloud throws, `CancellationError`; the next command goes on where this one stopped.
  @discardableResult
  public func detach(_ name: MachineName, from id: NetworkID) async throws -> Bool {
    let lock = try await lock(id)
    let site = try await site(id, lock)
    try await settle(at: site)
    guard let attachment = try await state.read({ try $0.attachments.find(name, in: id) }) else { return false }
    try await unplug(attachment, at: site)
    return true
  }

  /// Finishes or undoes what killed commands left half done with the network's machines.
  func settleMachines(at site: LaunchSite) async throws {
    let unsettled = try await state.read { try $0.attachments.unsettled() }.filter { $0.id == site.id }
    for attachment in unsettled {
      if attachment.state == .attaching, try await isPluggedIn(attachment, at: site) { continue }
      try await unplug(attachment, at: site)
    }
  }

  /// Goes on with what a killed command began.
  ///
  /// - Returns: whether that worked.
  private func isPluggedIn(_ attachment: Attachment, at site: LaunchSite) async throws -> Bool {
    do {
      _ = try await plugIn(attachment.name, at: site)
      return true
    } catch {
      try Task.checkCancellation()
      return false
    }
  }

  /// Notes what is wanted.
  ///
  /// - Returns: the machine as it was before; nil for a new one.
  private func begin(_ request: AttachRequest, _ transaction: Transaction) throws -> Attachment? {
    let id = request.id
    guard var known = try transaction.attachments.find(request.name, in: id) else {
      // Names that DNS couldn't tell apart.
      guard request.name.text != LaunchedNames.instance(of: id).lowercased() else {
        throw LaunchError.cloudpipesName(request.name, of: id)
      }
      let address = try transaction.addresses.allocate(
        in: id, holder: request.name.text, address: request.address, mac: request.mac, at: now())
      try transaction.attachments.insert(
        Attachment(
          request.name, of: id, address: address.address, port: request.port, state: .attaching, createdAt: now()))
      return nil
    }
    let mac = try transaction.addresses.all(in: id).first { $0.address == known.address }?.mac
    for (asked, found) in [(request.address?.text, known.address.text), (request.mac?.text, mac?.text ?? "none")] {
      guard let asked, asked != found else { continue }
      throw LaunchError.otherInterface(request.name, of: id, is: found, asked: asked)
    }
    let earlier = known
    known.port = request.port
    known.state = .attaching
    try transaction.attachments.update(known)
    return earlier
  }

  private func plugIn(_ name: MachineName, at site: LaunchSite) async throws -> AttachedMachine {
    let plan = try await site.networkPlan()
    let machine = plan.reservations.first { $0.name == name.text && $0.port != nil }
    guard let machine else { throw StateError.notFound(kind: "machine", id: "\(name) of \(site.id)") }
    try await site.cloud.attach(machine, to: plan)
    return try await state.write { transaction in
      guard var attachment = try transaction.attachments.find(name, in: site.id) else {
        throw StateError.notFound(kind: "machine", id: "\(name) of \(site.id)")
      }
      attachment.state = .attached
      try transaction.attachments.update(attachment)
      return AttachedMachine(attachment, mac: machine.mac)
    }
  }

  /// Undoes an attachment that failed: a machine that was attached before is where it was.
  private func takeBack(_ name: MachineName, _ earlier: Attachment?, at site: LaunchSite) async throws {
    guard let earlier else {
      guard let attachment = try await state.read({ try $0.attachments.find(name, in: site.id) }) else { return }
      return try await unplug(attachment, at: site)
    }
    try await state.write { try $0.attachments.update(earlier) }
    try await site.cloud.makeNetwork(site.networkPlan())
  }

  private func unplug(_ attachment: Attachment, at site: LaunchSite) async throws {
    try await state.write { transaction in
      var leaving = attachment
      leaving.state = .detaching
      try transaction.attachments.update(leaving)
    }
    try await site.cloud.makeNetwork(site.networkPlan())
    try await state.write { try $0.attachments.remove(attachment.name, in: site.id) }
  }
}
