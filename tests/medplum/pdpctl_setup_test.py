#!/usr/bin/env python3
"""`pdpctl setup medplum` against a fake Medplum server:

    pdpctl_setup_test.py PDPCTL
"""

import os
import stat
import subprocess
import sys
import tempfile
import unittest

from fake_client import FakeMedplum

PDPCTL = sys.argv.pop(1)
NAME = "Policy decision point"


class SetupTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = FakeMedplum(answer_seconds=0)
        cls.addClassCleanup(cls.fake.close)

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.project = self.fake.add_project()
        self.admin = self.fake.add_login(
            project=self.project, policy=[{"resourceType": "*"}],
            watched=False)
        self.admin_secret = self.write("admin", self.admin["secret"])
        self.secret = self.path("secret")

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def write(self, name, content):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(content)
        return self.path(name)

    def setup_medplum(self, *options):
        run = subprocess.run(
            [PDPCTL, "setup", "medplum", "--base-url", self.fake.base_url,
             "--project", self.project, *options],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertNotIn(self.admin["secret"], run.stdout + run.stderr)
        return run

    def create(self, *options):
        return self.setup_medplum(
            "--create", "--admin-client-id", self.admin["client"],
            "--admin-client-secret-file", self.admin_secret,
            "--secret-file", self.secret, *options)

    def verify(self, login, *options):
        secret = self.write("login", login["secret"])
        return self.setup_medplum(
            "--verify", "--client-id", login["client"],
            "--client-secret-file", secret, *options)

    def made(self, type_):
        return [resource for resource in self.living(type_)
                if resource.get("name") == NAME]

    def membership_of(self, client):
        reference = f"ClientApplication/{client['id']}"
        [membership] = [m for m in self.living("ProjectMembership")
                        if m["profile"]["reference"] == reference]
        return membership

    def living(self, type_):
        return [resource for resource in self.fake.living(type_=type_)
                if resource["meta"].get("project") == self.project]

    def test_create_makes_all_that_is_needed(self):
        run = self.create()
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        self.assertNotIn("MISSING", run.stdout)
        [policy], [client] = self.made("AccessPolicy"), \
            self.made("ClientApplication")
        membership = self.membership_of(client)
        self.assertIs(True, membership["admin"])
        self.assertEqual(f"AccessPolicy/{policy['id']}",
                         membership["accessPolicy"]["reference"])
        with open(self.secret, encoding="ascii") as file:
            self.assertEqual(client["secret"] + "\n", file.read())
        self.assertEqual(0o600, stat.S_IMODE(os.stat(self.secret).st_mode))
        self.assertNotIn(client["secret"], run.stdout + run.stderr)
        self.assertIn(f"client-id: {client['id']}", run.stdout)

    def test_create_again_changes_nothing(self):
        self.assertEqual(0, self.create().returncode)
        before = [self.living(t) for t in
                  ("AccessPolicy", "ClientApplication", "ProjectMembership")]
        run = self.create()
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        self.assertNotIn("made  ", run.stdout)
        self.assertNotIn("changed", run.stdout)
        self.assertEqual(before, [self.living(t) for t in (
            "AccessPolicy", "ClientApplication", "ProjectMembership")])

    def test_create_mends_what_was_taken_away(self):
        self.assertEqual(0, self.create().returncode)
        [policy] = self.made("AccessPolicy")
        self.fake.change(reference=f"AccessPolicy/{policy['id']}",
                         values={"resource": [{"resourceType": "*"}]})
        [client] = self.made("ClientApplication")
        membership = self.membership_of(client)
        self.fake.change(reference=f"ProjectMembership/{membership['id']}",
                         values={"admin": False})
        run = self.create()
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        self.assertEqual(2, run.stdout.count("changed"))

    def test_another_secret_is_not_written_over(self):
        self.write("secret", "precious")
        run = self.create()
        self.assertEqual(1, run.returncode)
        self.assertIn("has another secret", run.stderr)
        with open(self.secret, encoding="ascii") as file:
            self.assertEqual("precious", file.read())

    def test_only_an_admin_of_the_project_creates(self):
        other = self.fake.add_project()
        self.admin = self.fake.add_login(project=other, watched=False,
                                         policy=[{"resourceType": "*"}])
        self.admin_secret = self.write("admin", self.admin["secret"])
        run = self.create()
        self.assertEqual(1, run.returncode)
        self.assertIn("no admin of Project/" + self.project, run.stderr)
        self.assertEqual([], self.made("AccessPolicy"))

    def test_only_a_super_admin_adds_the_feature(self):
        self.fake.change(reference="Project/" + self.project,
                         values={"features": ["bots"]})
        run = self.create()
        self.assertEqual(1, run.returncode)
        self.assertIn(f"MISSING   Project/{self.project} lacks the feature "
                      "`websocket-subscriptions`", run.stdout)
        root = self.fake.add_project(superAdmin=True)
        self.admin = self.fake.add_login(project=root, policy=[],
                                         watched=False)
        self.admin_secret = self.write("admin", self.admin["secret"])
        run = self.create()
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        self.assertEqual(["bots", "websocket-subscriptions"],
                         self.fake.read(reference="Project/" + self.project)
                         ["features"])

    def test_a_super_admin_creates_within_the_project(self):
        root = self.fake.add_project(superAdmin=True)
        self.admin = self.fake.add_login(project=root, policy=[],
                                         watched=False)
        self.admin_secret = self.write("admin", self.admin["secret"])
        run = self.create()
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        [policy] = self.made("AccessPolicy")
        self.assertEqual(self.project, policy["meta"]["project"])

    def test_verify_passes_what_create_made(self):
        # `watched`: the fake server counts any write but a Subscription's.
        login = self.fake.add_login(project=self.project)
        run = self.verify(login)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        self.assertIn("ok        the server is Medplum 5.1.29", run.stdout)
        self.assertIn("ok        a WebSocket Subscription can be made, bound "
                      "and deleted", run.stdout)
        self.assertEqual([], self.fake.violations())

    def test_verify_says_what_is_missing(self):
        login = self.fake.add_login(project=self.project, admin=False,
                                    policy=[{"resourceType": "AccessPolicy"}])
        run = self.verify(login)
        self.assertEqual(1, run.returncode)
        for text in (f"set `admin: true` in {login['membership']}",
                     "add {\"resourceType\":\"Subscription\"}",
                     "Bot cannot be searched: ",
                     "ok        AccessPolicy can be searched",
                     "a Subscription cannot be made"):
            self.assertIn(text, run.stdout)

    def test_verify_with_a_wrong_secret_ends_there(self):
        login = self.fake.add_login(project=self.project)
        login["secret"] = "wrong"
        run = self.verify(login)
        self.assertEqual(1, run.returncode)
        self.assertIn("MISSING   the login is refused", run.stdout)
        self.assertIn("Invalid secret", run.stdout)

    def test_rest_hooks_need_no_feature(self):
        self.fake.change(reference="Project/" + self.project,
                         values={"features": []})
        login = self.fake.add_login(project=self.project)
        run = self.verify(login, "--rest-hook")
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)
        self.assertIn("a rest-hook Subscription can be made and deleted",
                      run.stdout)
        self.assertEqual([], self.living("Subscription"))


if __name__ == "__main__":
    unittest.main()
