"""Fuzzing: every parser of outside bytes with a million made-up inputs; any trap, hang or broken promise fails the run."""
import json
import os
import secrets
import subprocess
import sys

from measuring import built, table

INPUTS = int(os.environ.get("BENCH_FUZZ_INPUTS", 1_000_000))


def report(cpbuild, folder, runs):
    """Runs the fuzzer, and gives the text to print."""
    seed = secrets.randbelow(1_000_000)
    run = subprocess.run(
        [built("FuzzWorker"), "--seed", str(seed), "--inputs", str(INPUTS)], stdout=subprocess.PIPE, text=True)
    results = [json.loads(line) for line in run.stdout.splitlines()]
    rows = [("parser", "inputs", "accepted", "refused", "a second", "peak memory", "growth", "")]
    for result in results:
        grown = "" if result["memoryGrowth"] < result["growthLimit"] else "GROWS"
        rate = result["inputs"] / result["seconds"] if result["seconds"] else 0
        rows.append((
            result["target"], f"{result['inputs']:,}", f"{result['accepted']:,}", f"{result['refused']:,}",
            f"{rate:,.0f}", f"{result['peakMemory'] / 1e6:.0f} MB", f"{result['memoryGrowth'] / 1e6:.1f} MB",
            result.get("finding") or grown or "sound"))
    text = f"seed {seed}, {sum(result['inputs'] for result in results):,} inputs\n\n{table(rows)}"
    if run.returncode or any(row[-1] == "GROWS" for row in rows):
        sys.exit(text)
    return text
