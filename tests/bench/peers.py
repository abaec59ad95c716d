"""The same decision made by Cerbos, in the same alternating session."""

import os
import pathlib
import shutil
import subprocess
import sys

import cases
import clinic
import report
from load import Load, alternate
from servers import Cerbos, Pdpd, ROOT

PACKAGE = "@cerbos/cerbos-linux-x64@0.55.0"
# May a practitioner of three organizations read a Patient of one of them?
# The patient's organization is in the store here; Cerbos, which has none, is
# told it.


def install():
    """The path of the program; None where it cannot be had."""
    if os.uname().machine != "x86_64":
        return None
    prefix = ROOT / "build/bench/cerbos"
    program = next(prefix.glob("node_modules/@cerbos/*/cerbos-linux-x64"), None)
    if program is None:
        prefix.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["npm", "install", "--prefix", str(prefix), "--no-save",
             "--no-audit", "--no-fund", "--silent", PACKAGE],
            capture_output=True, text=True)
        if done.returncode != 0:
            print(done.stderr[-1000:], file=sys.stderr)
        program = next(prefix.glob("node_modules/@cerbos/*/cerbos-linux-x64"), None)
    return program


def pairs():
    """What, calls of pdpd, calls of Cerbos, figure and the least of Cerbos's
    that is to be saved."""
    member = clinic.MEMBER_OF_THREE
    ids = [clinic.numbered_patient(n) for n in range(50)]

    def ours(method, request, answer, **shape):
        return Load(clinic.PDP + method, request.SerializeToString(), answer,
                    **shape)

    def theirs(method, request, answer, **shape):
        return Load(clinic.CERBOS + method, request, answer, **shape)

    # CheckResourcesResponse: action "read", EFFECT_ALLOW.
    allowed = clinic.field(1, "read") + b"\x10\x01"
    check = clinic.check(member), clinic.cerbos_check([clinic.PATIENT])
    for what, concurrency, figure, least in (
            ("Check, 64 in flight", 64, "cpu", 15),
            ("Check, 1 in flight, p50", 1, "p50", 6)):
        shape = {"concurrency": concurrency,
                 "connections": min(4, concurrency)}
        yield (what, ours("Check", check[0], cases.PERMIT, **shape),
               theirs("CheckResources", check[1], allowed, **shape), figure,
               least)
    shape = {"concurrency": 16, "connections": 4, "decisions": 50}
    yield ("Batch of 50, a decision",
           ours("BatchCheck", clinic.batch(50, member), cases.PERMIT, **shape),
           theirs("CheckResources", clinic.cerbos_check(ids), allowed, **shape),
           "cpu", 30)
    shape = {"concurrency": 64, "connections": 4}
    yield ("Filter beside PlanResources, 64 in flight",
           ours("Filter", clinic.search_filter(member), cases.CONDITIONAL,
                **shape),
           theirs("PlanResources", clinic.cerbos_plan(),
                  b"request.resource.attr.organization", **shape), "cpu", None)


def measure(effort, work, match):
    program = install()
    if program is None:
        print(f"bench-cerbos: SKIPPED: {PACKAGE} cannot be had from npm on this"
              " machine; nothing was compared", file=sys.stderr)
        return []
    source = work / "source"
    clinic.write_clinic(source)
    rows = []
    for what, our_load, their_load, figure, least in pairs():
        if match not in what:
            continue
        with Pdpd(work, source) as pdpd, Cerbos(work, program) as cerbos:
            pair = alternate(cerbos, their_load, pdpd, our_load, effort, work)
        shutil.rmtree(pdpd.data)
        row = report.ratio_row(what, pair, figure, least, at_least=True,
                               names=("Cerbos", "pdpd"))
        print(report.as_text([row]).partition("\n")[2], flush=True)
        rows.append(row)
    return rows
