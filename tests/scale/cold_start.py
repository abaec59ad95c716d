#!/usr/bin/env python3
"""How long a new replica takes: to load everything, and from a checkpoint.

    cold_start.py [MEMBERSHIPS] [POLICIES]
"""

import sys
import tempfile
import time

import replicas  # noqa: F401, for the path
from fake_client import FakeMedplum
from harness import RARE_SWEEPS, Members, Pdp, Project

# As many searches a second as by default.
CONFIG = {**RARE_SWEEPS, "sweep": {"interval": "15s", "full-interval": "5m"}}


def start(fake, clinic, directory, **options):
    """The server, and a line about its start."""
    since = fake.now()["monotonic_ns"]
    begun = time.monotonic()
    pdp = Pdp(tempfile.mkdtemp(dir=directory), fake, [clinic], wait=False,
              **CONFIG, **options)
    pdp.projects = Members(fake)
    pdp.wait_ready(limit=1800)
    took = time.monotonic() - begun
    requests = fake.requests(since_ns=since)
    return pdp, (f"{pdp.status().store.memberships} memberships in "
                 f"{took:.2f} s, {len(requests)} requests")


def main():
    memberships = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    policies = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    with FakeMedplum() as fake, tempfile.TemporaryDirectory() as directory:
        clinic = Project(fake, members=10)
        fake.generate(project=clinic.id, memberships=memberships,
                      policies=policies)
        first, line = start(fake, clinic, directory)
        print("everything:       ", line)
        begun = time.monotonic()
        made = first.pdpctl("checkpoint", "seed")
        assert made.returncode == 0, made.stderr
        took = time.monotonic() - begun
        # Nobody else is to ask while the other starts.
        first.stop()
        seed = first.directory / "data/checkpoints/seed"
        size = sum(f.stat().st_size for f in seed.rglob("*") if f.is_file())
        second, line = start(fake, clinic, directory,
                             **{"bootstrap-from": str(seed)})
        print("from a checkpoint:", line)
        print(f"the checkpoint: {size / (1 << 20):.1f} MiB, {took:.2f} s")
        second.stop()


if __name__ == "__main__":
    main()
