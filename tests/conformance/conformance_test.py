#!/usr/bin/env python3
"""The recorded decisions of a Medplum server, against this decision point.

Runs `pdpctl conformance` in parity mode, in process and through a running
server over gRPC, and in strict mode in process.  In parity mode the failures
must be exactly those of known_differences.txt; in no mode may anything be
permitted that Medplum denies.
"""

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
    """Returns the failed cases, the number of cases, and the wrong permits."""
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
    for line in result.stdout.splitlines():
        case = json.loads(line)
        cases += 1
        key = (case["scenario"], case["kind"], case["id"])
        if not case["passed"]:
            failed.add(key)
        expected, got = case.get("expected") or {}, case.get("got") or {}
        if expected.get("decision") == "DENY" and got.get("decision") == "ALLOW":
            wrong_permits.append(key)
        found = set(got.get("ids") or [])
        if case["kind"] == "search" and found - set(expected.get("ids") or found):
            wrong_permits.append(key)
    return failed, cases, wrong_permits


def start_server(pdpd, vectors, work):
    log = open(pathlib.Path(work) / "server.log", "w", encoding="utf-8")
    server = subprocess.Popen(
        [
            pdpd,
            f"--source=directory:{vectors}",
            f"--data-dir={work}/data",
            "--listen=127.0.0.1:0",
            "--http-listen=127.0.0.1:0",
            "--mode=parity",
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

        def parity(name, arguments):
            differences, cases, wrong = run(pdpctl, arguments)
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
        server, address = start_server(pdpd, vectors, work)
        try:
            parity(
                "over gRPC",
                [vectors, "--mode", "parity", "--target", address],
            )
        finally:
            server.terminate()
            code = server.wait(timeout=60)
        check("the server drains and ends with 0", code == 0, str(code))

        _, cases, wrong = run(pdpctl, [vectors, "--mode", "strict"])
        check("strict: cases were run", cases > 20_000, str(cases))
        check("strict: no wrong permit", not wrong, str(wrong[:10]))

    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
