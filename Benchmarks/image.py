"""Images: virt-customize and cpbuild make the same image from the same bootstrapped base: the same packages, overlay,
setup script, units and finish. virt-customize has no cache, so each of cpbuild's rows is held against its whole time.
"""
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

from measuring import TREE, Run, table


class Overlay:
    """What virt-customize has to be told of overlays/cloudpipe.yaml."""

    def __init__(self, folder):
        self.folder = folder
        self.setup = None
        entries, part = {}, None
        for line in (folder / "cloudpipe.yaml").read_text().splitlines():
            if found := re.match(r"(\w+):\s*(\S+)?\s*$", line):
                part = found[1]
                self.setup = folder / found[2] if part == "setup" else self.setup
            elif found := re.match(r"  (?:- )?([^#\s]\S*?)(?::\s+(.*))?$", line):
                entries.setdefault(part, []).append((found[1], found[2] or ""))
        self.files = entries.get("files", [])
        self.directories = entries.get("directories", [])
        self.links = entries.get("links", [])
        self.remove = [name for name, _ in entries.get("remove", [])]
        self.enable = [name for name, _ in entries.get("enable", [])]
        self.mask = [name for name, _ in entries.get("mask", [])]

    def arguments(self):
        mode = lambda text: re.search(r'mode: "?(\d+)', text)[1]
        words = []
        for top in sorted((self.folder / "cloudpipe").iterdir()):
            words += ["--copy-in", f"{top}:/"]
        for path, _ in self.directories:
            words += ["--mkdir", path]
        owned = [path for path, _ in self.files + self.directories]
        words += ["--run-command", "chown root:root " + " ".join(owned)]
        for path, text in self.files + self.directories:
            words += ["--chmod", f"{mode(text)}:{path}"]
        for path, target in self.links:
            words += ["--run-command", f"ln -sfn {target} {path}"]
        words += ["--run-command", "rm -f " + " ".join(self.remove)]
        words += ["--run", self.setup]
        words += ["--run-command", "systemctl enable " + " ".join(self.enable)]
        words += ["--run-command", "systemctl mask " + " ".join(self.mask)]
        return words


