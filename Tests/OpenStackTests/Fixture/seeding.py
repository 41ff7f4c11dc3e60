"""What the cloud has from the start: projects, users, the catalog, flavors, and a network to the outside."""

import json
import time
import urllib.request

ADMIN = ("admin", "admin", "admin")


class Client:
    """Somebody who speaks JSON.

    `endpoints` is what the catalog says, by type; `login` is user, password and project.
    """

    def __init__(self, endpoints, login=ADMIN):
        self.endpoints = endpoints
        self.token = None
        user, password, project = login
        domain = {"name": "Default"}
        answer = self.request("identity", "POST", "/auth/tokens", {"auth": {
            "identity": {"methods": ["password"], "password": {
                "user": {"name": user, "password": password, "domain": domain}}},
            "scope": {"project": {"name": project, "domain": domain}}}}, whole=True)
        self.token = answer.headers["X-Subject-Token"]

    def request(self, service, method, path, body=None, whole=False):
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.token:
            headers["X-Auth-Token"] = self.token
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.endpoints[service] + path, data, headers, method=method)
        answer = urllib.request.urlopen(request, timeout=60)
        if whole:
            return answer
        text = answer.read()
        return json.loads(text) if text else {}

    def identity_of(self, kind, name):
        found = self.request("identity", "GET", f"/{kind}?name={name}")
        return found[kind][0]["id"]


def identity(layout):
    """Users `service` (administrator), `demo` (member) and `reader` of the project `demo`; password and name are one."""
    client = Client(layout.endpoints())
    roles = {role["name"]: role["id"] for role in client.request("identity", "GET", "/roles")["roles"]}
    projects = {"admin": client.identity_of("projects", "admin")}
    for name in ("service", "demo"):
        made = client.request("identity", "POST", "/projects", {"project": {"name": name, "domain_id": "default"}})
        projects[name] = made["project"]["id"]
    users = {"admin": client.identity_of("users", "admin")}
    for name in ("service", "demo", "reader"):
        made = client.request(
            "identity", "POST", "/users", {"user": {"name": name, "password": name, "domain_id": "default"}})
        users[name] = made["user"]["id"]
    for project, user, role in (
        ("service", "service", "admin"), ("demo", "demo", "member"), ("demo", "admin", "admin"),
        ("demo", "reader", "reader"),
    ):
        client.request("identity", "PUT", f"/projects/{projects[project]}/users/{users[user]}/roles/{roles[role]}")
    for kind, url in layout.endpoints().items():
        if kind == "identity":
            continue
        made = client.request("identity", "POST", "/services", {"service": {"type": kind, "name": kind}})
        for interface in ("public", "internal", "admin"):
            client.request("identity", "POST", "/endpoints", {"endpoint": {
                "service_id": made["service"]["id"], "interface": interface, "region_id": "RegionOne", "url": url}})


def resources(layout):
    """Flavors, the network `outside`, and a wait until Nova knows its one host."""
    client = Client(layout.endpoints())
    for name, memory, disk in (("m1.tiny", 512, 1), ("too.large", 512, 1_000_000)):
        client.request("compute", "POST", "/flavors", {"flavor": {
            "name": name, "ram": memory, "vcpus": 1, "disk": disk}})
    network = client.request("network", "POST", "/v2.0/networks", {"network": {
        "name": "outside", "router:external": True, "provider:network_type": "flat",
        "provider:physical_network": "outside"}})["network"]["id"]
    client.request("network", "POST", "/v2.0/subnets", {"subnet": {
        "network_id": network, "ip_version": 4, "cidr": "198.51.100.0/24", "enable_dhcp": False}})
    deadline = time.monotonic() + 60
    while not any(
        host["state"] == "up" for host in client.request("compute", "GET", "/os-hypervisors")["hypervisors"]
    ):
        if time.monotonic() > deadline:
            raise RuntimeError("Nova's host didn't come up")
        time.sleep(0.2)
