import Foundation
import Host
public import SystemPackage

/// A web server on this machine that misbehaves on demand.
///
/// | behaviour | |
/// | --- | --- |
/// | `cut=N` | closes the connection after N bytes of each answer |
/// | `die=N` | refuses everything after N answers |
/// | `once` | `cut` and `stall` hold until they have cut an answer short once |
/// | `etag` | another ETag from the second answer on, whatever If-Range asks |
/// | `norange` | knows no ranges |
/// | `notag` | no validators |
/// | `nolength` | no Content-Length |
/// | `status=S`, `times=N` | answers S, N times where that is given |
/// | `stall=N` | sends N bytes and nothing more |
/// | `slow` | takes a second |
public struct HTTPTestServer: Sendable {
  public let port: Int
  private let folder: FilePath
  private let task: Task<Void, any Error>

  /// Serves the files of `folder`, by their names alone, while `body` runs.
  public static func with(
    folder: FilePath, behaviour: [String], _ body: (HTTPTestServer) async throws -> Void
  ) async throws {
    let script = folder.appending("server.py")
    try AtomicFile.write(source, to: script)
    let log = folder.appending("requests.log")
    try AtomicFile.write("", to: log)
    try AtomicFile.write(behaviour.joined(separator: "\n"), to: folder.appending("behaviour"))
    let task = Task { _ = try await Command("python3", [script.string, folder.string]).run() }
    defer { task.cancel() }
    let note = folder.appending("port")
    while true {
      if let text = try? String(contentsOfFile: note.string, encoding: .utf8), let port = Int(text) {
        let server = HTTPTestServer(port: port, folder: folder, task: task)
        let result: Result<Void, any Error>
        do {
          result = .success(try await body(server))
        } catch {
          result = .failure(error)
        }
        await server.stop()
        return try result.get()
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  public func url(_ path: String) -> String { "http://127.0.0.1:\(port)/\(path)" }

  /// From now on.
  public func behave(_ behaviour: [String]) throws {
    try AtomicFile.write(behaviour.joined(separator: "\n"), to: folder.appending("behaviour"))
  }

  /// One line each: method, path, range.
  public func requests() throws -> [String] {
    try String(contentsOfFile: folder.appending("requests.log").string, encoding: .utf8).split(separator: "\n")
      .map(String.init)
  }

  public func stop() async {
    task.cancel()
    _ = await task.result
  }

  private static let source = #"""
    import http.server, os, sys, time

    folder = sys.argv[1]
    answers = 0
    has_cut = False

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments): pass

        def do_HEAD(self): self.answer(False)

        def do_GET(self): self.answer(True)

        def answer(self, has_body):
            global answers, has_cut
            with open(folder + "/requests.log", "a") as log:
                log.write(f"{self.command} {self.path} range={self.headers.get('Range')}\n")
            with open(folder + "/behaviour") as file:
                settings = dict((line + "=").split("=")[:2] for line in file.read().split())
            if has_body: answers += 1
            number = answers
            first = number == 1
            if "once" in settings and has_cut:
                for name in ("cut", "stall"): settings.pop(name, None)
            if "die" in settings and number > int(settings["die"]):
                return self.connection.close()
            if "status" in settings and number <= int(settings.get("times", 1 << 30)):
                return self.empty(int(settings["status"]))
            parts = self.path.split("/")
            if parts[1] == "redirect":
                left = int(parts[2]) - 1
                return self.empty(302, f"/redirect/{left}/{parts[3]}" if left else "/" + parts[3])
            if parts[1] == "away":
                return self.empty(302, "file:///etc/passwd")
            try:
                with open(folder + "/" + os.path.basename(self.path), "rb") as file: data = file.read()
            except FileNotFoundError:
                return self.empty(404)
            tag = '"two"' if "etag" in settings and not first else '"one"'
            start = 0
            wanted = self.headers.get("Range")
            if wanted and "norange" not in settings and self.headers.get("If-Range") == tag:
                start = int(wanted.split("=")[1].split("-")[0])
            self.send_response(206 if start else 200)
            if start: self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            if "notag" not in settings: self.send_header("ETag", tag)
            if "nolength" not in settings: self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            if not has_body: return
            body = data[start:]
            if "cut" in settings: body = body[:int(settings["cut"])]
            if "stall" in settings: body = body[:int(settings["stall"])]
            has_cut = has_cut or len(body) < len(data) - start
            try:
                if "slow" in settings:
                    step = len(body) // 20
                    while body:
                        self.wfile.write(body[:step])
                        body = body[step:]
                        time.sleep(0.05)
                else:
                    self.wfile.write(body)
                self.wfile.flush()
                if "stall" in settings: time.sleep(10)
            except OSError:
                pass
            self.close_connection = True

        def empty(self, status, location=None):
            self.send_response(status)
            if location: self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with open(folder + "/port.new", "w") as file: file.write(str(server.server_port))
    os.rename(folder + "/port.new", folder + "/port")
    server.serve_forever()
    """#
}
