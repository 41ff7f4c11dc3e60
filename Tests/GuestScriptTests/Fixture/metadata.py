"""metadata.py FOLDER ADDRESS [PORT]: a metadata service. `FILE.status` holds a status to answer with instead of FILE."""
import http.server
import os
import sys

folder = sys.argv[1]


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments):
        super().__init__(*arguments, directory=folder)

    def do_GET(self):
        status = f"{folder}{self.path}.status"
        if os.path.exists(status):
            with open(status) as file:
                self.send_error(int(file.read()))
        else:
            super().do_GET()


port = int(sys.argv[3]) if len(sys.argv) > 3 else 80
http.server.ThreadingHTTPServer((sys.argv[2], port), Handler).serve_forever()
