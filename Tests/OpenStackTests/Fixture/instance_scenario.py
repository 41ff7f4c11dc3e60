"""Real instances in a real cloud, from `cpbuild image publish` to `cpbuild terminate`, with real OpenVPN clients: one bridged
behind a floating address, one routed behind a forwarded port.

usage: instance_scenario.py CPBUILD OUT SNAPSHOTS

CPBUILD is the program, OUT the folder with the image that it built, SNAPSHOTS as for cloud.py. Needs root. Everything is in
namespaces of its own (hypervisor.py) and in one folder, and is gone in the end.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import hypervisor
import seeding
from hypervisor import GATEWAY, run

# Two names for the one cloud; the second shares one public address among its projects.
CLOUD, SHARED = "real", "shared"
# Of a network as overlay networks are: smaller packets than Ethernet's.
RANGE, MTU = "10.20.0.0/24", 1450
# A page that takes many packets.
PAGE = b"only for the project\n" * 50_000


class Failed(Exception):
    """Something isn't as it has to be."""


class Scenario:
    def __init__(self, cpbuild, out, folder, snapshots):
        self.program, self.out, self.folder = pathlib.Path(cpbuild).resolve(), pathlib.Path(out).resolve(), folder
        self.cloud = hypervisor.Cloud(folder / "cloud", snapshots)
        self.begin = time.monotonic()

    def say(self, text):
        print(f"{time.monotonic() - self.begin:6.1f} s  {text}", flush=True)

    def check(self, holds, claim, detail=""):
        if not holds:
            raise Failed(f"not so: {claim}\n{detail}")
        self.say(claim)

    def run(self):
        try:
            self.cloud.start()
            self.say("the cloud is up, with libvirt and Neutron's agents")
            self.prepare()
            self.life()
        except Exception:
            self.explain()
            raise

    # What is there before cpbuild comes.

    def prepare(self):
        endpoints = self.cloud.layout.endpoints()
        self.admin = seeding.Client(endpoints)
        self.tenant = seeding.Client(endpoints, ("demo", "demo", "demo"))
        self.network = self.make("network", "networks", name="lab", mtu=MTU)["id"]
        self.subnet = self.make("subnet", "subnets", network_id=self.network, ip_version=4, cidr=RANGE)["id"]
        outside = self.admin.request("network", "GET", "/v2.0/networks?name=outside")["networks"][0]["id"]
        router = self.make("router", "routers", name="lab", external_gateway_info={"network_id": outside})["id"]
        self.tenant.request(
            "network", "PUT", f"/v2.0/routers/{router}/add_router_interface", {"subnet_id": self.subnet})
        home = self.folder / "home"
        home.mkdir(0o700)
        (home / "cpbuild.yaml").write_text(
            f"trust: {{crl-url: 'http://{GATEWAY}:8080/crl'}}\nclouds: {{{SHARED}: {{public: shared}}}}\n")
        login = {"auth": {
            "auth_url": endpoints["identity"], "username": "demo", "password": "demo", "project_name": "demo",
            "user_domain_name": "Default", "project_domain_name": "Default"}}
        (self.folder / "clouds.yaml").write_text(json.dumps({"clouds": {CLOUD: login, SHARED: login}}))
        self.environment = {
            **os.environ, "CPBUILD_HOME": str(home), "OS_CLIENT_CONFIG_FILE": str(self.folder / "clouds.yaml")}
        self.start("serve", [self.program, "serve", "--listen", f"{GATEWAY}:8080"])
        self.space("user", "203.0.113.2/24", "203.0.113.1/24")
        self.say(f"a project has the network lab, {RANGE}, with a router to the outside")

    def make(self, kind, path, client=None, **values):
        return (client or self.tenant).request("network", "POST", f"/v2.0/{path}", {kind: values})[kind]

    def space(self, name, inner, outer):
        """A machine on a cable to this one, which is its gateway."""
        run("ip", "netns", "add", name)
        run("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "address", "add", outer, "dev", f"to-{name}")
        run("ip", "link", "set", f"to-{name}", "up")
        run("ip", "-n", name, "address", "add", inner, "dev", "eth0")
        run("ip", "-n", name, "link", "set", "eth0", "up")
        run("ip", "-n", name, "route", "add", "default", "via", outer.split("/")[0])

    def neighbour(self):
        """Another machine in the network, a web server, on a port of Neutron's with port security and its own group."""
        group = self.make("security_group", "security-groups", name="web")["id"]
        self.make("security_group_rule", "security-group-rules", security_group_id=group, direction="ingress",
                  ethertype="IPv4", protocol="tcp", port_range_min=80, port_range_max=80, remote_ip_prefix=RANGE)
        project = self.tenant.request("network", "GET", f"/v2.0/networks/{self.network}")["network"]["project_id"]
        port = self.make(
            "port", "ports", self.admin, network_id=self.network, project_id=project, security_groups=[group],
            device_owner="compute:nova", device_id="neighbour", **{"binding:host_id": "tests"})
        tap = "tap" + port["id"][:11]
        run("ip", "netns", "add", "neighbour")
        run("ip", "link", "add", tap, "type", "veth", "peer", "name", "eth0", "netns", "neighbour")
        # As Nova plugs in an instance.
        run("ip", "link", "set", tap, "mtu", MTU, "master", "brq" + self.network[:11], "up")
        address = port["fixed_ips"][0]["ip_address"]
        for words in (["link", "set", "lo", "up"],
                      ["link", "set", "eth0", "mtu", MTU, "address", port["mac_address"], "up"],
                      ["address", "add", f"{address}/24", "dev", "eth0"]):
            run("ip", "-n", "neighbour", *words)
        pages = self.folder / "pages"
        pages.mkdir()
        (pages / "index.html").write_bytes(PAGE)
        self.start("neighbour", ["ip", "netns", "exec", "neighbour", sys.executable, "-m", "http.server", "--bind", address,
                                 "--directory", pages, "80"])
        path = f"/v2.0/ports/{port['id']}"
        self.wait("the neighbour's port", 60,
                  lambda: self.admin.request("network", "GET", path)["port"]["status"] == "ACTIVE")
        return f"http://{address}/"

    # cpbuild's part.

    def life(self):
        self.must("image", "publish", "--cloud", CLOUD, "--out", self.out)
        self.say("cpbuild image publish: the image is in Glance")
        self.launch("acme", CLOUD)
        url = self.neighbour()
        self.check(self.fetch(url) is None, "from outside nothing of the network is reached")
        alice, bob = self.profile("acme", "alice"), self.profile("acme", "bob")
        with self.connected(bob):
            self.check(self.fetch(url) == PAGE, "OpenVPN's client connects, and reaches a machine in the network")
        with self.connected(alice) as log:
            self.revoke("acme", "alice")
            self.wait("the end of the revoked user's session", 60, lambda: "process exiting" in log.read_text())
            self.say("the revoked user's session has ended")
        self.refused(alice)
        with self.connected(bob):
            self.check(self.fetch(url) == PAGE, "the other user is let in as before")
        self.terminate("acme")

        self.launch("beta", SHARED, "--mode", "routed")
        with self.connected(self.profile("beta", "carol")):
            self.check(self.fetch(url) == PAGE, "OpenVPN's client connects, and reaches the machine through it, too")
        self.terminate("beta")

    def launch(self, project, cloud, *options):
        said = self.must("launch", project, "--cloud", cloud, "--network", "lab", "--out", self.out, *options)
        self.say(f"cpbuild launch: {said.strip().splitlines()[0]}")
        shown = json.loads(self.must("show", project, "--network", "lab", "--json"))[0]
        self.check(shown["state"] == "running", "cpbuild show: it runs", shown)
        self.wait("the end of the boot", 180, lambda: "cloudpipe: rc.local done" in self.must(
            "log", project, "--network", "lab"))
        self.say("cpbuild log: it booted from its disk, and has its payload from Neutron's metadata agent")

    def profile(self, project, user):
        path = self.folder / f"{user}.ovpn"
        self.must("user", "add", project, user, "--network", "lab", "--out", path)
        return path

    def terminate(self, project):
        self.must("terminate", project)
        left = self.leftovers()
        self.check(not left, "cpbuild terminate: nothing is left, in the cloud or of it", left)

    def cpbuild(self, *words):
        done = subprocess.run(
            [str(word) for word in (self.program, *words)], env=self.environment, cwd=self.folder,
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        with open(self.folder / "cpbuild.log", "a") as log:
            log.write(f"$ cpbuild {' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
        return done

    def must(self, *words):
        done = self.cpbuild(*words)
        for line in done.stderr.splitlines():
            if "warning" in line:
                self.say(f"  {line}")
        if done.returncode:
            raise Failed(f"cpbuild {' '.join(map(str, words))} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def revoke(self, project, user):
        """Its status says that the instance isn't told at once: no way leads to its ssh from here."""
        for line in self.cpbuild("user", "revoke", project, user).stdout.strip().splitlines():
            self.say(f"cpbuild user revoke: {line.strip()}")

    # Users.

    TUNNEL_IS_UP = "Initialization Sequence Completed"

    def fetch(self, url):
        done = subprocess.run(
            ["ip", "netns", "exec", "user", "curl", "--silent", "--max-time", "20", url], stdin=subprocess.DEVNULL,
            capture_output=True)
        return done.stdout if done.returncode == 0 else None

    @contextlib.contextmanager
    def connected(self, profile):
        """A client, for as long as it is connected; gives its log."""
        name, log = profile.stem, profile.with_suffix(".log")
        log.unlink(missing_ok=True)
        client = self.start(
            name, ["ip", "netns", "exec", "user", "openvpn", "--config", profile, "--log", log, "--verb", "3"])
        try:
            self.wait(f"{name}'s tunnel", 60, lambda: log.exists() and self.TUNNEL_IS_UP in log.read_text())
            yield log
        finally:
            client.terminate()
            client.wait(10)

    def refused(self, profile):
        log = profile.with_suffix(".refused.log")
        subprocess.run(
            ["ip", "netns", "exec", "user", "timeout", "20", "openvpn", "--config", str(profile), "--log", str(log),
             "--verb", "3", "--connect-retry-max", "1", "--connect-timeout", "8", "--hand-window", "8"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        text = log.read_text()
        self.check("UDPv4 link remote" in text and self.TUNNEL_IS_UP not in text,
                   "the revoked user can't connect again", text)

    # What is around it.

    def start(self, name, command):
        output = open(self.folder / f"{name}.out", "ab")
        return subprocess.Popen(
            [str(word) for word in command], env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=output, stderr=output)

    def wait(self, what, seconds, condition):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise Failed(f"waited {seconds} s for {what}")
            time.sleep(0.2)

    def leftovers(self):
        """Everything that a launch makes and that is still there."""
        left = []
        for kind in ("ports", "security-groups", "floatingips"):
            things = self.admin.request("network", "GET", f"/v2.0/{kind}")[kind.replace("-", "_")]
            left += [f"{kind} {thing['id']}" for thing in things if thing["description"].startswith("cpbuild ")]
        for kind in ("servers", "os-keypairs"):
            left += self.tenant.request("compute", "GET", f"/{kind}")[kind.removeprefix("os-")]
        programs = [file.read_text() for file in pathlib.Path("/proc").glob("[0-9]*/comm")]
        return left + [name.strip() for name in programs if name.startswith("qemu-system")]

    def explain(self):
        """What there is to say about a failure; all of the logs go to the folder $KEEP_LOGS."""
        for name, lines in (("cpbuild.log", 80), ("serve.out", 10), ("alice.log", 30), ("bob.log", 30), ("carol.log", 30)):
            if (self.folder / name).exists():
                text = (self.folder / name).read_text(errors="replace").splitlines()[-lines:]
                print(f"== {name}", *text, sep="\n", file=sys.stderr)
        if keep := os.environ.get("KEEP_LOGS"):
            shutil.copytree(self.folder / "cloud" / "log", keep, dirs_exist_ok=True)


def remains(folder):
    """Processes that speak of the folder, from outside of the namespaces."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if any(word.startswith(os.fsencode(folder)) for word in words) and path.parent.name != str(os.getpid()):
                found.append(b" ".join(words).decode(errors="replace"))
    return found


def main():
    if os.getuid() != 0:
        sys.exit("this needs root")
    if hypervisor.is_inside():
        hypervisor.lead()
        cpbuild, out, snapshots, folder = sys.argv[1:]
        try:
            Scenario(cpbuild, out, pathlib.Path(folder), snapshots).run()
        except Failed as failure:
            sys.exit(str(failure))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Paths of sockets are short.
    folder = tempfile.mkdtemp(prefix="cpb-instance-", dir="/var/tmp")
    # dnsmasq drops its rights and reads there.
    os.chmod(folder, 0o755)
    try:
        status = hypervisor.enter([__file__, *sys.argv[1:], folder])
    finally:
        shutil.rmtree(folder)
    if left := remains(folder):
        sys.exit("\n".join(["these are left:", *left]))
    if status == 0:
        print("All of it held, and no process, namespace or file is left.")
    sys.exit(status)


main()
