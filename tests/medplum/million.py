#!/usr/bin/env python3
"""The first load of a large project: 1,000,000 memberships and 10,000 policies
from the fake server, and what a decision costs beside an empty store.

    million.py [MEMBERSHIPS] [POLICIES]
"""

import os
import random
import sys
import tempfile
import time

from fake_client import FakeMedplum
from harness import PERMIT, RARE_SWEEPS, Members, Pdp, Project

QUESTIONS = 20000


def memory(pid, name="VmRSS"):
    """Of a process, in MiB."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        for line in status:
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
    raise AssertionError(name)


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def disk(directory):
    return sum(entry.stat().st_size for entry in directory.rglob("*")
               if entry.is_file()) / (1 << 20)


def cost(pdp, members):
    """The server's processor time for a Check, in microseconds."""
    for member in members:
        pdp.ask(member)
    before = processor_seconds(pdp.process.pid)
    for _ in range(max(1, QUESTIONS // len(members))):
        for member in members:
            pdp.ask(member)
    asked = max(1, QUESTIONS // len(members)) * len(members)
    return 1e6 * (processor_seconds(pdp.process.pid) - before) / asked


def measure(fake, directory, memberships, policies):
    clinic = Project(fake, members=10)
    if memberships:
        fake.generate(project=clinic.id, memberships=memberships,
                      policies=policies)
    begun = time.monotonic()
    pdp = Pdp(tempfile.mkdtemp(dir=directory), fake, [clinic], wait=False,
              **{**RARE_SWEEPS, "sweep": {
                  "interval": "2m", "full-interval": "30m",
                  "max-searches-per-second": 1000}})
    pdp.projects = Members(fake)
    pdp.wait_ready(limit=1800)
    took = time.monotonic() - begun
    spent = processor_seconds(pdp.process.pid)
    for member in clinic.members:
        assert pdp.ask(member) == PERMIT
    chance = random.Random(1)
    for _ in range(1000 if memberships else 0):
        i = chance.randrange(memberships)
        member = f"ProjectMembership/bbbb0000-0000-4000-8000-{i:012x}"
        pdp.projects[member] = clinic.id
        answer = pdp.ask(member)
        assert answer == "RESOURCE_NOT_GRANTED", answer
    check = cost(pdp, clinic.members)
    print(f"{memberships:>9} memberships, {policies:>6} policies: loaded in "
          f"{took:.1f} s ({spent:.1f} s of processor), "
          f"{memory(pdp.process.pid):.0f} MiB resident "
          f"({memory(pdp.process.pid, 'VmHWM'):.0f} at most), "
          f"{disk(pdp.directory / 'data'):.0f} MiB on disk, "
          f"{check:.1f} us of processor a Check", flush=True)
    held = pdp.status().store.memberships
    assert held >= memberships + 10, held
    pdp.stop()
    return check


def main():
    memberships = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    policies = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    with FakeMedplum(answer_seconds=0) as fake, \
            tempfile.TemporaryDirectory() as directory:
        empty = measure(fake, directory, 0, 0)
        full = measure(fake, directory, memberships, policies)
        print(f"{memberships} memberships: a Check costs {full / empty:.2f} "
              "times what it costs beside an empty store")
        assert not fake.violations()


if __name__ == "__main__":
    main()
