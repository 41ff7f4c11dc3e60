"""A real OpenStack on loopback, for as long as this runs: Keystone, Glance, Placement, Nova (fake driver) and Neutron.

usage: cloud.py FOLDER SNAPSHOTS

Everything lies in FOLDER, which is removed in the end. In the folder SNAPSHOTS the databases are kept as they are after
the first start, which saves the better part of a minute the next time. When the cloud is ready one line of JSON says
where. It ends with SIGTERM, or when whoever started it has ended, and leaves nothing.

No broker and no database server: Nova is one process and so is Neutron, each with a transport inside of it, and all
databases are SQLite.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request

import seeding
import services

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 180
PARENT = os.getppid()


class Ended(Exception):
    """Somebody wants the cloud to end."""


class Cloud:
    Layout = services.Layout

    def __init__(self, folder, snapshots):
        self.folder = pathlib.Path(folder)
        self.snapshot = pathlib.Path(snapshots) / f"openstack-{version()}.tar"
        self.processes = []
        self.ports = free_ports(services.NAMES)
        self.layout = self.Layout(self.folder, self.ports)

    def start(self):
        self.layout.write()
        fresh = not self.snapshot.exists()
        if fresh:
            self.create_databases()
        else:
            self.restore()
        self.spawn("keystone", services.web_server(self.layout, "keystone"))
        self.spawn("placement", services.web_server(self.layout, "placement"))
        self.await_answer("keystone", "/v3")
        if fresh:
            seeding.identity(self.layout)
            self.save()
        # Nova's services give up when Placement isn't there yet.
        self.await_answer("placement", "/")
        self.start_services()
        seeding.resources(self.layout)

    def start_services(self):
        self.spawn("nova", ["python3", str(HERE / "nova_in_one.py"), *self.layout.options("nova")])
        self.spawn("neutron", ["neutron-server", *self.layout.options("neutron")])
        self.spawn("glance", ["glance-api", *self.layout.options("glance")])
        for name in ("glance", "neutron", "nova"):
            self.await_answer(name, "/")

    def create_databases(self):
        """Each project's own tool, those of different databases at the same time."""
        chains = services.schema_commands(self.layout, HERE)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for chain in [pool.submit(self.run_all, chain) for chain in chains]:
                chain.result()
        for file in self.layout.databases.glob("*.sqlite"):
            with sqlite3.connect(file) as database:
                database.execute("pragma journal_mode = wal")
            database.close()

    def run_all(self, commands):
        for command in commands:
            result = subprocess.run(
                command, env=self.layout.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, start_new_session=True)
            if result.returncode != 0:
                raise RuntimeError(f"{command[0]} ended with {result.returncode}: {result.stdout[-2000:]}")

    def restore(self):
        with tarfile.open(self.snapshot) as archive:
            archive.extractall(self.folder / "var")
        self.layout.move_in()

    def save(self):
        aside = self.snapshot.with_suffix(f".{os.getpid()}")
        for file in self.layout.databases.glob("*.sqlite"):
            database = sqlite3.connect(file, timeout=20)
            database.execute("pragma wal_checkpoint(truncate)")
            database.close()
        self.snapshot.parent.mkdir(parents=True, exist_ok=True)
        (self.folder / "var" / "ports.json").write_text(json.dumps(self.ports))
        with tarfile.open(aside, "w") as archive:
            for name in ("db", "keys", "ports.json"):
                archive.add(self.folder / "var" / name, arcname=name)
        os.rename(aside, self.snapshot)

    def spawn(self, name, command):
        with open(self.folder / "log" / f"{name}.out", "ab") as log:
            process = subprocess.Popen(
                command, env=self.layout.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self.processes.append((name, process))

    def await_answer(self, name, path):
        def answers():
            try:
                urllib.request.urlopen(self.layout.url(name) + path, timeout=5)
                return True
            except urllib.error.HTTPError as error:
                return error.code < 500
            except OSError:
                return False
        self.wait(name, answers)

    def wait(self, name, condition):
        """Until a process is ready, as long as all of them run."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            check_parent()
            for other, process in self.processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{other} ended: {self.tail(other)}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name} isn't ready after {PATIENCE} s: {self.tail(name)}")
            time.sleep(0.1)

    def tail(self, name):
        return "\n".join(
            file.read_text(errors="replace")[-3000:] for file in (self.folder / "log").glob(f"{name}*"))

    def stop(self):
        for number, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            for _, process in self.processes:
                try:
                    os.killpg(process.pid, number)
                except ProcessLookupError:
                    pass
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline and any(process.poll() is None for _, process in self.processes):
                time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)


def version():
    """A snapshot is of the fixture that made it."""
    texts = [(HERE / name).read_bytes() for name in ("cloud.py", "neutron_tables.py", "seeding.py", "services.py")]
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


def free_ports(names):
    """Ports that nobody has now; all are held until all are found, so that they differ."""
    sockets = {name: socket.socket() for name in names}
    for each in sockets.values():
        each.bind(("127.0.0.1", 0))
    ports = {name: each.getsockname()[1] for name, each in sockets.items()}
    for each in sockets.values():
        each.close()
    return ports


def check_parent():
    if os.getppid() != PARENT:
        raise Ended


def end(*_):
    raise Ended


def main():
    # Whoever starts this may have signals blocked, which goes on to children.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    cloud = Cloud(*sys.argv[1:3])
    try:
        cloud.start()
        print(json.dumps(cloud.layout.description()), flush=True)
        while True:
            check_parent()
            time.sleep(0.2)
    except Ended:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        cloud.stop()


if __name__ == "__main__":
    main()
