"""Launches: from the command to a VPN that answers, beside a stock boot of the same base with OpenVPN set up by a script
of the hand-made kind; from `user revoke` to the session's end; what goes through the tunnel, beside a plain OpenVPN server in
the same instance; memory; a list of 1,000 projects. Needs root. All of it in
network namespaces of its own.
"""
import json
import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time

from measuring import TREE, Run, table

# Asks a plain OpenVPN server (P_CONTROL_HARD_RESET_CLIENT_V2) until it answers.
PROBE = """
import os, socket, sys, time
end = time.monotonic() + 180
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.settimeout(0.05)
while time.monotonic() < end:
    try:
        link.sendto(b"\\x38" + os.urandom(8) + bytes(5), (sys.argv[1], 1194))
        if link.recv(2048)[0] == 0x40:
            sys.exit(0)
    except OSError:
        time.sleep(0.05)
sys.exit("no answer in 180 s")
"""

# A machine of the project's network takes what is sent for some seconds, and says how many bytes a second came.
SINK = """
import socket, sys, time
server = socket.create_server((sys.argv[1], 5001))
print("listens", flush=True)
link = server.accept()[0]
link.recv(1 << 16)
begin, count = time.monotonic(), 0
while (took := time.monotonic() - begin) < 5:
    count += len(link.recv(1 << 16))
print(count / took)
"""
SOURCE = """
import socket, sys
link = socket.create_connection((sys.argv[1], 5001), 20)
try:
    while True:
        link.sendall(bytes(1 << 16))
except OSError:
    pass
"""

# In the instance, in the place of the cloudpipe's own server: what OpenVPN's own example of a server comes down to.
PLAIN = """
systemctl stop openvpn-server@server
nft flush ruleset
echo 1 >/proc/sys/net/ipv4/ip_forward
nft 'table ip plain { chain postrouting { type nat hook postrouting priority 100; oifname br0 masquerade; }; }'
cd /etc/openvpn/server
openvpn --daemon plain --port 1194 --proto udp --dev tun7 --dev-type tun --server 10.99.0.0 255.255.255.0 --topology subnet \\
    --ca ca.crt --cert server.crt --key server.key --dh none --keepalive 10 60 --push "route $1 255.255.255.0"
"""

SCRIPT = """#!/bin/sh
# What people write: made at each boot, from keys that were laid into the image.
cat > /etc/openvpn/server/server.conf << EOF
port 1194
proto udp
dev tun
server 10.8.0.0 255.255.255.0
topology subnet
ca ca.crt
cert server.crt
key server.key
dh none
keepalive 10 60
EOF
systemctl start openvpn-server@server
"""

