#!/usr/bin/env python3
"""What `pdpctl simulate` foretells of the sample clinic is what comes.

usage: simulate_test.py DIRECTORY OF pdpd AND pdpctl
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

BIN = pathlib.Path(sys.argv.pop(1))
ROOT = pathlib.Path(__file__).resolve().parents[2]
CLINIC = ROOT / "docs/security/access-policies"
MATRIX = ROOT / "tests/demo/matrix.json"


def read(path):
    return json.loads(path.read_text())


def write(path, content):
    path.write_text(json.dumps(content))


class SimulateTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="pdp-simulate-")
        self.addCleanup(temporary.cleanup)
        directory = pathlib.Path(temporary.name)
        self.data = directory / "data"
        self.source = directory / "source"
        self.proposed = directory / "proposed"
        self.proposed.mkdir()
        shutil.copytree(CLINIC, self.source)
        self.server = subprocess.Popen(
            [
                BIN / "pdpd",
                "--source", f"directory:{self.source}",
                "--data-dir", self.data,
                "--listen", "127.0.0.1:0",
                "--http-listen", "127.0.0.1:0",
                "--callers", "name=test,from=loopback,permissions=all,"
                "subjects=any,resources=inline",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.addCleanup(self.stop)
        self.target = json.loads(self.server.stdout.readline())["grpc"][0]

    def stop(self):
        self.server.terminate()
        self.server.wait(timeout=60)
        self.server.stdout.close()

    def pdpctl(self, *arguments):
        return subprocess.run(
            [BIN / "pdpctl", *arguments, "--target", self.target],
            capture_output=True,
            text=True,
            timeout=60,
        )

    def simulate(self, *arguments):
        """The exit code, and what changes by the id of the case."""
        run = self.pdpctl(
            "simulate", "--checks", MATRIX, "--output", "json", *arguments
        )
        rows = [json.loads(line) for line in run.stdout.splitlines()]
        return run.returncode, {row["id"]: row["simulated"] for row in rows}

    def answers(self):
        """By the id of the case: permitted and how, or denied."""
        run = self.pdpctl("test", MATRIX, "--output", "json")
        rows = [json.loads(line) for line in run.stdout.splitlines()]
        return {
            row["id"]: "DENY"
            if row["answer"].startswith("DENY")
            else row["answer"]
            for row in rows
            if not row["group"].startswith("Filters")
        }

    def test_nothing_proposed_changes_nothing(self):
        self.assertEqual(self.simulate(), (0, {}))
        code, changes = self.simulate("--proposed", CLINIC / "policies")
        self.assertEqual((code, changes), (0, {}))

    def test_what_is_foretold_comes(self):
        nurse = read(self.source / "policies/role-nurse.json")
        nurse["resource"][0]["interaction"] = ["read", "search"]
        nurse["resource"][0]["hiddenFields"] = ["birthDate"]
        write(self.proposed / "nurse.json", nurse)
        clinic = self.source / "sample-clinic/one-project/memberships.json"
        members = read(clinic)
        marco = next(
            entry["resource"]
            for entry in members["entry"]
            if entry["resource"].get("id")
            == "13000001-0000-4000-8000-000000000006"
            and entry["resource"]["resourceType"] == "ProjectMembership"
        )
        marco["access"][0]["parameter"][0]["valueReference"]["reference"] = (
            "Organization/11000002-0000-4000-8000-000000000001"
        )
        write(self.proposed / "marco.json", marco)
        admin = read(self.source / "policies/role-admin.json")

        code, changes = self.simulate(
            "--proposed", self.proposed / "nurse.json",
            "--proposed", self.proposed / "marco.json",
            "--delete", f"AccessPolicy/{admin['id']}",
        )  # fmt: skip
        self.assertEqual(code, 3)
        outcomes = {change["outcome"] for change in changes.values()}
        self.assertEqual(
            outcomes, {"SIMULATED_OUTCOME_LOST", "SIMULATED_OUTCOME_GAINED"}
        )

        before = self.answers()
        write(self.source / "policies/role-nurse.json", nurse)
        write(clinic, members)
        (self.source / "policies/role-admin.json").unlink()
        self.assertEqual(self.pdpctl("resync").returncode, 0)
        after = self.answers()
        self.assertEqual(
            {case for case in before if before[case] != after[case]},
            set(changes),
        )

    def test_what_was_decided_would_be_decided_otherwise(self):
        nurse = "ProjectMembership/13000001-0000-4000-8000-000000000007"
        patient = "Patient/20000001-0000-4000-8000-000000000002"
        letter = "DocumentReference/40000001-0000-4000-8000-000000000003"
        for resource in (patient, patient, letter):
            self.pdpctl("check", "--subject", nurse, "--interaction", "read",
                        "--resource", resource)
        policy = read(self.source / "policies/role-nurse.json")
        policy["resource"] = [{"resourceType": "DocumentReference"}]
        write(self.proposed / "nurse.json", policy)
        run = self.pdpctl(
            "simulate", "--recorded", self.data / "audit", "--output", "json",
            "--proposed", self.proposed / "nurse.json",
        )  # fmt: skip
        self.assertEqual(run.returncode, 3, run.stderr)
        changes = {
            row["what"]: (row["simulated"]["outcome"], row["id"])
            for row in map(json.loads, run.stdout.splitlines())
        }
        self.assertEqual(set(changes), {f"read {patient}", f"read {letter}"})
        outcome, name = changes[f"read {patient}"]
        self.assertEqual(outcome, "SIMULATED_OUTCOME_LOST")
        self.assertRegex(name, "^[0-9a-f-]{36} and 1 more$")
        self.assertEqual(changes[f"read {letter}"][0],
                         "SIMULATED_OUTCOME_GAINED")
        self.assertIn("2 checks: 2 would change", run.stderr)
        self.assertIn("They are of 3 recorded decisions", run.stderr)
        self.assertIn("attributes of now", run.stderr)

    def test_a_proposal_that_is_none_is_refused(self):
        write(self.proposed / "patient.json", {"resourceType": "Patient"})
        run = self.pdpctl(
            "simulate", "--checks", MATRIX,
            "--proposed", self.proposed / "patient.json",
        )  # fmt: skip
        self.assertEqual(run.returncode, 1)
        self.assertIn("proposed[0]: ", run.stderr)


if __name__ == "__main__":
    unittest.main()
