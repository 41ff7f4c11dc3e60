public import ArgumentParser
public import State
public import Trust

extension Trust.KeyType: ExpressibleByArgument {}

extension VPNMode: ExpressibleByArgument {}

extension State.RevocationReason: ExpressibleByArgument {
  /// Such as `key-compromise`.
  var name: String {
    "\(self)".reduce(into: "") { $0 += $1.isUppercase ? "-" + $1.lowercased() : String($1) }
  }

  /// Reads `key-compromise` and what other programs write: `keyCompromise`, `CACompromise`.
  public init?(argument: String) {
    let wanted = argument.lowercased().filter { $0 != "-" }
    guard let reason = Self.allCases.first(where: { "\($0)".lowercased() == wanted }) else { return nil }
    self = reason
  }

  public static var allValueStrings: [String] { allCases.map(\.name) }
  public static var allValueDescriptions: [String: String] { [:] }
}
