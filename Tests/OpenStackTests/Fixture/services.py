"""How the services are configured and started."""

import contextlib
import json
import os
import pathlib
import sqlite3

NAMES = ("keystone", "placement", "glance", "nova", "metadata", "neutron")
HERE = pathlib.Path(__file__).resolve().parent
SECRET = "a-secret-of-the-tests"


class Layout:
    """The folder of one cloud."""

    def __init__(self, folder, ports):
        self.folder = folder
        self.ports = ports
        self.databases = folder / "var" / "db"

    def url(self, name):
        return f"http://127.0.0.1:{self.ports[name]}"

    def endpoints(self):
        """What the catalog says, by type."""
        return {
            "identity": self.url("keystone") + "/v3", "image": self.url("glance"),
            "placement": self.url("placement"), "compute": self.url("nova") + "/v2.1", "network": self.url("neutron"),
        }

    def description(self):
        return {
            "auth_url": self.url("keystone") + "/v3", "endpoints": self.endpoints(),
            "metadata": self.url("metadata"), "metadata_secret": SECRET, "folder": str(self.folder),
        }

    def database(self, name):
        return f"sqlite:///{self.databases}/{name}.sqlite?timeout=30"

    def file(self, name):
        return self.folder / "etc" / name / f"{name}.conf"

    def options(self, name):
        return ["--config-file", str(self.file(name))]

    def environment(self):
        return dict(
            os.environ, PATH=f"{self.folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin", PYTHONPATH=f"{self.folder}/python",
            PYTHONWARNINGS="ignore", OS_PLACEMENT_CONFIG_DIR=str(self.folder / "etc" / "placement"))

    def write(self):
        for path in ("log", "bin", "var/db", "var/images", "var/lock", "var/nova/instances", "var/keys/fernet",
                     "var/keys/credential"):
            (self.folder / path).mkdir(parents=True, exist_ok=True)
        for path in ("fernet", "credential"):
            (self.folder / "var/keys" / path).chmod(0o700)
        for name, sections in self.configuration().items():
            self.file(name).parent.mkdir(parents=True, exist_ok=True)
            self.file(name).write_text(ini(sections))
        self.write_driver()
        # Neutron's and Nova's helpers go through sudo, which root has no need of.
        sudo = self.folder / "bin" / "sudo"
        sudo.write_text('#!/bin/sh\nexec "$@"\n')
        sudo.chmod(0o755)

    def configuration(self):
        """Files with sections with values, by what they are of."""
        return configuration(self)

    def write_driver(self):
        """Python finds an entry point by the metadata of the distribution that it came with."""
        about = self.folder / "python" / "bind_at_once-1.dist-info"
        about.mkdir(parents=True, exist_ok=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bind-at-once\nVersion: 1\n")
        (about / "entry_points.txt").write_text(
            "[neutron.ml2.mechanism_drivers]\nbind-at-once = bind_at_once:BindAtOnce\n")
        (self.folder / "python" / "bind_at_once.py").write_text((HERE / "bind_at_once.py").read_text())

    def move_in(self):
        """Restored databases name the ports and the folder of the cloud that they were saved from."""
        old = json.loads((self.folder / "var" / "ports.json").read_text())
        with self.changing("keystone") as database:
            # In two goes, so that a new port that is another's old one isn't replaced again.
            for name, port in old.items():
                database.execute(
                    "update endpoint set url = replace(url, ?, ?)", (f"127.0.0.1:{port}", f"127.0.0.1:@{name}@"))
            for name, port in self.ports.items():
                database.execute("update endpoint set url = replace(url, ?, ?)", (f"@{name}@", str(port)))
        with self.changing("nova_api") as database:
            for cell in ("cell0", "cell1"):
                database.execute(
                    "update cell_mappings set database_connection = ? where name = ?",
                    (self.database(f"nova_{cell}"), cell))

    @contextlib.contextmanager
    def changing(self, name):
        database = sqlite3.connect(self.databases / f"{name}.sqlite")
        with database:
            yield database
        database.close()


def ini(sections):
    return "".join(
        f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
        for section, values in sections.items())


def configuration(layout):
    folder = layout.folder
    login = {
        "auth_url": layout.url("keystone") + "/v3", "auth_type": "password", "username": "service",
        "password": "service", "project_name": "service", "user_domain_name": "Default",
        "project_domain_name": "Default", "region_name": "RegionOne",
    }
    common = {
        "keystone_authtoken": {"www_authenticate_uri": layout.url("keystone") + "/v3", **login},
        "oslo_concurrency": {"lock_path": folder / "var/lock"},
        "oslo_messaging_notifications": {"driver": "noop"},
    }
    log = folder / "log"
    return {
        "keystone": {
            "DEFAULT": {"log_file": log / "keystone.log"},
            "database": {"connection": layout.database("keystone")},
            "token": {"provider": "fernet"},
            "fernet_tokens": {"key_repository": folder / "var/keys/fernet"},
            "credential": {"key_repository": folder / "var/keys/credential"},
            "oslo_messaging_notifications": {"driver": "noop"},
        },
        "placement": {
            "DEFAULT": {"log_file": log / "placement.log"}, "api": {"auth_strategy": "keystone"},
            "placement_database": {"connection": layout.database("placement")}, **common,
        },
        "glance": {
            "DEFAULT": {
                "bind_host": "127.0.0.1", "bind_port": layout.ports["glance"], "workers": 0,
                "log_file": log / "glance.log", "enabled_backends": "files:file",
            },
            "glance_store": {"default_backend": "files"},
            "files": {"filesystem_store_datadir": folder / "var/images"},
            "os_glance_staging_store": {"filesystem_store_datadir": folder / "var/staging"},
            "os_glance_tasks_store": {"filesystem_store_datadir": folder / "var/tasks"},
            "paste_deploy": {"flavor": "keystone", "config_file": "/etc/glance/glance-api-paste.ini"},
            "database": {"connection": layout.database("glance")}, **common,
        },
        "nova": nova(layout, login, common),
        "neutron": neutron(layout, login, common),
    }


def nova(layout, login, common):
    folder = layout.folder
    return {
        "DEFAULT": {
            "transport_url": "fake:///", "my_ip": "127.0.0.1", "host": "tests", "state_path": folder / "var/nova",
            "periodic_fuzzy_delay": 0, "enabled_apis": "osapi_compute,metadata", "log_dir": folder / "log",
            "osapi_compute_listen": "127.0.0.1", "osapi_compute_listen_port": layout.ports["nova"],
            "osapi_compute_workers": 1, "metadata_listen": "127.0.0.1",
            "metadata_listen_port": layout.ports["metadata"], "metadata_workers": 1,
            "compute_driver": "fake.FakeDriver",
        },
        "wsgi": {"api_paste_config": "/etc/nova/api-paste.ini"},
        "api": {"auth_strategy": "keystone"},
        "api_database": {"connection": layout.database("nova_api")},
        "database": {"connection": layout.database("nova_cell1")},
        "glance": {"api_servers": layout.url("glance")},
        "placement": login,
        "neutron": {**login, "service_metadata_proxy": "true", "metadata_proxy_shared_secret": SECRET},
        "service_user": {"send_service_user_token": "false"},
        "conductor": {"workers": 1},
        "scheduler": {"workers": 1, "discover_hosts_in_cells_interval": 1},
        "vnc": {"enabled": "false"},
        "oslo_policy": {"enforce_new_defaults": "true"},
        **common,
    }


def neutron(layout, login, common):
    folder = layout.folder
    return {
        "DEFAULT": {
            "transport_url": "fake:///", "state_path": folder / "var/neutron", "host": "tests",
            "bind_host": "127.0.0.1", "bind_port": layout.ports["neutron"], "log_dir": folder / "log",
            "core_plugin": "ml2", "service_plugins": "router,port_forwarding",
            "api_paste_config": "/etc/neutron/api-paste.ini", "api_workers": 0, "rpc_workers": 0,
            "rpc_state_report_workers": 0, "dhcp_agent_notification": "false",
        },
        "agent": {"root_helper": ""},
        "database": {"connection": layout.database("neutron")},
        "nova": login,
        "ml2": {
            "type_drivers": "flat,local", "tenant_network_types": "local", "mechanism_drivers": "bind-at-once",
            "extension_drivers": "port_security",
        },
        "ml2_type_flat": {"flat_networks": "outside"},
        "securitygroup": {"enable_security_group": "true", "firewall_driver": "noop"},
        "oslo_policy": {"enforce_new_defaults": "true"},
        **common,
    }


def web_server(layout, name):
    """uWSGI with one thread: SQLite has one writer."""
    program = {"keystone": "/usr/bin/keystone-wsgi-public", "placement": "/usr/bin/placement-api"}[name]
    return [
        "uwsgi", "--master", "--plugins", "python3", "--http-socket", f"127.0.0.1:{layout.ports[name]}", "--processes",
        "1", "--threads", "1", "--buffer-size", "65535", "--lazy-apps", "--enable-threads", "--die-on-term",
        "--rem-header", "Content-Length", "--wsgi-file", program, "--pyargv", f"--config-file={layout.file(name)}",
    ]


def schema_commands(layout, here):
    """Chains of commands, each chain to be run in its order."""
    keystone, nova_options = layout.options("keystone"), layout.options("nova")
    owner = ["--keystone-user", "root", "--keystone-group", "root"]
    identity = layout.url("keystone") + "/v3/"
    return [
        [
            ["keystone-manage", *keystone, "fernet_setup", *owner],
            ["keystone-manage", *keystone, "credential_setup", *owner],
            ["keystone-manage", *keystone, "db_sync"],
            [
                "keystone-manage", *keystone, "bootstrap", "--bootstrap-password", "admin", "--bootstrap-region-id",
                "RegionOne", "--bootstrap-public-url", identity, "--bootstrap-internal-url", identity,
                "--bootstrap-admin-url", identity,
            ],
            ["python3", str(here / "neutron_tables.py"), layout.database("neutron")],
        ],
        [
            ["nova-manage", *nova_options, "api_db", "sync"],
            ["nova-manage", *nova_options, "cell_v2", "map_cell0", "--database_connection",
             layout.database("nova_cell0")],
            ["nova-manage", *nova_options, "db", "sync"],
            ["nova-manage", *nova_options, "cell_v2", "create_cell", "--name", "cell1"],
            ["glance-manage", *layout.options("glance"), "db_sync"],
            ["placement-manage", *layout.options("placement"), "db", "sync"],
        ],
    ]
