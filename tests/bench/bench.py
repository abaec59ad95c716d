#!/usr/bin/env python3
"""`make bench`: what a decision costs, beside a gRPC server that decides
nothing; and `make bench-cerbos`, beside Cerbos.

Each figure is of runs that alternate between the two servers on this machine,
so that what else runs on it weighs on both.  Prints one table; --write puts it
into docs/performance.md.  A bar that is missed is a line of the table, and
fails nothing; what cannot be measured fails.
"""

import argparse
import pathlib
import shutil
import sys
import tempfile
import time

import cases
import growth
import in_process
import peers
import report
from load import Effort
from servers import Failure, ROOT

# Repetitions, seconds of each, seconds before it.
EFFORTS = {"quick": Effort("quick", 2, 0.5, 0.2),
           "short": Effort("short", 5, 1, 0.3),
           "long": Effort("long", 9, 3, 1)}

SECTIONS = {
    "over-grpc": ("Over gRPC, beside an echo server", cases.measure),
    "in-process": ("In process", in_process.measure),
    "growth": ("Growth, storms and memory", growth.measure),
}
ON_REQUEST = {
    "cerbos": ("Beside Cerbos", peers.measure),
}


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--effort", choices=EFFORTS, default="short")
    parser.add_argument("--write", action="store_true",
                        help="write docs/performance.md")
    parser.add_argument("--match", default="",
                        help="only what has this text in its name")
    parser.add_argument("sections", nargs="*",
                        choices=[*SECTIONS, *ON_REQUEST, []],
                        help="which; all but cerbos")
    return parser.parse_args()


def main():
    options = parse()
    began = time.monotonic()
    effort = EFFORTS[options.effort]
    known = {**SECTIONS, **ON_REQUEST}
    rows_by_section = {}
    work = pathlib.Path(tempfile.mkdtemp(prefix="pdp-bench-"))
    try:
        for name in options.sections or SECTIONS:
            title, measure = known[name]
            rows = measure(effort, work, options.match)
            if rows:
                rows_by_section[title] = rows
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for title, rows in rows_by_section.items():
        print(f"\n{title}\n{report.as_text(rows)}")
    rows = [row for rows in rows_by_section.values() for row in rows]
    missed = [row.what for row in rows if row.verdict == "MISSED"]
    print(f"\n{report.machine()}; {time.monotonic() - began:.0f} s; "
          f"{len(missed)} bars missed" + "".join(f"\n  {m}" for m in missed))
    if options.write:
        report.write_docs(rows_by_section, ROOT / "docs/performance.md")
        print("wrote docs/performance.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
