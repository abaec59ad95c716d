#!/usr/bin/env python3
"""How long a change at the Medplum server takes to change a decision.

    latency.py [ROUNDS]      200

Measured from the server's answer to whoever made the change to the first
decision that has it, asked for in a tight loop over gRPC.  The fake server
answers in 5 ms and notifies 4 ms after a change, as the real one was seen to.
Prints a table, in milliseconds.
"""

import sys
import tempfile
import time

from fake_client import FakeMedplum
from harness import (PERMIT, RARE_SWEEPS, Members, Pdp, Project, all_bound,
                     wait_quiet, wait_until)


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))]


def row(name, values):
    cells = [f"{1000 * quantile(values, q):9.1f}" for q in
             (0.5, 0.9, 0.99, 0.999)]
    print(f"{name:44}{len(values):6}{''.join(cells)}"
          f"{1000 * max(values):9.1f}", flush=True)


def seconds_until(pdp, member, permitted):
    """From now to the first answer that is so."""
    begun = time.monotonic()
    while (pdp.ask(member) == PERMIT) != permitted:
        if time.monotonic() - begun > 60:
            raise AssertionError("the change does not come")
    return time.monotonic() - begun


def policy_edits(pdp, clinic, editor, rounds):
    result = []
    policy = clinic.fake.read(reference=clinic.policy)
    for i in range(rounds):
        granted = i % 2 == 1
        policy["resource"] = [
            {"resourceType": "Patient" if granted else "Device"}]
        status, _ = editor.update(policy)
        assert status == 200
        result.append(seconds_until(pdp, clinic.member, granted))
    return result


def deactivations(pdp, clinic, editor, rounds):
    """From active=false to the last permit; the way back is not counted."""
    result = []
    membership = clinic.fake.read(reference=clinic.member)
    for _ in range(rounds):
        for active in (False, True):
            membership["active"] = active
            status, _ = editor.update(membership)
            assert status == 200
            took = seconds_until(pdp, clinic.member, active)
            if not active:
                result.append(took)
    return result


def run(fake, directory, rounds, **config):
    clinic = Project(fake)
    editor = fake.api(fake.add_login(project=clinic.id, policy=[],
                                     watched=False))
    pdp = Pdp(tempfile.mkdtemp(dir=directory), fake, [clinic], **config)
    pdp.projects = Members(fake)
    return pdp, clinic, editor, rounds


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"{'ms':44}{'n':>6}{'p50':>9}{'p90':>9}{'p99':>9}{'p99.9':>9}"
          f"{'max':>9}")
    with FakeMedplum() as fake, tempfile.TemporaryDirectory() as directory:
        setup = run(fake, directory, rounds, **RARE_SWEEPS)
        pdp, clinic = setup[:2]
        wait_until(lambda: all_bound(fake, [clinic]))
        wait_quiet(fake)
        row("policy edit, WebSocket", policy_edits(*setup))
        row("active=false to the last permit, WebSocket",
            deactivations(*setup))
        pdp.stop()
        setup = run(fake, directory, max(5, rounds // 20), **{
            "stale-after": "30s", "max-staleness": "5m",
            "sweep": {"interval": "1s", "full-interval": "5m"},
            "medplum": {"notifications": "none"}})
        row("policy edit, sweeps of 1 s alone", policy_edits(*setup))
        setup[0].stop()
        for violation in fake.violations():
            print(violation)


if __name__ == "__main__":
    main()
