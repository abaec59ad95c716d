"""How costs grow: with memberships, with clients, with what is kept; and while
memberships change."""

import json
import re
import shutil
import subprocess

import cases
import clinic
import report
from load import Load, Spread, run
from servers import BIN, Failure, Pdpd

CONNECTIONS = (1, 8, 64, 512)
# Of those that decide, by how much is measured.
MEMBERSHIPS = {"quick": 20_000, "short": 200_000, "long": 1_000_000}


def json_of(command):
    done = subprocess.run([str(word) for word in command], capture_output=True,
                          text=True)
    if done.returncode not in (0, 1):
        raise Failure(f"{command[0]}: {done.stderr[-1000:]}")
    return done.stdout


def storms(effort):
    runs = [json.loads(json_of([BIN / "storm", effort.seconds * 2, 1000]))
            for _ in range(effort.repetitions)]
    spread = Spread([run["stormy"] / run["quiet"] for run in runs])
    quiet = Spread([run["quiet"] for run in runs]).median
    rate = Spread([run["changes_per_second"] for run in runs]).median
    return report.spread_row(
        "p99 of a decision, memberships changing beside quiet", "x", spread,
        1.5, f"quiet {quiet:.2f} us; {rate:.0f} changes a second")


def memberships(effort):
    count = MEMBERSHIPS[effort.name]
    line = json_of([BIN / "million_memberships", count])
    found = re.search(r"ratio ([\d.]+)\).*?([\d.]+) us \(1,000: ([\d.]+)\), "
                      r"(\d+) MiB", line)
    if not found:
        raise Failure(f"million_memberships: {line}")
    ratio, cold, cold_few, resident = map(float, found.groups())

    def row(what, unit, value, bar, beside=""):
        return report.Row(what, unit, value, value, value, bar, beside=beside)

    return [row(f"Decide, {count:,} memberships beside 1,000", "x", ratio, 1.3,
                f"any member's, mostly cold: {cold} us, {cold_few} us"),
            row(f"Resident memory, {count:,} memberships", "MiB", resident,
                512)]


def footprint(effort):
    sizes = json.loads(json_of([BIN / "footprint", 5_000, 20_000]))
    rows = []
    for what, key in (("Memory of a bound membership", "bound_bytes"),
                      ("Disk of a membership", "disk_bytes")):
        rows.append(report.Row(what, "bytes", *[sizes[key]] * 3))
    return rows


def clients(effort, work):
    """64 calls in flight, or one for each connection where those are more."""
    source = work / "source"
    clinic.write_clinic(source)
    rows = []
    with Pdpd(work, source) as pdpd:
        for connections in CONNECTIONS:
            load = Load(clinic.PDP + "Check",
                        clinic.check().SerializeToString(), cases.PERMIT,
                        concurrency=max(64, connections),
                        connections=connections)
            runs = [run(pdpd, load, effort, work)
                    for _ in range(effort.repetitions)]
            rows.append(report.spread_row(
                f"Check by reference, connections: {connections}", "us",
                Spread([r["cpu"] for r in runs]), beside="processor time"))
    shutil.rmtree(pdpd.data)
    return rows


def measure(effort, work, match):
    parts = {"p99 while memberships change": lambda: [storms(effort)],
             "memberships": lambda: memberships(effort),
             "footprint": lambda: footprint(effort),
             "connections": lambda: clients(effort, work)}
    rows = []
    for name, part in parts.items():
        if match not in name:
            continue
        done = part()
        print(report.as_text(done).partition("\n")[2], flush=True)
        rows += done
    return rows
