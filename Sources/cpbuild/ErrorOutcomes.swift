import Clouds
import Declarations
import Disks
import Glibc
import Host
import ImageBuilding
import Launching
import Names
import OpenStack
import Payload
import Serving
import State
import Trust

/// The outcome that each module's errors come to. The modules know nothing of it: this is the one place, and a
/// switch over every case, so that a new case has to be thought about here.
extension Outcome {
  init(for error: any Error) {
    switch error {
    case let error as HostError: self.init(host: error)
    case let error as ImageError: self.init(image: error)
    case let error as PackageError: self.init(package: error)
    case let error as BaseError: self.init(base: error)
    case let error as GuestError: self.init(guest: error)
    case let error as StateError: self.init(state: error)
    case let error as TrustError: self.init(trust: error)
    case let error as TrustKeeperError: self.init(keeper: error)
    case let error as UserError: self.init(user: error)
    case let error as LaunchError: self.init(launch: error)
    case let error as LocalCloudError: self.init(localCloud: error)
    case let error as OpenStackError: self.init(openStack: error)
    case let error as LocalInstanceError: self.init(localInstance: error)
    case is NameError: self = .usage
    case is PayloadError: self = .failed
    case is DeclarationError, is GuestSystemError, is Ext4Error: self = .failed
    case is CancellationError: self = .interrupted
    case is BrokenPipe: self = .brokenPipe
    case let error as StreamError: self.init(errno: error.errno)
    case ServingError.listening(_, let code): self.init(errno: code)
    case is ServingError: self = .failed
    default: self = .failed
    }
  }

  private init(localCloud error: LocalCloudError) {
    switch error {
    case .notRoot, .noTransit: self = .environment
    case .noNetwork, .noPlace: self = .notFound
    case .interfaceTaken, .portForwarded: self = .conflict
    case .notAMachine: self = .usage
    case .helper: self = .failed
    }
  }

  private init(openStack error: OpenStackError) {
    switch error {
    case .noCloud, .notFound, .unknown, .noService: self = .notFound
    case .conflict, .notOurs: self = .conflict
    case .credentials, .unauthorized, .forbidden, .quota, .unreachable: self = .environment
    case .tooLarge, .rateLimited, .unavailable, .noAnswer, .badAnswer, .refused, .instanceFault, .impossible:
      self = .failed
    }
  }

  private init(localInstance error: LocalInstanceError) {
    switch error {
    case .imageChanged, .imageUnusable, .diskTooSmall, .notStarted, .monitor, .notSaved, .notResumed: self = .failed
    case .noDevice: self = .environment
    }
  }

  private init(host error: HostError) {
    switch error {
    case .file(_, _, let code): self.init(errno: code)
    case .programMissing: self = .environment
    case .locked: self = .conflict
    case .setting: self = .usage
    case .commandFailed, .outputTooLong: self = .failed
    }
  }

  private init(launch error: LaunchError) {
    switch error {
    // What a step met with says more than that it was a step.
    case .step(_, _, _, _, let cause), .down(_, _, _, let cause), .notUndone(_, let cause, _): self.init(for: cause)
    case .noImage, .notLaunched, .noProject, .noFlavor: self = .notFound
    case .noShell, .keysLost: self = .failed
    case .different, .awaited, .foreign, .otherInterface, .cloudpipesName, .portInUse: self = .conflict
    case .severalNetworks, .foreignAddress, .portTaken: self = .usage
    case .notPermitted: self = .environment
    case .noAnswer: self = .failed
    }
  }

  private init(image error: ImageError) {
    switch error {
    case .noSuchImage, .noNewestImage, .noSuchRecipe: self = .notFound
    case .badEpoch: self = .usage
    case .output(_, let code): self.init(errno: code)
    case .badManifest, .check, .tooLarge, .newerManifest: self = .failed
    }
  }

  private init(package error: PackageError) {
    switch error {
    case .diskFull, .offlineWithoutIndex, .offlineWithoutPackages, .unreachable, .clockBehind: self = .environment
    default: self = .failed
    }
  }

  private init(base error: BaseError) {
    switch error {
    case .noSpace, .offline, .hostNotSupported, .noDistributionSource, .cannotUnshare: self = .environment
    default: self = .failed
    }
  }

  private init(guest error: GuestError) {
    switch error {
    case .appliance: self = .environment
    case .call, .stalled: self = .failed
    }
  }

  private init(state error: StateError) {
    switch error {
    case .notFound: self = .notFound
    case .alreadyExists, .inUse, .busy, .noFreeAddress, .noFreePort, .noFreeNetwork, .restoreLoses: self = .conflict
    case .unsuitable: self = .usage
    case .homeUnusable, .sqliteTooOld, .full: self = .environment
    case .invalid, .lost, .newerVersion, .notState, .damaged, .key, .database: self = .failed
    }
  }

  private init(trust error: TrustError) {
    switch error {
    case .valueRefused, .requestNameMismatch, .passphraseRefused: self = .usage
    case .rolloverRefused: self = .conflict
    case .cryptographyFailed: self = .environment
    case .malformed, .wrongPassphrase, .passphraseNeeded, .keyRefused, .requestNotSelfSigned, .notPermitted,
      .keyMismatch, .issuerNotValid, .notIssuedBy:
      self = .failed
    }
  }

  private init(keeper error: TrustKeeperError) {
    switch error {
    case .noRoot, .noProject, .noUser, .noCertificate, .unknownUser: self = .notFound
    case .userExists, .nothingToRenew, .projectRevoked, .authorityReplaced, .rootReplaced, .rolloverWaits:
      self = .conflict
    case .passphrase, .passphraseNeeded, .wrongPassphrase, .noKey: self = .failed
    }
  }

  private init(user error: UserError) {
    switch error {
    case .noWay, .notPublic: self = .notFound
    case .otherMode: self = .usage
    case .notARequest: self = .failed
    }
  }

  private init(errno code: CInt) {
    switch code {
    case ENOENT, ENOTDIR: self = .notFound
    case EEXIST, EBUSY, ETXTBSY, EADDRINUSE: self = .conflict
    case EACCES, EPERM, EROFS, ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM: self = .environment
    default: self = .failed
    }
  }
}
