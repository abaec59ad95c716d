#!/usr/bin/env python3
"""What replicas ask of a Medplum server while nothing happens, by default
settings.

    at_rest.py [REPLICAS] [SECONDS] [PROJECTS]
"""

import collections
import re
import sys
import tempfile
import time

import replicas  # noqa: F401, for the path
from fake_client import FakeMedplum
from harness import LONG, Members, Pdp, Project, wait_until

DEFAULTS = {"stale-after": "30s", "max-staleness": "5m",
            "sweep": {"interval": "15s"}}


def kind(request):
    _, method, path, _, _ = request
    path = re.sub(r"/[0-9a-f-]{36}.*", "/ID", path.removeprefix("/fhir/R4"))
    path = path.partition("?")[0]
    return f"{method} {path}"


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 600
    projects = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with FakeMedplum() as fake, tempfile.TemporaryDirectory() as directory:
        clinics = [Project(fake, members=100) for _ in range(projects)]
        pdps = []
        for _ in range(count):
            pdp = Pdp(tempfile.mkdtemp(dir=directory), fake, clinics,
                      **DEFAULTS)
            pdp.projects = Members(fake)
            pdps.append(pdp)
        wait_until(lambda: all(
            feed.state == 2 for pdp in pdps
            for feed in pdp.status().sources[0].feeds), "current", LONG)
        time.sleep(20)  # What a start brings with it.
        since = fake.now()["monotonic_ns"]
        begun = time.monotonic()
        time.sleep(seconds)
        requests = fake.requests(since_ns=since)
        minutes = (time.monotonic() - begun) / 60
        for pdp in pdps:
            pdp.stop()
    print(f"{count} replicas, {projects} projects, {minutes:.1f} minutes: "
          f"{len(requests) / minutes:.1f} requests a minute")
    for what, number in collections.Counter(map(kind, requests)).most_common():
        print(f"{number / minutes:8.1f} {what}")
    moments = collections.Counter(r[0] // 1_000_000_000 for r in requests)
    print(f"at most {max(moments.values())} in a second")


if __name__ == "__main__":
    main()
