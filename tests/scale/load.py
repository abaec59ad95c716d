#!/usr/bin/env python3
"""Asks through the Python client, from threads, until standard input ends.

    load.py < CONFIGURATION > ANSWERS

The configuration is one line of JSON; every answer is one, too:

    {"target": "...", "threads": 4, "pause": 0.01,
     "questions": [["ProjectMembership/m", "project-id"], ...]}
    [member, begun, ended, effect, failure, is_stale, retried, version]

`begun` and `ended` are CLOCK_MONOTONIC in ns, `version` is that of the policy
that decided.  Every question is whether the member may read a Patient.
"""

import json
import pathlib
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "clients/python"))

from medplum_pdp import PdpClient, check_request  # noqa: E402
from medplum_pdp._v1 import types_pb2  # noqa: E402

TIMEOUT = 5.0  # So long that on a busy machine no deadline is met.


class Load:
    def __init__(self, target, threads, pause, questions):
        self._requests = [
            (member, check_request(
                member, "read", "Patient/1",
                body={"resourceType": "Patient", "id": "1",
                      "meta": {"project": project}}))
            for member, project in questions]
        self._pause = pause
        self._ended = threading.Event()
        self._retried = threading.local()
        self._output = threading.Lock()
        self._client = PdpClient(target, plaintext=True, timeout=TIMEOUT,
                                 hook=self._told)
        self._threads = [threading.Thread(target=self._ask_all, args=(i,))
                         for i in range(threads)]

    def run(self):
        for thread in self._threads:
            thread.start()
        sys.stdin.read()
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._client.close()

    def _told(self, report):
        self._retried.value = report.retried

    def _ask_all(self, first):
        at = first
        while not self._ended.is_set():
            self._ask(*self._requests[at % len(self._requests)])
            at += len(self._threads)
            self._ended.wait(self._pause)

    def _ask(self, member, request):
        begun = time.monotonic_ns()
        decision = self._client.check(request)
        ended = time.monotonic_ns()
        failure, is_stale, version = None, False, ""
        if decision.failure:
            failure = f"{decision.failure.code}: {decision.failure.message}"
        else:
            version = decision.proto.entry.policy_version_id
            is_stale = any(note.code == types_pb2.NOTE_CODE_STALE
                           for note in decision.proto.notes)
        line = json.dumps([member, begun, ended, decision.effect.name, failure,
                           is_stale, self._retried.value, version])
        with self._output:
            print(line, flush=True)


if __name__ == "__main__":
    Load(**json.loads(sys.stdin.readline())).run()
