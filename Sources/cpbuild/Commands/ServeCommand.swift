import ArgumentParser
import Foundation
import Serving

/// `cpbuild serve`.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve CRLs to the cloudpipes that fetch them, until interrupted.",
    discussion: """
      Answers /crl/PROJECT.pem, /healthz and /metrics, and renews the CRLs that are due. Instances in a cloud ask at \
      'crl-url' of cpbuild.yaml, which is to lead here.

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
    let open = try await options.open()
    let (host, port) = try place()
    let server = CRLServer(state: open.store, trust: open.trust)
    let listener = CRLServer.Listener(
      host: host, port: port, certificate: certificate.map { .fromCommandLine($0) },
      key: key.map { .fromCommandLine($0) })
    try await server.run(listener) { port in
      StandardError.write("listening on \(host):\(port)\n")
    } trouble: { sentence in
      StandardError.write("cpbuild: warning: \(sentence.escapingControls())\n")
    }
  }
}
