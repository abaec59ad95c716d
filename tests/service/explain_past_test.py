#!/usr/bin/env python3
"""`pdpctl explain` about the past: at a time, and of a recorded decision."""

import datetime
import json
import subprocess
import time
import unittest

from audit_support import (AuditTest, BIN, LONG, MEMBER, PATIENT,
                           check_request, types)

PERMITTED = types.EFFECT_PERMIT
DENIED = types.EFFECT_DENY


class ExplainPastTest(AuditTest):
    def setUp(self):
        super().setUp()
        self.write_clinic()
        self.server = self.start()

    def explain(self, *arguments):
        done = subprocess.run(
            [str(BIN / "pdpctl"), "explain", "--target", self.server.address,
             "--output", "json", *arguments],
            capture_output=True, text=True, timeout=LONG)
        return done, json.loads(done.stdout) if done.stdout else {}

    def explain_read(self, *arguments):
        done, answer = self.explain(
            "--subject", MEMBER, "--interaction", "read",
            "--resource", "Patient/" + PATIENT, *arguments)
        self.assertTrue(answer, done.stderr)
        return answer

    def check(self):
        return self.server.stub.Check(check_request(), timeout=LONG).decision

    def take_the_patients_away(self):
        path = self.directory / "source/AccessPolicy.json"
        policy = json.loads(path.read_text())
        policy["meta"]["versionId"] = "2"
        policy["resource"] = [{"resourceType": "Observation"}]
        path.write_text(json.dumps(policy))
        deadline = time.monotonic() + LONG
        while self.check().effect == PERMITTED:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_the_answers_of_then_and_of_now(self):
        permitted = self.check()
        self.assertEqual(PERMITTED, permitted.effect)
        then = datetime.datetime.now(datetime.timezone.utc)
        self.take_the_patients_away()
        denied = self.check()
        self.assertEqual(DENIED, denied.effect)

        now = self.explain_read()
        self.assertEqual("EFFECT_DENY", now["decision"]["effect"])
        past = self.explain_read(
            "--as-of", then.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        self.assertEqual("EFFECT_PERMIT", past["decision"]["effect"])
        self.assertLess(int(past["decision"]["revision"]),
                        int(now["decision"]["revision"]))

        for decision, effect in ((permitted, "EFFECT_PERMIT"),
                                 (denied, "EFFECT_DENY")):
            with self.subTest(effect):
                done, again = self.explain("--decision", decision.decision_id)
                self.assertTrue(again, done.stderr)
                self.assertEqual(effect, again["decision"]["effect"])
                self.assertEqual(str(decision.revision),
                                 again["decision"]["revision"])
                self.assertIn(decision.decision_id, done.stdout)

    def test_an_unknown_decision_is_not_found(self):
        done, _ = self.explain("--decision", "01900000-none")
        self.assertNotEqual(0, done.returncode)
        self.assertIn("01900000-none", done.stderr)


if __name__ == "__main__":
    unittest.main()
