public import Foundation
public import Names
public import SystemPackage

/// What can go wrong in keeping projects' trust, beside what `State` and `Trust` say themselves.
public enum TrustKeeperError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The passphrase can't be had from where it should come from.
  case passphrase(source: String, why: String, remedy: String)
  /// The private key in `file` is encrypted, and nobody said where the passphrase is.
  case passphraseNeeded(file: FilePath)
  /// The passphrase doesn't open the private key in `file`.
  case wrongPassphrase(file: FilePath)
  /// There is no root CA yet.
  case noRoot
  /// The project was never launched.
  case noProject(ProjectID)
  /// The authority at hand has no private key here.
  case noKey(authority: String)
  /// The project has no user of that name.
  case noUser(UserName, ProjectID)
  /// The user has a certificate that is valid until then.
  case userExists(UserName, ProjectID, until: Date)
  /// There is nothing to renew: all of the user's certificates are revoked.
  case nothingToRenew(UserName, ProjectID)
  /// No project has a user of that name.
  case unknownUser(UserName)
  /// No certificate of the user has that serial number.
  case noCertificate(serial: String, UserName, ProjectID)
  /// The whole project was revoked.
  case projectRevoked(ProjectID)
  /// The project got another CA while this one was at work.
  case authorityReplaced(ProjectID)
  /// Another root took over while this one was at work.
  case rootReplaced
  /// A step of the rollover would lock these out.
  case rolloverWaits(ProjectID, step: RolloverStep, holders: [String])

  public var description: String {
    switch self {
    case .passphrase(let source, let why, let remedy): "can't read the passphrase from \(source): \(why): \(remedy)"
    case .passphraseNeeded(let file):
      "the private key \(file) is encrypted: name the file, descriptor or credential that holds its passphrase"
    case .wrongPassphrase(let file): "the passphrase doesn't open the private key \(file): give the right one"
    case .noRoot: "there is no root CA yet: the first 'cpbuild launch' makes it"
    case .noProject(let project): "there is no project \(project): 'cpbuild launch \(project)' makes it"
    case .noKey(let authority): "the private key of \(authority) isn't kept here: restore it from a backup"
    case .noUser(let user, let project): "the project \(project) has no user \(user)"
    case .userExists(let user, let project, let end):
      "\(user) of \(project) has a certificate until \(end.formatted(.iso8601)): --renew gives another beside it, 'cpbuild "
        + "user revoke \(project) \(user)' takes it back"
    case .nothingToRenew(let user, let project):
      "\(user) of \(project) has no certificate to renew, all are revoked: without --renew they are let in again"
    case .unknownUser(let user): "no project has a user \(user)"
    case .noCertificate(let serial, let user, let project):
      "\(user) of \(project) has no certificate with the serial number \(serial)"
    case .projectRevoked(let project):
      "the project \(project) is revoked: 'cpbuild ca renew \(project)' gives it a new CA, with which all begin anew"
    case .authorityReplaced(let project): "the project \(project) got another CA meanwhile: run it again"
    case .rootReplaced: "the root CA was replaced meanwhile: run it again"
    case .rolloverWaits(let project, let step, let holders):
      "the CA of \(project) can't \(step) yet, for it would lock out \(Self.listed(holders)): \(step.remedy(project))"
    }
  }

  /// The first of many, and how many more.
  private static func listed(_ names: [String]) -> String {
    let first = names.prefix(5).joined(separator: ", ")
    return names.count > 5 ? "\(first) and \(names.count - 5) more" : first
  }
}
