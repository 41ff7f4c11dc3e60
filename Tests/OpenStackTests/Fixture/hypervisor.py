"""The cloud of cloud.py with instances that really run: libvirt and QEMU in software, and Neutron's agents, so that there
are bridges, security groups, DHCP, the metadata service, routers and floating addresses.

All of it is in namespaces of processes, mounts and network, which end with their first process and take everything along.
"""

import os
import pathlib
import subprocess
import sys

import cloud
import seeding
import services

HERE = pathlib.Path(__file__).resolve().parent
AGENTS = ("linuxbridge", "dhcp", "l3", "metadata")
# Neutron's agents are processes of their own, and speak to the server through a broker; Nova has no need of one.
BROKER = "rabbit://guest:guest@127.0.0.1:5672/"
# SQLite, with its one writer, has no patience with as many as there are here.
DATABASE = "mysql+pymysql://root@localhost/neutron?charset=utf8&unix_socket="
# This machine's leg in the network to the outside, which is its gateway.
GATEWAY = "198.51.100.1"


def enter(arguments):
    """Starts this program anew in new namespaces.

    :returns: its status.
    """
    unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    # Whatever ends this process ends the namespaces.
    return subprocess.call(["setpriv", "--pdeathsig", "KILL", *unshare, sys.executable, *arguments])


def is_inside():
    return os.getpid() == 1


def lead():
    """Goes on in a child, while the first process of the namespaces does what is its part: processes whose parents ended are
    its own, and who waits for their end sees it only when they are reaped."""
    child = os.fork()
    while child:
        ended, status = os.wait()
        if ended == child:
            os._exit(os.waitstatus_to_exitcode(status) & 255)
    cloud.PARENT = os.getppid()


def run(*command):
    done = subprocess.run(
        [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stdout[-2000:]}")
    return done.stdout


def furnish(folder):
    """Makes the namespaces a machine of their own, which shares nothing with the real one but files that are read."""
    hidden = ["/run", "/etc/libvirt", "/var/lib/libvirt", "/var/log/libvirt", "/var/cache/libvirt"]
    control = folder / "cgroup"
    control.mkdir(parents=True)
    # sysfs shows the network of whoever mounted it.
    run("mount", "--rbind", "/sys/fs/cgroup", control)
    run("mount", "-t", "sysfs", "sysfs", "/sys")
    run("mount", "--rbind", control, "/sys/fs/cgroup")
    for path in hidden:
        pathlib.Path(path).mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", path)
    for path in ("/run/lock", "/run/netns", "/run/libvirt"):
        os.mkdir(path)
    run("mount", "--bind", "/run/netns", "/run/netns")
    run("mount", "--make-shared", "/run/netns")
    # One that there is but doesn't work hangs whoever tries it, as libvirt does.
    if os.path.exists("/dev/kvm"):
        run("mount", "--bind", "/dev/null", "/dev/kvm")
    run("ip", "link", "set", "lo", "up")
    # What the linuxbridge agent takes for a cable to the outside, and this machine's end of it.
    run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "outside")
    for name in ("cable", "outside"):
        run("ip", "link", "set", name, "up")
    run("ip", "address", "add", f"{GATEWAY}/24", "dev", "outside")
    run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")


class Layout(services.Layout):
    @property
    def socket(self):
        return self.folder / "var" / "mariadb.sock"

    def configuration(self):
        files = super().configuration()
        nova, neutron = files["nova"], files["neutron"]
        nova["DEFAULT"]["compute_driver"] = "libvirt.LibvirtDriver"
        nova["libvirt"] = {"virt_type": "qemu", "cpu_mode": "none"}
        nova["workarounds"] = {"skip_cpu_compare_at_startup": "true"}
        neutron["DEFAULT"] |= {"transport_url": BROKER, "dhcp_agent_notification": "true"}
        neutron["database"] = {"connection": DATABASE + str(self.socket)}
        neutron["ml2"]["mechanism_drivers"] = "linuxbridge"
        neutron["experimental"] = {"linuxbridge": "true"}
        neutron["securitygroup"]["firewall_driver"] = "iptables"
        login = neutron["nova"]
        driver = {"interface_driver": "linuxbridge"}
        return files | {
            "linuxbridge": {
                "linux_bridge": {"physical_interface_mappings": "outside:cable"}, "vxlan": {"enable_vxlan": "false"},
                "securitygroup": {"firewall_driver": "iptables", "enable_ipset": "false"},
            },
            "dhcp": {"DEFAULT": {**driver, "force_metadata": "true"}},
            "l3": {"DEFAULT": driver, "agent": {"extensions": "port_forwarding"}},
            "metadata": {"DEFAULT": {
                "nova_metadata_host": "127.0.0.1", "nova_metadata_port": self.ports["metadata"],
                "metadata_proxy_shared_secret": services.SECRET, "metadata_workers": 0}, "nova": login},
        }

    def environment(self):
        broker = self.folder / "var" / "broker"
        return super().environment() | {
            "HOME": str(broker), "RABBITMQ_NODENAME": "tests@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(broker), "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none", "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def write(self):
        super().write()
        (self.folder / "var" / "broker").mkdir(exist_ok=True)
        # Of libvirt's own, which lie in the namespace's /etc.
        pathlib.Path("/etc/libvirt/qemu.conf").write_text(
            'security_driver = "none"\nuser = "root"\ngroup = "root"\ndynamic_ownership = 0\nremember_owner = 0\n'
            'stdio_handler = "file"\ncgroup_controllers = [ ]\nnamespaces = [ ]\n')
        pathlib.Path("/etc/libvirt/libvirtd.conf").write_text(
            f'auth_unix_rw = "none"\nlog_outputs = "2:file:{self.folder}/log/libvirtd.log"\n')


class Cloud(cloud.Cloud):
    Layout = Layout

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        furnish(self.folder)
        self.layout.write()
        self.spawn("broker", ["/usr/lib/rabbitmq/bin/rabbitmq-server"])
        self.spawn("libvirtd", ["libvirtd"])
        files = self.folder / "var" / "mariadb"
        run("mariadb-install-db", "--no-defaults", f"--datadir={files}", "--user=root", "--skip-test-db",
            "--auth-root-authentication-method=normal")
        self.spawn("mariadb", [
            "mariadbd", "--no-defaults", f"--datadir={files}", f"--socket={self.layout.socket}", "--user=root",
            "--skip-networking", "--skip-log-bin", "--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0",
            "--character-set-server=utf8", "--collation-server=utf8_general_ci"])
        super().start()

    def start_services(self):
        self.wait("mariadb", lambda: succeeds(*self.query("create database if not exists neutron")))
        run("/usr/bin/python3", HERE / "neutron_tables.py", DATABASE + str(self.layout.socket))
        self.wait("broker", lambda: succeeds("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/5672"))
        self.wait("libvirtd", lambda: pathlib.Path("/run/libvirt/libvirt-sock").is_socket())
        super().start_services()
        for name in AGENTS:
            program = f"neutron-{name}-agent"
            self.spawn(program, [program, *self.layout.options("neutron"), *self.layout.options(name)])
        client = seeding.Client(self.layout.endpoints())

        def all_alive():
            agents = client.request("network", "GET", "/v2.0/agents")["agents"]
            return {agent["binary"] for agent in agents if agent["alive"]} >= {f"neutron-{name}-agent" for name in AGENTS}
        self.wait("neutron", all_alive)

    def query(self, statement):
        return ["mariadb", "--no-defaults", f"--socket={self.layout.socket}", "--user=root", f"--execute={statement}"]

    def tail(self, name):
        return super().tail(name)[-6000:]


def succeeds(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
