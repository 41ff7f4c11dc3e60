import ArgumentParser
import Foundation
import Glibc
import Host
import Serving

/// `cpbuild serve`.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve CRLs to the cloudpipes that fetch them, until interrupted.",
    discussion: """
      Answers /crl/PROJECT.pem, /healthz and /metrics, and renews the CRLs that are due. Instances in a cloud ask at \
      'crl-url' of cpbuild.yaml, which is to lead here.

      SIGHUP has it read certificate and key anew; where they don't do, it says so and goes on with those it had. After \
      SIGTERM it answers what it was asked, and its exit status is 0.

      Example:
        cpbuild serve --listen 0.0.0.0:8443 --certificate chain.pem --key key.pem
      """)

  @OptionGroup var options: StateOptions

  @Option(help: ArgumentHelp("The address and port to listen on.", valueName: "address:port"))
  var listen = "127.0.0.1:8080"

  @Option(help: ArgumentHelp("The certificate and its chain, for TLS.", valueName: "file"))
  var certificate: String?

  @Option(help: ArgumentHelp("The certificate's private key.", valueName: "file"))
  var key: String?

  mutating func validate() throws {
    _ = try place()
    if (certificate == nil) != (key == nil) {
      throw ValidationError("--certificate and --key go together.")
    }
  }

  private func place() throws -> (host: String, port: Int) {
    guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]),
      (0...65_535).contains(port), colon != listen.startIndex
    else { throw ValidationError("--listen is an address and a port, such as 127.0.0.1:8080.") }
    return (listen[..<colon].trimmingCharacters(in: ["[", "]"]), port)
  }

  func run() async throws {
    let hangups = Interruption.takeHangups()
    do { try await serve(rereadingAt: hangups) } catch is CancellationError where Interruption.signal == SIGTERM {
      // How service managers end what has done nothing wrong.
    }
  }

  private func serve(rereadingAt hangups: AsyncStream<Void>) async throws {
    let open = try await options.open(recovering: false)
    let (host, port) = try place()
    let identity = try identity()
    async let _ = reread(identity, at: hangups)
    let server = CRLServer(state: open.store, trust: open.trust)
    try await server.run(CRLServer.Listener(host: host, port: port, identity: identity)) { port in
      StandardError.write("listening on \(CRLServer.Listener(host: host, port: port).place)\n")
    } trouble: {
      Self.warn($0)
    }
  }

  private func identity() throws -> ServedIdentity? {
    guard let certificate, let key else { return nil }
    return try ServedIdentity(certificate: .fromCommandLine(certificate), key: .fromCommandLine(key))
  }

  private func reread(_ identity: ServedIdentity?, at hangups: AsyncStream<Void>) async {
    for await _ in hangups {
      guard let identity else { continue }
      do {
        try identity.readAnew()
        StandardError.write("read the certificate and its key anew\n")
      } catch {
        Self.warn("\(error): the certificate that was read before is served on")
      }
    }
  }

  private static func warn(_ sentence: String) {
    StandardError.write("cpbuild: warning: \(sentence.escapingControls())\n")
  }
}
