/// What an OpenStack cloud can't do, or wouldn't, and what to do about it. No case ever holds a password or a token.
///
/// `doing` says what was tried, on what: "create the port acme-vpn".
public enum OpenStackError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No cloud has that name; `searched` are the files that were looked at.
  case noCloud(String, known: [String], searched: [String])
  /// What says how to log in isn't whole or isn't known here.
  case credentials(cloud: String, why: String)
  /// 401, even with a fresh token.
  case unauthorized(cloud: String, why: String)
  /// 403: the user's role doesn't allow it.
  case forbidden(doing: String, why: String)
  /// A quota of the project is used up.
  case quota(doing: String, why: String)
  /// 404.
  case notFound(doing: String, why: String)
  /// 409.
  case conflict(doing: String, why: String)
  /// 413: more than the cloud takes at once.
  case tooLarge(doing: String, why: String)
  /// 429, after all tries.
  case rateLimited(doing: String, why: String)
  /// 5xx, after all tries.
  case unavailable(doing: String, status: Int, why: String)
  /// No connection, or one that ended in the middle, after all tries.
  case unreachable(doing: String, why: String)
  /// No answer in time.
  case noAnswer(doing: String, seconds: Int)
  /// An answer that isn't what the API says.
  case badAnswer(doing: String, why: String)
  /// Any other refusal: 400 and its kin.
  case refused(doing: String, status: Int, why: String)
  /// The catalog has no such service.
  case noService(String, cloud: String, region: String?, interface: String)
  /// An instance is in ERROR; `why` is its fault.
  case instanceFault(name: String, why: String)
  /// Something of that name is there, and cpbuild didn't make it.
  case notOurs(what: String, remedy: String)
  /// What was asked for is nothing that the cloud has.
  case unknown(what: String, known: [String])
  /// What was asked for can't be had; `why` says what to do.
  case impossible(doing: String, why: String)

  public var description: String {
    switch self {
    case .noCloud(let name, let known, let searched):
      let others = known.isEmpty ? "" : " (they name \(known.joined(separator: ", ")))"
      let places = searched.isEmpty ? "there is no clouds.yaml" : "not in \(searched.joined(separator: ", "))\(others)"
      return "there is no cloud \(name): \(places); name it in ~/.config/openstack/clouds.yaml, or set OS_AUTH_URL "
        + "and its kin"
    case .credentials(let cloud, let why): return "can't log in to the cloud \(cloud): \(why)"
    case .unauthorized(let cloud, let why):
      return "the cloud \(cloud) doesn't take these credentials: \(why); see that they are right, not expired and "
        + "not revoked"
    case .forbidden(let doing, let why):
      return "not allowed to \(doing): \(why); the user needs a role in the project that allows it, usually 'member'"
    case .quota(let doing, let why):
      return "can't \(doing), a quota is used up: \(why); free something ('openstack quota show' lists the quotas), "
        + "or ask for more"
    case .notFound(let doing, let why): return "can't \(doing): it isn't there: \(why)"
    case .conflict(let doing, let why): return "can't \(doing), something is in its way: \(why)"
    case .tooLarge(let doing, let why): return "can't \(doing), it is more than the cloud takes at once: \(why)"
    case .rateLimited(let doing, let why):
      return "can't \(doing): the cloud takes no more requests at this time: \(why); try again in a minute"
    case .unavailable(let doing, let status, let why):
      return "can't \(doing): the service failed (\(status)): \(why); try again, and if it stays so tell the cloud's "
        + "operator"
    case .unreachable(let doing, let why):
      return "can't \(doing): no connection: \(why); see that the address is right and the network is up"
    case .noAnswer(let doing, let seconds): return "can't \(doing): no answer in \(seconds) s; try again"
    case .badAnswer(let doing, let why): return "can't \(doing): the answer makes no sense: \(why)"
    case .refused(let doing, let status, let why): return "can't \(doing): refused (\(status)): \(why)"
    case .noService(let type, let cloud, let region, let interface):
      let place = region.map { " in the region \($0)" } ?? ""
      return "the cloud \(cloud) has no \(interface) endpoint of type \(type)\(place): see 'openstack catalog list'"
    case .instanceFault(let name, let why): return "the instance \(name) is in ERROR: \(why)"
    case .notOurs(let what, let remedy): return "\(what) is there and isn't of cpbuild's making: \(remedy)"
    case .unknown(let what, let known):
      let list = known.isEmpty ? "it has none" : "it has \(known.joined(separator: ", "))"
      return "the cloud has no \(what): \(list)"
    case .impossible(let doing, let why): return "can't \(doing): \(why)"
    }
  }
}
