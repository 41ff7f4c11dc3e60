"""OpenStack: a launch as `cpbuild launch --no-wait` makes it, and the same steps by a script of `openstack` commands, in a
real OpenStack without hypervisor (Tests/OpenStackTests/Fixture/cloud.py): seconds, processor time, requests, bytes.

The script is the shortest that makes the same things: it tags nothing, and its keys and payload are there already, whereas
cpbuild makes a CA and certificates.
"""
import contextlib
import http.client
import http.server
import json
import statistics
import subprocess
import sys
import threading
import urllib.parse

from measuring import TREE, Run, table

FIXTURE = TREE / "Tests" / "OpenStackTests" / "Fixture"
sys.path.append(str(FIXTURE))
import seeding

IMAGE = "ami-0123456789abcdef0"
# What a payload has, about.
PAYLOAD_BYTES = 8192

LAUNCH = """set -e
openstack keypair create --public-key "$KEY" "$NAME"
openstack security group create "$NAME"
openstack security group rule create --protocol udp --dst-port 1194 --remote-ip 0.0.0.0/0 "$NAME"
openstack security group rule create --protocol icmp --remote-ip 0.0.0.0/0 "$NAME"
openstack port create --network "$NETWORK" --fixed-ip "ip-address=$BASE.250" --fixed-ip "ip-address=$BASE.251" \\
  --fixed-ip "ip-address=$BASE.252" --fixed-ip "ip-address=$BASE.253" --fixed-ip "ip-address=$BASE.254" "$NAME-clients"
openstack port create --network "$NETWORK" --fixed-ip "ip-address=$BASE.2" --disable-port-security --no-security-group \\
  "$NAME"
openstack server create --flavor m1.tiny --image "$IMAGE" --key-name "$NAME" --port "$NAME" --user-data "$PAYLOAD" \\
  --wait "$NAME"
openstack floating ip create --port "$NAME" outside
"""

TERMINATE = """set -e
openstack server delete --wait "$NAME"
openstack floating ip delete $(openstack floating ip list --port "$NAME" -f value -c ID)
openstack port delete "$NAME" "$NAME-clients"
openstack security group delete "$NAME"
openstack keypair delete "$NAME"
"""


