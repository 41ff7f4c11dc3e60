import SystemPackage

/// Prepares the project's CA, and the instance's certificate. The CA, what it signed and what it revoked outlive every
/// instance, so there is nothing to undo.
struct TrustStep: ReversibleStep {
  static let name = StepName.trust

  func make(at site: LaunchSite) async throws -> FilePath { try await site.trust.prepare(for: site.id) }

  func note(of product: FilePath) -> [String: String] { ["crl": product.string] }
}