class Images:
    """The rows, measured with one cpbuild in one folder."""

    def __init__(self, cpbuild, folder, runs):
        self.cpbuild, self.folder, self.runs = cpbuild, folder, runs
        self.notes = []
        shutil.copytree(TREE / "overlays", folder / "overlays", symlinks=True)
        (folder / "image-recipes").mkdir()

    def image(self, cache, recipe):
        command = [self.cpbuild, "image", "build", recipe, "--verbose", "--out", self.folder / "out"]
        return Run(command, {"CPBUILD_CACHE": str(cache), "CPBUILD_HOME": str(self.folder / "home")}, cwd=TREE)

    def prepare(self):
        """Bootstraps the base, which stays for the next time."""
        cache = pathlib.Path(os.environ.get("BENCH_CACHE", TREE / ".build" / "bench" / "cache"))
        cache.mkdir(parents=True, exist_ok=True)
        if not list(cache.glob("bases/bootstrap-*")):
            self.image(cache, "cloudpipe")
        self.accelerator = cache / "accelerator.json"
        base = max((cache / "bases").glob("bootstrap-*"), key=lambda path: path.stat().st_mtime)
        self.base = self.folder / "base.img"
        subprocess.run(["cp", "--sparse=always", base, self.base], check=True)
        text = (TREE / "image-recipes" / "cloudpipe.yaml").read_text()
        self.packages = re.findall(r"^  - ([a-z0-9.+-]+)$", text.split("packages:")[1].split("overlays:")[0], re.M)
        self.omit = re.search(r"omit: \[(.*)\]", text)[1].replace(",", "")
        text, count = re.subn(r"base:\n  bootstrap: host", f"base:\n  path: {self.base}", text)
        if count != 1:
            sys.exit("Benchmarks/run: image-recipes/cloudpipe.yaml has no 'bootstrap: host'")
        self.recipe = self.folder / "image-recipes" / "cloudpipe.yaml"
        self.recipe.write_text(text)

    def measure_cpbuild(self):
        cold, busy, changed, same, peak = [], [], [], [], 0
        for number in range(self.runs):
            cache = self.folder / "cache"
            shutil.rmtree(cache, ignore_errors=True)
            shutil.rmtree(self.folder / "out", ignore_errors=True)
            cache.mkdir()
            # Which accelerator works doesn't change from build to build.
            if self.accelerator.exists():
                shutil.copy(self.accelerator, cache)
            run = self.image(cache, self.recipe)
            cold.append(run.seconds)
            busy.append(run.processor)
            peak = max(peak, run.peak)
            self.notes.append(f"cold: {run.stages()}")
            identity = run.log.strip().splitlines()[-1]
            self.size = (self.folder / "out" / "images" / identity / "disk.qcow2").stat().st_size
            with open(self.folder / "overlays" / "cloudpipe" / "etc" / "openvpn" / "up.sh", "a") as file:
                file.write(f"# {number}\n")
            run = self.image(cache, self.recipe)
            changed.append(run.seconds)
            self.notes.append(f"one file changed: {run.stages()}")
            same += [self.image(cache, self.recipe).seconds for _ in range(3)]
        self.cold, self.busy, self.changed, self.same = map(statistics.median, (cold, busy, changed, same))
        self.peak = peak

    def measure_virt_customize(self):
        finish = self.folder / "finish"
        text = (TREE / "Sources" / "ImageBuilding" / "Resources" / "finish.sh").read_text()
        first, rest = text.split("\n", 1)
        epoch = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
        finish.write_text(f"{first}\nexport OMIT='{self.omit}' EPOCH={epoch}\n{rest}")
        finish.chmod(0o755)
        environment = {"LIBGUESTFS_BACKEND": "direct"}
        if self.accelerator.exists() and '"kvm"' not in self.accelerator.read_text().lower():
            environment["LIBGUESTFS_BACKEND_SETTINGS"] = "force_tcg"
        alone, whole, busy = [], [], []
        for _ in range(self.runs):
            disk, small = self.folder / "customized.img", self.folder / "customized.qcow2"
            begin, before = time.monotonic(), Run.processors()
            subprocess.run(["cp", "--sparse=always", self.base, disk], check=True)
            Run(["virt-customize", "--format", "raw", "-a", disk, "--install", ",".join(self.packages),
                 *Overlay(self.folder / "overlays").arguments(), "--run", finish], environment)
            alone.append(time.monotonic() - begin)
            Run(["virt-sparsify", "--in-place", "--format", "raw", disk], environment)
            Run(["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd", disk, small])
            whole.append(time.monotonic() - begin)
            busy.append(Run.processors() - before)
            self.customized_size = small.stat().st_size
        self.alone, self.whole, self.whole_busy = map(statistics.median, (alone, whole, busy))

    def report(self):
        def row(what, value, limit, unit, other=None):
            ratio = value / other if other else None
            held = ratio if other else value
            text = f"{value:.2f} {unit}" if value < 10 else f"{value:.1f} {unit}"
            limits = f"{limit}×" if other else f"{limit} {unit}"
            verdict = "met" if held <= limit else "NOT MET"
            return (what, text, f"{other:.1f} {unit}" if other else "", f"{ratio:.3f}×" if other else "", limits, verdict)

        mebi = 1e6
        return [
            ("", "cpbuild", "virt-customize", "ratio", "at most", ""),
            row("image, cold build, empty cache", self.cold, 0.5, "s", self.whole),
            row("  against virt-customize alone, not compressed", self.cold, 0.5, "s", self.alone),
            row("  in processor time, which other work changes less", self.busy, 0.5, "s", self.whole_busy),
            row("image, one overlay file changed", self.changed, 0.25, "s", self.alone),
            row("image, nothing changed", self.same, 0.01, "s", self.alone),
            row("image, compressed size", self.size / mebi, 120, "MB"),
            row("peak memory of cpbuild itself", self.peak / mebi, 150, "MB"),
            ("  virt-customize's image, compressed", "", f"{self.customized_size / mebi:.1f} MB", "", "", ""),
        ]


def report(cpbuild, folder, runs):
    """Measures, and gives the text to print."""
    images = Images(cpbuild, folder, runs)
    images.prepare()
    images.measure_cpbuild()
    images.measure_virt_customize()
    return "\n".join([
        "cpbuild's cache was empty but for which accelerator works; virt-customize's appliance was as it is after its "
        "first use.", "", table(images.report()), "", "Where cpbuild's time went:", *images.notes])
