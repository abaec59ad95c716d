#!/usr/bin/env python3
"""The recorded decisions of a Medplum server, against this decision point.

Runs `pdpctl conformance` in parity and in strict mode, in process and through a
running server over gRPC.  In parity mode the failures must be exactly those of
known_differences.txt; in strict mode every departure names its rule.  In no
mode may anything be permitted that Medplum denies.
"""

import collections
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def known_differences():
    known = set()
    for line in (HERE / "known_differences.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            known.add(tuple(line.split()[:3]))
    return known


def run(pdpctl, arguments):
    """Returns the failed cases, the number of cases, the wrong permits, the
    number of departures by strict rule, and the totals as text."""
    result = subprocess.run(
        [pdpctl, "conformance", "--output", "json", *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if result.returncode not in (0, 1):
        sys.exit(f"pdpctl ended with {result.returncode}:\n{result.stderr}")
    failed, cases, wrong_permits = set(), 0, []
    rules = collections.Counter()
    for line in result.stdout.splitlines():
        case = json.loads(line)
        cases += 1
        key = (case["scenario"], case["kind"], case["id"])
        # Reads past the cache exist in parity mode only.
        is_skipped = case.get("skipped", False) and case["kind"] == "cold"
        if not case["passed"] and not is_skipped:
            failed.add(key)
        if "strict_rule" in case:
            rules[case["strict_rule"]] += 1
        expected, got = case.get("expected") or {}, case.get("got") or {}
        if expected.get("decision") == "DENY" and got.get("decision") == "ALLOW":
            wrong_permits.append(key)
        if case["kind"] == "search":
            found = set(got.get("ids") or [])
            may_find = expected.get("ids")
            if may_find is None:  # Not kept, or refused.
                may_find = found if expected["http_status"] == 200 else []
            if found - set(may_find):
                wrong_permits.append(key)
    return failed, cases, wrong_permits, rules, result.stderr


def start_server(pdpd, vectors, work, *options):
    log = open(pathlib.Path(work) / "server.log", "w", encoding="utf-8")
    server = subprocess.Popen(
        [
            pdpd,
            f"--source=directory:{vectors}",
            f"--data-dir={work}/data-{options[0]}",
            "--listen=127.0.0.1:0",
            "--http-listen=127.0.0.1:0",
            "--callers=name=test,from=loopback,permissions=all,subjects=any,"
            "resources=inline",
            f"--mode={options[0]}",
            *options[1:],
        ],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    line = server.stdout.readline()
    if not line:
        sys.exit(f"pdpd did not start:\n{open(log.name).read()}")
    return server, json.loads(line)["grpc"][0]


def main():
    binaries = pathlib.Path(sys.argv[1])
    pdpctl, pdpd = str(binaries / "pdpctl"), str(binaries / "pdpd")
    passed = failed = 0

    def check(name, ok, detail=""):
        nonlocal passed, failed
        passed, failed = passed + ok, failed + (not ok)
        print(f"{'ok' if ok else 'FAILED'}  {name}{'' if ok else ': ' + detail}")

    with tempfile.TemporaryDirectory() as work:
        vectors = os.path.join(work, "vectors")
        with tarfile.open(HERE / "vectors.tar.xz") as archive:
            archive.extractall(vectors)
        known = known_differences()

        @contextlib.contextmanager
        def serving(*options):
            server, address = start_server(pdpd, vectors, work, *options)
            try:
                yield address
            finally:
                server.terminate()
                code = server.wait(timeout=60)
            check(f"{options[0]}: the server drains and ends with 0", code == 0,
                  str(code))

        def parity(name, arguments):
            differences, cases, wrong, _, _ = run(pdpctl, arguments)
            print(f"{name}: {cases - len(differences)} of {cases} cases agree")
            check(f"{name}: cases were run", cases > 30_000, str(cases))
            check(f"{name}: no wrong permit", not wrong, str(wrong[:10]))
            new = sorted(differences - known)
            check(f"{name}: no new difference", not new, str(new[:10]))
            gone = sorted(known - differences)
            check(
                f"{name}: every known difference is still there",
                not gone,
                f"take from known_differences.txt: {gone[:10]}",
            )

        parity("in process", [vectors, "--mode", "parity"])
        with serving("parity") as address:
            parity(
                "over gRPC",
                [vectors, "--mode", "parity", "--target", address],
            )

        def strict(name, arguments):
            failures, cases, wrong, rules, totals = run(
                pdpctl, [vectors, "--mode", "strict", *arguments]
            )
            print(f"{name}: {dict(sorted(rules.items()))}")
            check(f"{name}: cases were run", cases > 20_000, str(cases))
            check(f"{name}: no wrong permit", not wrong, str(wrong[:10]))
            new = sorted(failures - known)
            check(f"{name}: no other difference", not new, str(new[:10]))
            check(f"{name}: unexplained: 0", "\nunexplained: 0\n" in totals,
                  totals)
            check(f"{name}: rules depart", len(rules) > 10, str(rules))
            return rules

        here = strict("strict, in process", [])
        with serving("strict", "--parameter-semantics=server") as address:
            there = strict("strict, over gRPC", ["--target", address])
        check("strict mode departs alike", here == there, str(there))

    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
