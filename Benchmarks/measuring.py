"""What the themes share: which programs are measured, one timed run of a program, and the table."""
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

TREE = pathlib.Path(__file__).resolve().parent.parent


def program():
    """The cpbuild to measure, and how it was compiled."""
    for kind in ("release", "debug"):
        path = TREE / ".build" / kind / "cpbuild"
        if os.environ.get("CPBUILD"):
            return pathlib.Path(os.environ["CPBUILD"]), "as $CPBUILD names it"
        if path.exists():
            return path, kind
    sys.exit("Benchmarks/run: there is no cpbuild; 'make build' makes it")


def built(name):
    """A program that is built beside cpbuild for the benchmarks."""
    for kind in ("release", "debug"):
        path = TREE / ".build" / kind / name
        if path.exists():
            return path
    sys.exit(f"Benchmarks/run: there is no {name}; 'make bench' builds it")


class Run:
    """One run of a program: seconds, those of processors that it and its children took, which other work on the machine
    changes less, the most memory that this process (and no child of it) had, what it said."""

    def __init__(self, command, environment=None, cwd=None):
        log = tempfile.TemporaryFile(mode="w+")
        begin, before = time.monotonic(), self.processors()
        child = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})}, cwd=cwd)
        self.peak = 0
        try:
            while child.poll() is None:
                self.peak = max(self.peak, self.high_water(child.pid))
                time.sleep(0.01)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        self.seconds, self.processor = time.monotonic() - begin, self.processors() - before
        log.seek(0)
        self.log = log.read()
        if child.returncode:
            sys.exit(f"{command[0]} ended with status {child.returncode}:\n{self.log[-4000:]}")

    @staticmethod
    def processors():
        """Of all children that have ended."""
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    @staticmethod
    def high_water(pid):
        """VmHWM of proc(5), in bytes."""
        try:
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return 0
        found = re.search(r"VmHWM:\s+(\d+) kB", text)
        return int(found[1]) * 1024 if found else 0

    def stages(self):
        """cpbuild's own account of where the time went."""
        at = self.log.rfind("STAGE ")
        lines = self.log[at:].splitlines()[1:] if at >= 0 else []
        rows = [re.match(r"(\S+)\s+(.*?)\s+\d+%", line) for line in lines]
        return ", ".join(f"{row[1]} {row[2]}" for row in rows if row)


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
