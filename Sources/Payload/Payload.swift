public import Foundation

/// The user data of a cloudpipe: a zip archive of `autorun.sh` and what it configures the instance with.
///
/// The same content gives the same bytes, on any day and machine with the same libarchive and zlib.
public struct Payload: Sendable {
  /// A file of the archive.
  struct File: Equatable {
    let name: String
    let content: Data
    /// Permission bits.
    let mode: UInt16
  }

  /// The longest user data that nova accepts, counted in its base64 form: `user_data` has `maxLength` 65535 in
  /// `nova/api/openstack/compute/schemas/servers.py`.
  public static let limit = 65_535

  /// The most bytes of an archive that nova accepts in base64, and so of any: a cloudpipe may go to any cloud.
  public static let archiveLimit = limit / 4 * 3

  /// Sorted as they lie in the archive: what is run comes first.
  let files: [File]
  /// Whether the instance knows where to fetch a CRL.
  private let publishesCRL: Bool
  private static let crlName = "crl.pem"

  /// - Parameters:
  ///   - authorities: `ca.crt`: the project CA's certificate and its chain, in PEM.
  ///   - serverCertificate: `server.crt`, in PEM.
  ///   - serverKey: `server.key`, in PEM and not encrypted.
  ///   - crl: `crl.pem`.
  ///   - tunnelKey: `tls-crypt-v2.key`: the server's.
  /// - Throws: ``PayloadError/setting(key:why:)``.
  public init(
    authorities: Data, serverCertificate: Data, serverKey: Data, crl: Data, tunnelKey: Data, settings: Settings
  ) throws {
    files = [
      File(name: "autorun.sh", content: Data(PackageResources.autorun_sh), mode: 0o755),
      File(name: "ca.crt", content: authorities, mode: 0o644),
      File(name: "server.crt", content: serverCertificate, mode: 0o644),
      File(name: "server.key", content: serverKey, mode: 0o600),
      File(name: Self.crlName, content: crl, mode: 0o644),
      File(name: "tls-crypt-v2.key", content: tunnelKey, mode: 0o600),
      File(name: "settings", content: Data(try settings.text().utf8), mode: 0o644),
    ]
    publishesCRL = settings.crlLocation != nil
  }

  /// The zip archive itself. A CRL that makes it too large is left out where the instance can fetch it: it starts no VPN
  /// before it has one.
  ///
  /// - Throws: ``PayloadError/tooLarge(size:limit:parts:)``, ``PayloadError/notWritten(reason:)``.
  public func archive() throws -> Data {
    var archive = try ZipWriter.archive(files)
    if archive.count > Self.archiveLimit, publishesCRL {
      archive = try ZipWriter.archive(files.filter { $0.name != Self.crlName })
    }
    guard archive.count <= Self.archiveLimit else { throw tooLarge(archive.base64EncodedData().count) }
    return archive
  }

  /// The archive in base64, as a cloud is given it.
  ///
  /// - Parameter times: 1 for a cloud whose metadata service hands out what it was given; 2 for nova, which decodes
  ///   once, as the instance does once more.
  /// - Throws: ``PayloadError/tooLarge(size:limit:parts:)``, ``PayloadError/encoding(times:)``,
  ///   ``PayloadError/notWritten(reason:)``.
  public func encoded(times: Int) throws -> String {
    guard (1...2).contains(times) else { throw PayloadError.encoding(times: times) }
    var data = try archive()
    for _ in 0..<times { data = data.base64EncodedData() }
    guard data.count <= Self.limit else { throw tooLarge(data.count) }
    return String(decoding: data, as: UTF8.self)
  }

  private func tooLarge(_ size: Int) -> PayloadError {
    let parts = files.map { PayloadError.Part(name: $0.name, size: $0.content.count) }.sorted { $0.size > $1.size }
    return .tooLarge(size: size, limit: Self.limit, parts: parts)
  }
}