UNIT = """[Unit]
After=network-online.target
Wants=network-online.target
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/set-up-vpn
[Install]
WantedBy=multi-user.target
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Space:
    """A network namespace, which goes with all that is in it."""

    def __init__(self, name):
        self.name = name
        subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL)
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")

    def words(self, *command):
        return ["nsenter", f"--net=/run/netns/{self.name}", "--", *map(str, command)]

    def remove(self):
        subprocess.run(["ip", "netns", "delete", self.name], check=False)


class Stock:
    """The same base as a cloud image of the ordinary kind."""

    def __init__(self, folder, cache):
        self.folder = folder
        base = max((cache / "bases").glob("bootstrap-*"), key=lambda path: path.stat().st_mtime)
        accelerator = cache / "accelerator.json"
        self.kvm = accelerator.exists() and '"kvm"' in accelerator.read_text().lower()
        self.disk = folder / "stock.img"
        subprocess.run(["cp", "--sparse=always", base, self.disk], check=True)
        keys = folder / "keys"
        keys.mkdir()
        make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
        subprocess.run([*make, "-subj", "/CN=ca", "-keyout", keys / "ca.key", "-out", keys / "ca.crt"],
                       check=True, stderr=subprocess.DEVNULL)
        subprocess.run([*make, "-subj", "/CN=server", "-CA", keys / "ca.crt", "-CAkey", keys / "ca.key",
                        "-keyout", keys / "server.key", "-out", keys / "server.crt"], check=True, stderr=subprocess.DEVNULL)
        (folder / "set-up-vpn").write_text(SCRIPT)
        (folder / "set-up-vpn.service").write_text(UNIT)
        (folder / "interfaces").write_text("auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n")
        environment = {"LIBGUESTFS_BACKEND": "direct"}
        if not self.kvm:
            environment["LIBGUESTFS_BACKEND_SETTINGS"] = "force_tcg"
        words = ["--install", "openvpn,ifupdown,isc-dhcp-client", "--mkdir", "/etc/openvpn/server"]
        for name in ("ca.crt", "server.crt", "server.key"):
            words += ["--copy-in", f"{keys / name}:/etc/openvpn/server"]
        words += ["--copy-in", f"{folder / 'set-up-vpn'}:/usr/local/sbin", "--chmod", "0755:/usr/local/sbin/set-up-vpn",
                  "--copy-in", f"{folder / 'set-up-vpn.service'}:/etc/systemd/system",
                  "--copy-in", f"{folder / 'interfaces'}:/etc/network",
                  # No other name than eth0.
                  "--link", "/dev/null:/etc/systemd/network/99-default.link",
                  "--run-command", "systemctl enable networking set-up-vpn"]
        Run(["virt-customize", "--format", "raw", "-a", self.disk, *words], environment)

    def boot(self):
        """Seconds from QEMU's start to the answer."""
        space = Space("cpb-bench-stock")
        helpers = []
        try:
            for words in (["link", "add", "net0", "type", "bridge"], ["tuntap", "add", "tap0", "mode", "tap"],
                          ["link", "set", "tap0", "master", "net0"], ["address", "add", "10.66.0.1/24", "dev", "net0"],
                          ["link", "set", "tap0", "up"], ["link", "set", "net0", "up"]):
                ip("-n", space.name, *words)
            helpers.append(subprocess.Popen(space.words(
                "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=net0", "--bind-interfaces",
                "--user=root", "--pid-file=", f"--dhcp-leasefile={self.folder / 'leases'}", "--no-ping",
                "--dhcp-range=10.66.0.2,10.66.0.2,1h"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            (self.folder / "leases").unlink(missing_ok=True)
            overlay = self.folder / "stock.qcow2"
            overlay.unlink(missing_ok=True)
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", self.disk, "-F", "raw", overlay], check=True)
            begin = time.monotonic()
            helpers.append(subprocess.Popen(space.words(
                "qemu-system-x86_64", "-machine", "pc", "-accel", "kvm" if self.kvm else "tcg", "-m", "512", "-smp", "1",
                "-nodefaults", "-display", "none", "-serial", f"file:{self.folder / 'stock.log'}",
                "-drive", f"file={overlay},if=virtio", "-device", "virtio-rng-pci",
                "-netdev", "tap,id=n,ifname=tap0,script=no,downscript=no", "-device", "virtio-net-pci,netdev=n")))
            answer = subprocess.run(space.words(sys.executable, "-c", PROBE, "10.66.0.2"), capture_output=True, text=True)
            if answer.returncode:
                sys.exit(f"the stock image: {answer.stderr}\n{(self.folder / 'stock.log').read_text()[-3000:]}")
            return time.monotonic() - begin
        finally:
            for helper in reversed(helpers):
                helper.kill()
                helper.wait()
            space.remove()


class Launches:
    """cpbuild in a namespace that plays its host, with a user's machine beside it."""

    def __init__(self, cpbuild, folder, cache, out):
        self.cpbuild, self.folder, self.out = cpbuild, folder, out
        self.environment = {**os.environ, "CPBUILD_HOME": str(folder / "home"), "CPBUILD_CACHE": str(cache)}
        self.host, self.user = Space("cpb-bench-host"), Space("cpb-bench-user")
        ip("-n", self.host.name, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.user.name)
        for space, address in ((self.host, "203.0.113.1"), (self.user, "203.0.113.2")):
            ip("-n", space.name, "address", "add", f"{address}/24", "dev", "eth0")
            ip("-n", space.name, "link", "set", "eth0", "up")
        ip("-n", self.host.name, "route", "add", "default", "via", "203.0.113.2")

    def remove(self):
        subprocess.run(self.host.words(self.cpbuild, "terminate", "bench", "--quiet"), env=self.environment)
        for space in (self.host, self.user):
            space.remove()

    def run(self, *words):
        """Seconds, and what it printed."""
        begin = time.monotonic()
        done = subprocess.run(
            self.host.words(self.cpbuild, *words), env=self.environment, cwd=self.folder, capture_output=True, text=True)
        seconds = time.monotonic() - begin
        if done.returncode:
            sys.exit(f"cpbuild {' '.join(map(str, words))}: {done.stderr}")
        return seconds, done.stdout

    def launch(self, *options):
        seconds, _ = self.run("launch", "bench", "--out", self.out, *options)
        return seconds

    def terminate(self):
        self.run("terminate", "bench")

    def memory(self):
        """Resident bytes of all that runs for a cloudpipe, when two have booted to their end; what they share is shared out."""
        self.launch()
        self.run("launch", "other", "--out", self.out)
        try:
            for project in ("bench", "other"):
                deadline = time.monotonic() + 180
                while "rc.local done" not in self.run("log", project)[1]:
                    if time.monotonic() > deadline:
                        sys.exit(f"{project} doesn't boot to its end")
                    time.sleep(1)
            # What the boot needed is given back some seconds later.
            time.sleep(10)
            total = 0
            for record in (self.folder / "home" / "instances").glob("*/default/*.process"):
                status = pathlib.Path(f"/proc/{json.loads(record.read_text())['pid']}/smaps_rollup").read_text()
                total += int(re.search(r"(?m)^Pss:\s+(\d+) kB", status)[1]) * 1024
            return total / 2
        finally:
            self.run("terminate", "other")
            self.terminate()

    def connect(self, profile):
        """A client that is connected."""
        log = profile.with_suffix(".log")
        client = subprocess.Popen(
            self.user.words("openvpn", "--config", profile, "--verb", "3"), stdout=log.open("w"), stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while "Initialization Sequence Completed" not in log.read_text():
            if time.monotonic() > deadline or client.poll() is not None:
                client.kill()
                sys.exit(f"the client didn't connect:\n{log.read_text()[-2000:]}")
            time.sleep(0.02)
        return client

    def throughput(self, mode):
        """Bits a second from a user to a machine of the network: through the cloudpipe, then through a plain server."""
        self.launch("--mode", mode)
        profile = self.folder / f"{mode}.ovpn"
        self.run("user", "add", "bench", mode, "--out", profile)
        machine = Space("cpb-bench-sink")
        try:
            self.run("attach", "bench", "sink", "--netns", machine.name)
            address = subprocess.run(machine.words("ip", "-4", "-o", "address", "show", "eth0"), check=True,
                                     capture_output=True, text=True).stdout.split()[3].split("/")[0]
            # Until the instance has booted to its end, and has nothing else to do.
            time.sleep(40)
            ours = self.transfers(profile, machine, address)
            plain = profile.with_name("plain.ovpn")
            text = re.sub(r"<tls-crypt-v2>.*?</tls-crypt-v2>", "", profile.read_text(), flags=re.DOTALL)
            plain.write_text(re.sub(r"(?m)^dev .*$", "dev tun", text))
            script = self.folder / "plain.sh"
            script.write_text(PLAIN)
            with script.open() as lines:
                subprocess.run(
                    self.host.words(self.cpbuild, "ssh", "bench", "--", f"doas sh -s {address.rsplit('.', 1)[0]}.0"),
                    env=self.environment, cwd=self.folder, stdin=lines, check=True, stdout=subprocess.DEVNULL)
            return ours, self.transfers(plain, machine, address)
        finally:
            machine.remove()
            self.terminate()

    def transfers(self, profile, machine, address):
        """The median of five, for each differs from the next by up to a half."""
        return statistics.median(self.transfer(profile, machine, address) for _ in range(5))

    def transfer(self, profile, machine, address):
        client = self.connect(profile)
        sink = subprocess.Popen(
            machine.words(sys.executable, "-c", SINK, address), stdout=subprocess.PIPE, text=True)
        try:
            sink.stdout.readline()
            source = subprocess.Popen(self.user.words(sys.executable, "-c", SOURCE, address), stderr=subprocess.DEVNULL)
            rate = 8 * float(sink.communicate(timeout=60)[0])
            source.wait(30)
            return rate
        finally:
            for process in (sink, client):
                process.kill()
                process.wait()

    def revoke(self, name):
        """Seconds from the command to the end of the user's session."""
        profile = self.folder / f"{name}.ovpn"
        self.run("user", "add", "bench", name, "--out", profile)
        client = self.connect(profile)
        try:
            # Until the instance has booted to its end: that is what is asked for most of the time.
            self.run("user", "list", "bench")
            begin = time.monotonic()
            command = subprocess.Popen(
                self.host.words(self.cpbuild, "user", "revoke", "bench", name), env=self.environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            client.wait(30)
            seconds = time.monotonic() - begin
            if command.wait():
                sys.exit(command.stderr.read())
            return seconds
        finally:
            client.kill()
            client.wait()

    def list_many(self, count):
        """Seconds of `list` with so many projects, each with a network, a port and an instance."""
        database = sqlite3.connect(self.folder / "home" / "state.db")
        database.execute("PRAGMA trusted_schema = ON")
        with database:
            def copies(name):
                names = [row[1] for row in database.execute(f"PRAGMA table_info({name})")]
                values = database.execute(f"SELECT * FROM {name} WHERE {'id' if name == 'projects' else 'project_id'} = 'bench'")
                return names, dict(zip(names, values.fetchone()))
            for name in ("projects", "networks", "public_ports", "instances"):
                columns, row = copies(name)
                for number in range(count):
                    row["id" if name == "projects" else "project_id"] = f"p{number}"
                    if name == "public_ports":
                        row["port"] = 21000 + number
                    database.execute(
                        f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns))})", [row[column] for column in columns])
        database.close()
        times = [self.run("list", "--json") for _ in range(5)]
        if len(json.loads(times[0][1])) < count:
            sys.exit("the list isn't whole")
        return statistics.median(seconds for seconds, _ in times)


def report(cpbuild, folder, runs):
    """Measures, and gives the text to print."""
    if os.geteuid():
        return "launch: not measured, it needs root"
    cache = pathlib.Path(os.environ.get("BENCH_CACHE", TREE / ".build" / "bench" / "cache"))
    cache.mkdir(parents=True, exist_ok=True)
    out = folder / "out"
    image = Run([cpbuild, "image", "--out", out], {"CPBUILD_CACHE": str(cache), "CPBUILD_HOME": str(folder / "home")}, TREE)
    stock = Stock(folder, cache)
    launches = Launches(cpbuild, folder, cache, out)
    rows = {"stock": [], "cold": [], "warm": [], "revoke": []}
    try:
        # What is unpacked once for all launches of an image is unpacked.
        launches.launch("--warm")
        launches.terminate()
        for number in range(runs):
            rows["stock"].append(stock.boot())
            rows["cold"].append(launches.launch())
            rows["revoke"].append(launches.revoke(f"user{number}"))
            launches.terminate()
            rows["warm"].append(launches.launch("--warm"))
            launches.terminate()
        memory = launches.memory()
        tunnels = {mode: launches.throughput(mode) for mode in ("bridged", "routed")}
        launches.launch("--no-wait")
        many = launches.list_many(1000)
    finally:
        launches.remove()
    median = {name: statistics.median(values) for name, values in rows.items() if values}

    def row(what, value, limit, unit, other=None):
        held = value / other if other else value
        text = f"{value:.2f} {unit}" if value < 10 else f"{value:.1f} {unit}"
        return (what, text, f"{other:.1f} {unit}" if other else "", f"{held:.3f}×" if other else "",
                f"{limit}×" if other else f"{limit} {unit}", "met" if held <= limit else "NOT MET")

    lines = [("", "cpbuild", "stock boot", "ratio", "at most", ""),
             row("launch, cold, to the VPN's answer", median["cold"], 0.25, "s", median["stock"]),
             row("launch --warm, to the VPN's answer", median["warm"], 0.1, "s", median["stock"])]
    for mode, (ours, plain) in tunnels.items():
        lines.append((f"through the tunnel, {mode}", f"{ours / 1e6:.1f} Mbit/s", f"{plain / 1e6:.1f} Mbit/s",
                      f"{ours / plain:.2f}×", "1× at least", "met" if ours >= plain else "NOT MET"))
    lines += [row("user revoke, to the session's end", median["revoke"], 5, "s"),
              row("memory of all that one of two cloudpipes runs", memory / 1e6, 300, "MB"),
              row("list with 1,000 projects", many * 1000, 100, "ms")]
    each = "; ".join(f"{name} " + " ".join(f"{value:.1f}" for value in values) for name, values in rows.items() if values)
    accelerator = "KVM" if stock.kvm else "software emulation"
    return f"Under {accelerator}; medians of {runs}, in turns. Image {image.log.strip().splitlines()[-1]}.\n\n{table(lines)}\n\nEach: {each}"