class Cloud:
    """The real one, for as long as the benchmark runs, and one ordinary user of it."""

    def __init__(self, folder):
        command = [sys.executable, FIXTURE / "cloud.py", folder / "cloud", TREE / ".build"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit("Benchmarks/run: the cloud didn't start; see above")
        about = json.loads(line)
        self.environment = {
            "OS_AUTH_URL": about["auth_url"], "OS_USERNAME": "demo", "OS_PASSWORD": "demo", "OS_PROJECT_NAME": "demo",
            "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default", "OS_IDENTITY_API_VERSION": "3",
            "PYTHONWARNINGS": "ignore", "PATH": "/usr/bin:/usr/sbin:/bin:/sbin"}
        self.client = seeding.Client(about["endpoints"], ("demo", "demo", "demo"))
        # As `image publish` describes one; small, since nothing boots it.
        (folder / "disk").write_bytes(bytes(1 << 20))
        Run(["openstack", "image", "create", "--file", folder / "disk", "--disk-format", "raw", "--tag", "cpbuild", "--tag",
             IMAGE, "--property", f"cpbuild_image={IMAGE}", "--property", f"cpbuild_sha256={'0' * 64}", IMAGE],
            self.environment)

    def network(self, number):
        """A network with a way to the outside."""
        def make(kind, **values):
            return self.client.request("network", "POST", f"/v2.0/{kind}s", {kind: values})[kind]["id"]
        network = make("network", name=f"lab{number}")
        subnet = make("subnet", network_id=network, ip_version=4, cidr=f"10.88.{number}.0/24")
        outside = self.client.request("network", "GET", "/v2.0/networks?name=outside")["networks"][0]["id"]
        router = make("router", external_gateway_info={"network_id": outside})
        self.client.request("network", "PUT", f"/v2.0/routers/{router}/add_router_interface", {"subnet_id": subnet})

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Counter(http.server.BaseHTTPRequestHandler):
    """A proxy that counts requests, and the bytes of both directions with their headers."""
    protocol_version = "HTTP/1.1"
    requests = bytes = 0
    target = ""
    lock = threading.Lock()

    @classmethod
    @contextlib.contextmanager
    def running(cls):
        """The variables that lead through it."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), cls)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.requests = cls.bytes = 0
        try:
            yield {"http_proxy": f"http://127.0.0.1:{server.server_address[1]}"}
        finally:
            server.shutdown()
            server.server_close()

    def do_CONNECT(self):
        """What comes through the tunnel is HTTP, too, and comes here."""
        self.target = "http://" + self.path
        self.send_response_only(200)
        self.end_headers()
        self.close_connection = False

    def pass_on(self):
        url = urllib.parse.urlsplit(urllib.parse.urljoin(self.target, self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=120)
        dropped = ("connection", "host", "content-length", "transfer-encoding", "proxy-connection")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
        connection.request(self.command, url.path + ("?" + url.query if url.query else ""), body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        with self.lock:
            Counter.requests += 1
            Counter.bytes += sum(map(len, (
                self.requestline, str(self.headers), body, str(answer.headers), content)))
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on

    def log_message(self, *_):
        pass


class Launches:
    """Both sides, each launch on a network of its own, and ended again."""

    def __init__(self, cpbuild, cloud, folder):
        self.cpbuild, self.cloud, self.folder = cpbuild, cloud, folder
        self.count = 0
        (folder / "home").mkdir(mode=0o700)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
        (folder / "payload").write_text("A" * PAYLOAD_BYTES)

    def next(self, extra):
        self.count += 1
        self.cloud.network(self.count)
        return self.count, {**self.cloud.environment, "CPBUILD_HOME": str(self.folder / "home"), **extra}

    def by_cpbuild(self, **extra):
        number, environment = self.next(extra)
        project, network = f"acme{number}", f"lab{number}"
        run = Run([self.cpbuild, "launch", project, "--cloud", "envvars", "--network", network, "--no-wait", "--quiet"],
                  environment, self.folder)
        Run([self.cpbuild, "terminate", project, "--quiet"], {**environment, "http_proxy": ""}, self.folder)
        return run

    def by_script(self, **extra):
        number, environment = self.next(extra)
        environment |= {
            "NAME": f"acme{number}-vpn", "NETWORK": f"lab{number}", "BASE": f"10.88.{number}", "IMAGE": IMAGE,
            "KEY": str(self.folder / "key.pub"), "PAYLOAD": str(self.folder / "payload")}
        run = Run(["sh", "-c", LAUNCH], environment, self.folder)
        Run(["sh", "-c", TERMINATE], {**environment, "http_proxy": ""}, self.folder)
        return run


def report(cpbuild, folder, runs):
    """Measures, and gives the text to print."""
    cloud = Cloud(folder)
    try:
        launches = Launches(cpbuild, cloud, folder)
        ways = {"cpbuild": launches.by_cpbuild, "script": launches.by_script}
        counted = {}
        # What the services do at their first request of a kind only is done then, too.
        for name, way in ways.items():
            with Counter.running() as through:
                way(**through)
                counted[name] = (Counter.requests, Counter.bytes)
        done = {name: [] for name in ways}
        for _ in range(runs):
            for name, way in ways.items():
                done[name].append(way())
    finally:
        cloud.stop()

    def row(what, values, unit, limit=None):
        mine, other = values
        ratio = mine / other
        text = [f"{value:.2f} {unit}" if isinstance(value, float) else f"{value} {unit}".strip() for value in values]
        limits = (f"{limit}×", "met" if ratio <= limit else "NOT MET") if limit else ("", "")
        return (what, *text, f"{ratio:.3f}×", *limits)

    def median(of):
        return [statistics.median(of(run) for run in done[name]) for name in ways]

    lines = [
        ("", "cpbuild", "openstack", "ratio", "at most", ""),
        row("launch, to an active instance with an address", median(lambda run: run.seconds), "s", 0.2),
        row("  in its own processor time", median(lambda run: run.processor), "s"),
        row("  requests", [counted[name][0] for name in ways], ""),
        row("  bytes, both directions", [counted[name][1] for name in ways], "B"),
    ]
    each = "; ".join(f"{name} " + " ".join(f"{run.seconds:.2f}" for run in done[name]) for name in ways)
    return (f"Medians of {runs}, in turns; requests and bytes of one more launch each.\n\n{table(lines)}\n\n"
            f"Each, in seconds: {each}")
