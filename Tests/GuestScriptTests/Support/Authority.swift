import Foundation

/// A root CA, project CAs and what they issue, made with the openssl command: another program than the one under
/// test and than the one that makes them in production.
struct Authority {
  let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    try Data(configuration.utf8).write(to: URL(filePath: path("openssl.cnf")))
    try make("root", issuer: nil, extensions: "ca")
    try make("project", issuer: "root", extensions: "ca")
    try make("server", issuer: "project", extensions: "server")
    try trust(["project"])
  }

  /// Has `ca.crt` hold these CAs, as a payload has it: each self-signed, with the name and the key that it has always.
  func trust(_ names: [String]) throws {
    let anchors = try names.map { name in
      try Shell.check([
        "openssl", "x509", "-req", "-in", path("\(name).csr"), "-signkey", path("\(name).key"), "-days", "30",
        "-extfile", path("openssl.cnf"), "-extensions", "ca", "-out", path("\(name)-anchor.crt"),
      ])
      return try read("\(name)-anchor.crt")
    }
    try Data(anchors.joined().utf8).write(to: URL(filePath: path("ca.crt")))
  }

  func remove() { scratch.remove() }
  func path(_ name: String) -> String { scratch.path(name) }
  func read(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

  /// Makes `name`.key and `name`.crt.
  /// - Parameter commonName: when it isn't `name`, as after a reissue to the same user.
  /// - Parameter serial: in hexadecimal.
  func make(
    _ name: String, issuer: String?, extensions: String = "client", commonName: String? = nil, serial: String? = nil
  ) throws {
    try Shell.check([
      "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
      "-config", path("openssl.cnf"), "-subj", "/CN=\(commonName ?? name)",
      "-keyout", path("\(name).key"), "-out", path("\(name).csr"),
    ])
    let signer =
      issuer.map { ["-CA", path("\($0).crt"), "-CAkey", path("\($0).key")] } ?? ["-signkey", path("\(name).key")]
    let number = serial ?? String(UInt64.random(in: 1...UInt64.max), radix: 16)
    try Shell.check(
      [
        "openssl", "x509", "-req", "-in", path("\(name).csr"), "-out", path("\(name).crt"), "-days", "30",
        "-set_serial", "0x\(number)", "-extfile", path("openssl.cnf"), "-extensions", extensions,
      ] + signer)
  }

  /// Issues another certificate for a client's key that `make` made, which ends so many seconds from now.
  func expire(_ name: String, seconds: Double) throws {
    try Data().write(to: URL(filePath: path("index.txt")))
    try Shell.check([
      "env", "-C", scratch.folder, "openssl", "ca", "-batch", "-notext", "-config", path("openssl.cnf"),
      "-name", "with_number", "-policy", "policy", "-extensions", "client", "-outdir", scratch.folder,
      "-cert", path("project.crt"), "-keyfile", path("project.key"), "-in", path("\(name).csr"),
      "-out", path("\(name).crt"), "-startdate", date(-3600), "-enddate", date(seconds),
    ])
  }

  /// The serial of a certificate, in capital hexadecimal.
  func serial(_ name: String) throws -> String {
    let line = try Shell.check(["openssl", "x509", "-in", path("\(name).crt"), "-noout", "-serial"])
    return line.trimmingCharacters(in: .whitespacesAndNewlines).replacingOccurrences(of: "serial=", with: "")
  }

  /// Makes a CRL and returns its path.
  /// - Parameters:
  ///   - number: the CRL number, in hexadecimal with an even count of digits; nil leaves the extension out.
  ///   - from, to: thisUpdate and nextUpdate in seconds from now.
  func crl(
    _ number: String?, revoked: [String] = [], by issuer: String = "project", from: Double = -3600,
    to: Double = 7 * 86400, extensions: String = "crl"
  ) throws -> String {
    let name = "crl-\(UUID().uuidString)"
    let index = try revoked.map { "R\t401231235959Z\t250101000000Z\t\(try serial($0))\tunknown\t/CN=\($0)\n" }
    try Data(index.joined().utf8).write(to: URL(filePath: path("index.txt")))
    try Data("\(number ?? "01")\n".utf8).write(to: URL(filePath: path("crlnumber")))
    let section = number == nil ? "without_number" : "with_number"
    try Shell.check([
      "env", "-C", scratch.folder, "openssl", "ca", "-gencrl", "-config", path("openssl.cnf"), "-name", section,
      "-cert", path("\(issuer).crt"), "-keyfile", path("\(issuer).key"), "-out", path(name),
      "-crl_lastupdate", date(from), "-crl_nextupdate", date(to), "-crlexts", extensions,
    ])
    return path(name)
  }

  /// Makes a file that holds several CRLs, and returns its path.
  func crls(_ files: [String]) throws -> String {
    let name = "crls-\(UUID().uuidString)"
    let all = try files.map { try String(contentsOfFile: $0, encoding: .utf8) }
    try Data(all.joined().utf8).write(to: URL(filePath: path(name)))
    return path(name)
  }

  private func date(_ secondsFromNow: Double) -> String {
    let format = DateFormatter()
    format.dateFormat = "yyyyMMddHHmmss'Z'"
    format.timeZone = TimeZone(identifier: "UTC")
    format.locale = Locale(identifier: "en_US_POSIX")
    return format.string(from: Date().addingTimeInterval(secondsFromNow))
  }
}

private let configuration = """
  [req]
  distinguished_name = name
  [name]
  [ca]
  basicConstraints = critical, CA:TRUE
  keyUsage = critical, keyCertSign, cRLSign
  subjectKeyIdentifier = hash
  authorityKeyIdentifier = keyid
  [server]
  basicConstraints = critical, CA:FALSE
  keyUsage = critical, digitalSignature
  extendedKeyUsage = serverAuth
  [client]
  basicConstraints = critical, CA:FALSE
  keyUsage = critical, digitalSignature
  extendedKeyUsage = clientAuth
  [crl]
  authorityKeyIdentifier = keyid
  [delta]
  authorityKeyIdentifier = keyid
  2.5.29.27 = critical, DER:020101
  [policy]
  commonName = supplied
  [with_number]
  rand_serial = yes
  database = index.txt
  crlnumber = crlnumber
  default_md = sha256
  [without_number]
  database = index.txt
  default_md = sha256
  """
