"""Trust: certificates, signatures and CRLs beside easy-rsa and openssl, and a large state beside an empty one."""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import time

from measuring import Run, built, table

PROJECTS = int(os.environ.get("BENCH_PROJECTS", 10_000))
CERTIFICATES = int(os.environ.get("BENCH_CERTIFICATES", 1_000_000))
EASY_RSA = pathlib.Path("/usr/share/easy-rsa/easyrsa")
# Our names of key types, and openssl's.
KEY_TYPES = [("p256", "ecdsap256"), ("p384", "ecdsap384"), ("ed25519", "ed25519"), ("rsa3072", "rsa3072"),
             ("rsa4096", "rsa4096")]
# What answers from the state. One that this cpbuild doesn't have is left out.
COMMANDS = [["list"], ["show", "acme"], ["user", "list", "acme"], ["ca", "show"], ["ca", "show", "acme"],
            ["crl", "show", "acme"]]


def bench(*words):
    return json.loads(Run([built("TrustBench"), *words]).log)


def rate(found):
    return found["count"] / found["seconds"]


def verdict(value, wanted):
    return "" if value >= wanted else "  NOT MET"


def timed(count, one):
    """How many a second, when `one` is called with each number."""
    begin = time.monotonic()
    for index in range(count):
        one(index)
    return count / (time.monotonic() - begin)


def quietly(*command, **more):
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   stdin=subprocess.DEVNULL, **more)


def easy_rsa(folder):
    environment = {**os.environ, "EASYRSA_PKI": str(folder / "pki"), "EASYRSA_ALGO": "ec",
                   "EASYRSA_CURVE": "prime256v1", "EASYRSA_BATCH": "1"}
    call = lambda *words: quietly(EASY_RSA, *words, env=environment, cwd=folder)
    call("init-pki")
    call("build-ca", "nopass")
    return timed(20, lambda index: call("build-client-full", f"user{index}", "nopass"))


def openssl(folder):
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    ca, key = folder / "ca.crt", folder / "ca.key"
    quietly("openssl", "req", "-x509", *new, "-subj", "/CN=bench", "-keyout", key, "-out", ca)

    def one(index):
        request, out = folder / "user.csr", folder / f"{index}.crt"
        quietly("openssl", "req", "-new", *new, "-subj", f"/CN=user{index}", "-keyout", folder / f"{index}.key",
                "-out", request)
        quietly("openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey", key, "-CAcreateserial", "-out", out)
    return timed(40, one)


def issuing(folder, runs):
    # In turns, so that a busy moment isn't one side's alone.
    rates = {"easy-rsa build-client-full": [], "openssl req and x509": [], "one at a time": [], "in a batch": []}
    for run in range(runs):
        place = folder / f"issue-{run}"
        for name in ("easy", "openssl"):
            (place / name).mkdir(parents=True)
        rates["easy-rsa build-client-full"].append(easy_rsa(place / "easy"))
        rates["openssl req and x509"].append(openssl(place / "openssl"))
        rates["one at a time"].append(rate(bench("issue", place / "home", 2000)))
        rates["in a batch"].append(rate(bench("batch", place / "home", 20_000)))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    base = medians["easy-rsa build-client-full"]
    wanted = {"one at a time": 100, "in a batch": 500}
    rows = [("P-256 certificates with key, durable", "a second", "easy-rsa's", "wanted")]
    for name, value in medians.items():
        want = wanted.get(name)
        rows.append((f"cpbuild, {name}" if want else name, f"{value:,.1f}", f"{value / base:,.0f}x",
                     f"{want}x{verdict(value / base, want)}" if want else ""))
    return rows


def speed(name):
    """Signatures a second of one core, as openssl measures it."""
    text = subprocess.run(["openssl", "speed", "-seconds", "2", name], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout
    # Its last line ends with how many signatures and how many verifications a second.
    return float(text.split()[-2])


def signing():
    rows = [("certificates for a given key", "a second", "openssl speed signs", "share", "wanted")]
    for ours, theirs in KEY_TYPES:
        mine, other = rate(bench("sign", ours, 2)), speed(theirs)
        rows.append((ours, f"{mine:,.0f}", f"{other:,.0f}", f"{mine / other:.2f}", f"0.50{verdict(mine / other, 0.5)}"))
    return rows


def crl():
    run = Run([built("TrustBench"), "crl", 100_000])
    took = json.loads(run.log)["seconds"]
    return [("CRL of 100,000 entries", "measured", "wanted"),
            ("made and signed", f"{took:.2f} s", f"1 s{verdict(1, took)}"),
            ("peak memory of the process", f"{run.peak / 1e6:.0f} MB", f"200 MB{verdict(200e6, run.peak)}")]


def large(cpbuild, folder):
    small, big = folder / "small", folder / "large"
    bench("fill", small, 0, 0)
    bench("fill", big, PROJECTS, CERTIFICATES)
    head = f"{PROJECTS:,} projects, {CERTIFICATES:,} certificates"
    rows = [(head, "one project", "large", "difference", "wanted")]

    def add(name, one, many):
        rows.append((name, f"{one * 1e3:.1f} ms", f"{many * 1e3:.1f} ms", f"{(many - one) * 1e3:.1f} ms",
                     f"100 ms{verdict(0.1, many - one)}"))
    one, many = bench("operations", small), bench("operations", big)
    for name in one:
        add(name, one[name], many[name])
    for words in COMMANDS:
        if subprocess.run([cpbuild, *words, "--help"], capture_output=True).returncode:
            continue
        times = {small: [], big: []}
        for _ in range(7):
            for home in times:
                times[home].append(Run([cpbuild, *words, "--json"], {"CPBUILD_HOME": str(home)}).seconds)
        # A list of all has a line for each project.
        what = "" if "acme" in words else f", {PROJECTS:,} lines"
        add(f"cpbuild {' '.join(words)}{what}", *(statistics.median(times[home]) for home in (small, big)))
    shutil.rmtree(big)
    return rows


def report(cpbuild, folder, runs):
    parts = [issuing(folder, runs), signing(), crl(), large(cpbuild, folder)]
    return "\n\n".join(table(part) for part in parts)
