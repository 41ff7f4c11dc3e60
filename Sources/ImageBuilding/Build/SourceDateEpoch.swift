public import Foundation

/// The latest time that a file of an image may carry, in seconds since 1970; see reproducible-builds.org's
/// specification of SOURCE_DATE_EPOCH.
public enum SourceDateEpoch {
  /// What holds where nobody says otherwise: 2025-01-01T00:00:00Z. A fixed time, since an image is to depend on its
  /// inputs and not on the day it is built.
  public static let standard = 1_735_689_600

  /// The value of `$SOURCE_DATE_EPOCH`, or ``standard``.
  ///
  /// - Throws: ``ImageError/badEpoch(_:)`` for anything but a whole number of seconds.
  public static func current(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws -> Int {
    guard let text = environment["SOURCE_DATE_EPOCH"], !text.isEmpty else { return standard }
    guard let seconds = Int(text), (0...253_402_300_799).contains(seconds) else { throw ImageError.badEpoch(text) }
    return seconds
  }
}
