#!/usr/bin/env python3
"""`make bench-instructions`: how many instructions a warm decision takes, as
valgrind counts them, beside those of instructions.json.

Fails where one is more than a twentieth above what is written there; --write
writes what was counted.  The figures are those of Debian's g++."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

from servers import BIN

FIGURES = pathlib.Path(__file__).with_name("instructions.json")
TOLERANCE = 0.05
FEW, MANY = 100, 600  # Decisions; the first ones find nothing kept.


def count(kind, decisions):
    with tempfile.TemporaryDirectory() as work:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--toggle-collect=pdp::(anonymous namespace)::Once*",
             f"--callgrind-out-file={work}/out", str(BIN / "decide_times"),
             kind, str(decisions)], capture_output=True, text=True)
        found = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode != 0 or not found:
            sys.exit(f"bench-instructions: {done.stderr[-1000:]}")
        return int(found.group(1))


def main():
    written = json.loads(FIGURES.read_text("utf-8"))
    counted = {}
    missed = False
    for kind in ("reference", "resource", "filter"):
        counted[kind] = round((count(kind, MANY) - count(kind, FEW))
                              / (MANY - FEW))
        before = written.get(kind)
        change = counted[kind] / before - 1 if before else 0
        missed |= change > TOLERANCE
        print(f"{kind}: {counted[kind]:,} instructions a decision"
              + (f", {change:+.1%} of {before:,}" if before else ""),
              "MORE THAN BEFORE" if change > TOLERANCE else "", flush=True)
    if "--write" in sys.argv:
        FIGURES.write_text(json.dumps(counted, indent=2) + "\n", "utf-8")
        return 0
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
