import ArgumentParser
import Foundation
import Glibc
import Host
import SystemPackage

/// `cpbuild demo-web-server`, which a demo starts itself in its machine's namespace: a web server with one page.
struct DemoWebServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo-web-server", abstract: "Serve one page at port 80.", shouldDisplay: false)

  @Option(help: ArgumentHelp("What the page says.", valueName: "text"))
  var page: String

  func run() async throws {
    let listener = try Self.listen()
    let page = page
    let thread = Thread { Self.serve(page, at: listener) }
    thread.name = "web server"
    thread.start()
    // Until it is told to end.
    while true { try await Task.sleep(for: .seconds(3600)) }
  }

  private static func listen() throws -> CInt {
    let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = in_port_t(80).bigEndian
    let code = withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard listener >= 0, code == 0, Glibc.listen(listener, 8) == 0 else {
      throw HostError.file(doing: "listen at", path: "port 80", errno: errno)
    }
    return listener
  }

  private static func serve(_ page: String, at listener: CInt) {
    while case let connection = accept(listener, nil, nil), connection >= 0 {
      // Whoever says nothing isn't waited for.
      var limit = timeval(tv_sec: 2, tv_usec: 0)
      setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      var request = [UInt8](repeating: 0, count: 4096)
      if recv(connection, &request, request.count, 0) > 0 {
        let head = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(page.utf8.count)\r\n\r\n"
        let answer = Array((head + page).utf8)
        _ = send(connection, answer, answer.count, CInt(truncatingIfNeeded: Int(MSG_NOSIGNAL)))
      }
      close(connection)
    }
  }
}
