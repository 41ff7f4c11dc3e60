import NIOSSL
import Synchronization
public import SystemPackage

/// What the server proves itself with, which may be read anew while it serves: for whoever connects from then on.
public final class ServedIdentity: Sendable {
  private let certificate: FilePath
  private let key: FilePath
  private let newest: Mutex<NIOSSLContext>

  /// - Parameters:
  ///   - certificate: a PEM file with the certificate and its chain.
  ///   - key: one with the certificate's private key.
  /// - Throws: ``ServingError/unreadable(_:what:)``, ``ServingError/unfit(certificate:key:why:)``.
  public init(certificate: FilePath, key: FilePath) throws {
    self.certificate = certificate
    self.key = key
    newest = Mutex(try Self.read(certificate, key))
  }

  var context: NIOSSLContext { newest.withLock { $0 } }

  /// Where it can't be read, all stays as it was.
  ///
  /// - Throws: what ``init(certificate:key:)`` throws.
  public func readAnew() throws {
    let context = try Self.read(certificate, key)
    newest.withLock { $0 = context }
  }

  private static func read(_ certificate: FilePath, _ key: FilePath) throws -> NIOSSLContext {
    guard let chain = try? NIOSSLCertificate.fromPEMFile(certificate.string), !chain.isEmpty else {
      throw ServingError.unreadable(certificate, what: "certificate")
    }
    guard let own = try? NIOSSLPrivateKey(file: key.string, format: .pem) else {
      throw ServingError.unreadable(key, what: "private key")
    }
    do {
      return try NIOSSLContext(
        configuration: .makeServerConfiguration(
          certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(own)))
    } catch { throw ServingError.unfit(certificate: certificate, key: key, why: "\(error)") }
  }
}
