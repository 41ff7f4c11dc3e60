"""An HTTP proxy that does one request wrong: which and how is read from a file.

usage: fault_proxy.py FILE

FILE holds `ID NUMBER KIND`: of the requests that come after ID was first seen the NUMBERth, counted from 1, is treated
as KIND says:

  refuse       closed without having been passed on
  drop         passed on, and closed without an answer
  delay        passed on after 3 s
  truncate     passed on, and half of the answer given back
  broken       passed on, and 500 said
  STATUS       not passed on, and that status said

The port is printed as a line. It ends with SIGTERM, or when whoever started it has ended.
"""

import http.client
import http.server
import os
import pathlib
import signal
import sys
import threading
import time
import urllib.parse

PARENT = os.getppid()
CONTROL = pathlib.Path(sys.argv[1])


class Plan:
    def __init__(self):
        self.lock = threading.Lock()
        self.current = None
        self.count = 0

    def fault(self):
        """What is to be done to the request that has just come; None: nothing."""
        try:
            plan = CONTROL.read_text().split()
        except FileNotFoundError:
            return None
        with self.lock:
            if plan[0] != self.current:
                self.current, self.count = plan[0], 0
            self.count += 1
            return plan[2] if self.count == int(plan[1]) else None


PLAN = Plan()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = PLAN.fault()
        if fault == "refuse":
            self.close_connection = True
            return
        if fault and fault.isdigit():
            return self.say(int(fault), [("Content-Type", "application/json")],
                            b'{"error": {"message": "as the test wants it"}}')
        if fault == "delay":
            time.sleep(3)
        status, headers, answer = self.pass_on(body)
        if fault == "drop":
            self.close_connection = True
        elif fault == "broken":
            self.say(500, [("Content-Type", "text/plain")], b"as the test wants it")
        elif fault == "truncate":
            self.say(status, headers, answer, half=True)
        else:
            self.say(status, headers, answer)

    def pass_on(self, body):
        url = urllib.parse.urlsplit(self.path)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=120)
        headers = {name: value for name, value in self.headers.items()
                   if name.lower() not in ("connection", "host", "content-length", "transfer-encoding")}
        target = url.path + ("?" + url.query if url.query else "")
        connection.request(self.command, target, body or None, headers)
        answer = connection.getresponse()
        kept = [(name, value) for name, value in answer.getheaders()
                if name.lower() not in ("connection", "content-length", "transfer-encoding", "date", "server")]
        data = answer.read()
        connection.close()
        return answer.status, kept, data

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


def watch_parent():
    while os.getppid() == PARENT:
        time.sleep(0.5)
    os._exit(0)


signal.pthread_sigmask(signal.SIG_SETMASK, [])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=watch_parent, daemon=True).start()
print(server.server_address[1], flush=True)
server.serve_forever()
