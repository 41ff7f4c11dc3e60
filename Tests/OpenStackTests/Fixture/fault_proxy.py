"""An HTTP proxy that does requests wrong: which and how is read from a file.

usage: fault_proxy.py FILE

FILE holds `ID WHICH KINDS`. WHICH are of the requests that come after ID was first seen, counted from 1; one that is made
several times in a row counts once, so that it makes no difference how often something is looked at:

  N            that one, the first time
  N-           that one and all after it
  each         every one: the first of KINDS the first time that it is made, and so on; but no login is told 401, which is
               final there
  each:R/K     a K-th of them; each is in one of the parts 0 to K - 1
  NAME         the one that the log calls so: by what it is, whatever ids are in it, and the how-manyth of its kind
  /PATH        every POST to a path that ends so

and KINDS, with commas between, say what is done to them:

  refuse       closed without having been passed on
  drop         passed on, and closed without an answer
  delay        passed on when the other side has given up waiting
  late         closed, and passed on when FILE.release is made, which is removed then; what only looks never is
  truncate     passed on, and half of the answer given back
  broken       passed on, and 500 said
  hollow       not passed on, and an empty object given as the answer
  stall        not passed on; an answer is begun that doesn't go on
  STATUS       not passed on, and that status said
  hold         not passed on and not answered; FILE.held is made
  hold-after   the same, but passed on
  revoke       passed on after its token was revoked

The requests are written to FILE.log, one a line, each behind its name, anew for each ID. The port is printed as a line. It ends with SIGTERM,
or when whoever started it has ended.
"""

import http.client
import http.server
import os
import pathlib
import re
import signal
import sys
import threading
import time
import urllib.parse
import urllib.request
import zlib

PARENT = os.getppid()
CONTROL = pathlib.Path(sys.argv[1])


def beside(name):
    return CONTROL.with_name(f"{CONTROL.name}.{name}")


class Plan:
    def __init__(self):
        self.lock = threading.Lock()
        self.current = None
        self.requests = []
        self.times, self.seen = {}, {}
        self.kept = []

    def release(self):
        """Passes on what was kept, in its order."""
        with self.lock:
            kept, self.kept = self.kept, []
        for request in kept:
            pass_on(*request)

    def fault(self, request, body):
        """What is to be done to the request that has just come; None: nothing."""
        try:
            current, which, kinds = CONTROL.read_text().split()
        except FileNotFoundError:
            return None
        with self.lock:
            if current != self.current:
                self.current, self.requests, self.times, self.seen = current, [], {}, {}
                beside("log").write_text("")
            kind_of = zlib.crc32(re.sub(r"[0-9a-f-]{32,}|[0-9]+", "", request).encode())
            is_next = self.requests[-1:] != [(request, body)]
            if is_next:
                self.requests.append((request, body))
                self.seen[kind_of] = self.seen.get(kind_of, 0) + 1
            name = f"{kind_of:08x}.{self.seen[kind_of]}"
            if is_next:
                with beside("log").open("a") as log:
                    log.write(f"{name} {request}\n")
            if "." in which:
                return kinds if is_next and name == which else None
            if which.startswith("/"):
                return kinds if request.startswith("POST") and request.endswith(which) else None
            if which.startswith("each"):
                part, parts = map(int, which[5:].split("/")) if which[4:] else (0, 1)
                if kind_of % parts != part:
                    return None
                time = self.times[request, body] = self.times.get((request, body), 0) + 1
                kind = (kinds.split(",") + [None] * time)[time - 1]
                return None if kind == "401" and request.endswith("/auth/tokens") else kind
            first, *more = which.split("-")
            number = len(self.requests)
            return kinds if (number >= int(first) if more else number == int(first) and is_next) else None


PLAN = Plan()


def pass_on(method, url, headers, body):
    """:returns: status, headers and body of the answer."""
    url = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=120)
    connection.request(method, url.path + ("?" + url.query if url.query else ""), body or None, headers)
    answer = connection.getresponse()
    kept = [(name, value) for name, value in answer.getheaders()
            if name.lower() not in ("connection", "content-length", "transfer-encoding", "date", "server")]
    data = answer.read()
    connection.close()
    return answer.status, kept, data


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer goes out in two writes, of which the second would wait for the other side to have acknowledged the first.
    disable_nagle_algorithm = True

    def do_CONNECT(self):
        """Clients ask for a tunnel even where nothing is encrypted; what comes through it is read here."""
        self.upstream = self.path
        self.send_response(200)
        self.end_headers()

    def handle_any(self):
        try:
            self.handle_wrong()
        except ConnectionError:
            # The other side has given up.
            self.close_connection = True

    def handle_wrong(self):
        self.path = f"http://{self.upstream}{self.path}"
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = PLAN.fault(f"{self.command} {self.path}", body)
        headers = {name: value for name, value in self.headers.items()
                   if name.lower() not in ("connection", "host", "content-length", "transfer-encoding")}
        if fault == "late" and self.command != "GET":
            PLAN.kept.append((self.command, self.path, headers, body))
        if fault in ("refuse", "late"):
            self.close_connection = True
            return
        if fault == "hold":
            return self.hold()
        if self.path.endswith("/auth/tokens"):
            Handler.tokens = self.path
        if fault == "revoke":
            self.revoke()
        if fault and fault.isdigit():
            return self.say(int(fault), [("Content-Type", "application/json")],
                            b'{"error": {"message": "as the test wants it"}}')
        if fault == "hollow":
            return self.say(200, [("Content-Type", "application/json")], b"{}")
        if fault == "stall":
            self.say(200, [("Content-Type", "application/json")], b"{}", half=True)
            return self.hold()
        if fault == "delay":
            self.rfile.read(1)
        status, headers, answer = pass_on(self.command, self.path, headers, body)
        if fault in ("drop", "delay"):
            self.close_connection = True
        elif fault == "hold-after":
            self.hold()
        elif fault == "broken":
            self.say(500, [("Content-Type", "text/plain")], b"as the test wants it")
        elif fault == "truncate":
            self.say(status, headers, answer, half=True)
        else:
            self.say(status, headers, answer)

    tokens = None

    def revoke(self):
        """The token that the request came with, by the token itself."""
        token = self.headers["X-Auth-Token"]
        urllib.request.urlopen(urllib.request.Request(
            Handler.tokens, headers={"X-Auth-Token": token, "X-Subject-Token": token}, method="DELETE"), timeout=60)

    def hold(self):
        """Until the other side has gone."""
        beside("held").write_text("")
        self.rfile.read(1)
        self.close_connection = True

    def say(self, status, headers, body, half=False):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if half else body)
        if half:
            self.close_connection = True

    def log_message(self, *_):
        pass

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any


def watch():
    """For what the tests want, until they have ended."""
    while os.getppid() == PARENT:
        time.sleep(0.05)
        if beside("release").exists():
            PLAN.release()
            beside("release").unlink()
    os._exit(0)


signal.pthread_sigmask(signal.SIG_SETMASK, [])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=watch, daemon=True).start()
print(server.server_address[1], flush=True)
server.serve_forever()
