/// What can go wrong with a guest's disk in the libguestfs appliance.
public enum GuestError: Error, Equatable, Sendable, CustomStringConvertible {
  /// libguestfs itself couldn't be set up or the appliance didn't come up.
  case appliance(reason: String)
  /// A call on the guest failed; `call` says what was being done.
  case call(call: String, reason: String)

  /// The appliance didn't answer for `seconds`; it was ended.
  case stalled(call: String, seconds: Int)

  public var description: String {
    switch self {
    case .appliance(let reason):
      "the libguestfs appliance didn't start: \(reason); 'cpbuild doctor' says what is missing"
    case .call(let call, let reason):
      "can't \(call) in the guest: \(reason)"
    case .stalled(let call, let seconds):
      "the libguestfs appliance didn't \(call) within \(seconds) s and was ended; run the command again"
    }
  }
}
