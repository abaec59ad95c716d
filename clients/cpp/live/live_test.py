#!/usr/bin/env python3
"""The C++ client against real servers that serve the sample clinic.

usage: live_test.py BIN
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(sys.argv.pop(1))

sys.path.insert(0, str(HERE.parent))
from sample_clinic import ROOT, SampleClinic  # noqa: E402


class LiveTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="pdp-live-")
        self.addCleanup(temporary.cleanup)
        self.directory = pathlib.Path(temporary.name)

    def serve(self, name):
        clinic = SampleClinic(BIN / "pdpd", self.directory / name)
        self.addCleanup(clinic.stop)
        return clinic

    def test_every_method_answers(self):
        environment = {**os.environ, "PDP_TARGET": self.serve("a").target}
        result = subprocess.run(
            [BIN / "medplum_pdp_sample_clinic_test"], cwd=ROOT, env=environment,
            capture_output=True, text=True, timeout=120,
        )
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_a_replica_that_is_killed_costs_no_right_answer(self):
        replicas = [self.serve("a"), self.serve("b")]
        target = "ipv4:" + ",".join(replica.target for replica in replicas)
        load = subprocess.Popen(
            [BIN / "medplum_pdp_replica_load", target], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )

        def end():
            if load.poll() is None:
                load.kill()
                load.communicate()

        self.addCleanup(end)

        def line():
            return json.loads(load.stdout.readline())

        for _ in range(4):
            self.assertEqual(line()["no_decision"], 0)
        replicas[0].kill()
        # All of what the dead server had may be lost, and it gets well: at most
        # what was in flight, and what followed until the connection was seen to
        # be broken.
        lost = 0
        clean = 0
        while clean < 4:
            without = line()["no_decision"]
            lost += without
            clean = 0 if without else clean + 1
            self.assertLess(lost, 500)
        load.stdin.close()
        last = json.loads(load.stdout.readlines()[-1])
        load.stdout.close()
        self.assertEqual(load.wait(timeout=60), 0)
        self.assertEqual(last["wrong"], 0)
        self.assertEqual(last["open"], 0)


if __name__ == "__main__":
    unittest.main()
