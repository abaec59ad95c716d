#!/usr/bin/env python3
"""The first load of a Medplum server, and how it goes on after a restart."""

import pathlib
import subprocess
import unittest

from harness import BIN, LONG, PERMIT, RARE_SWEEPS, EndToEndTest, wait_until


class BootstrapTest(EndToEndTest):
    def test_decides_as_the_server_does_from_the_first_answer_on(self):
        clinic = self.clinic()
        inactive = clinic.add_member(active=False)
        deleted = clinic.add_member()
        self.fake.delete(reference=deleted)
        dangling = clinic.add_member(policy="AccessPolicy/never")
        gone = clinic.fake.put(project=clinic.id, resource={
            "resourceType": "AccessPolicy", "resource": []})["reference"]
        gone_policy = clinic.add_member(policy=gone)
        self.fake.delete(reference=gone)
        pdp = self.pdp(clinic)
        for member, answers in (
                (clinic.member, {PERMIT}),
                (inactive, {"SUBJECT_INACTIVE"}),
                (deleted, {"SUBJECT_UNKNOWN", "SUBJECT_INACTIVE",
                           "SUBJECT_INCOMPLETE"}),
                (dangling, {"POLICY_UNAVAILABLE"}),
                (gone_policy, {"POLICY_UNAVAILABLE"}),
                ("ProjectMembership/never", {"SUBJECT_UNKNOWN"})):
            with self.subTest(member=member, answers=answers):
                self.assertIn(pdp.ask(member), answers)

    def test_is_not_ready_before_all_is_loaded(self):
        clinic = self.clinic()
        for type_ in ("AccessPolicy", "ProjectMembership"):
            with self.subTest(type_):
                hold = self.fake.fault(kind="status", status=503, times=0,
                                       path=f"/{type_}[?]")
                pdp = self.pdp(clinic, wait=False)
                wait_until(lambda h=hold: self.fake.fault_hits(id=h) > 1)
                self.assertIsNone(pdp.ready)
                self.fake.clear_faults()
                pdp.wait_ready()
                self.assertEqual(PERMIT, pdp.ask(clinic.member))
                self.assertEqual(200, pdp.http("/readyz")[0])

    def test_a_load_that_was_killed_goes_on_where_it_was(self):
        clinic = self.clinic()
        self.fake.generate(project=clinic.id, memberships=30000, policies=50)
        # All but the last pages, slowly enough to be killed in between.
        self.fake.fault(kind="status", status=503, times=0, skip=20,
                        path="/ProjectMembership[?]")
        pdp = self.pdp(clinic, wait=False)
        wait_until(lambda: len(self.pages()) > 20)
        pdp.kill()
        first = len(self.pages())
        self.fake.clear_faults()
        pdp.start()
        # The first of the pages is the one that was not had.
        again = next(path for path in self.pages()[first:]
                     if "_deleted" not in path)
        self.assertIn("_lastUpdated=ge", again)
        last = f"ProjectMembership/bbbb0000-0000-4000-8000-{29999:012x}"
        middle = f"ProjectMembership/bbbb0000-0000-4000-8000-{15000:012x}"
        for member in (last, middle):
            pdp.projects[member] = clinic.id
            self.assertEqual("RESOURCE_NOT_GRANTED", pdp.ask(member))
        self.assertEqual(30002, pdp.status().store.memberships)

    def pages(self):
        return [path for _, _, path, _, status in self.fake.requests()
                if path.startswith("/fhir/R4/ProjectMembership?")]

    def test_after_a_restart_nothing_old_is_answered(self):
        clinic = self.clinic(members=2)
        pdp = self.pdp(clinic)
        self.assertEqual(PERMIT, pdp.ask(clinic.member))
        self.assertEqual(0, pdp.stop())
        clinic.grant(False)
        self.fake.delete(reference=clinic.members[1])
        pdp.start()
        self.assertEqual("INTERACTION_NOT_GRANTED", pdp.ask(clinic.member))
        self.assertNotEqual(PERMIT, pdp.ask(clinic.members[1]))

    def test_while_the_server_is_away_a_restart_answers_nothing(self):
        clinic = self.clinic()
        pdp = self.pdp(clinic)
        self.assertEqual(0, pdp.stop())
        clinic.grant(False)
        self.fake.down()
        pdp.start(wait=False)
        # It may serve, to say so; it never answers from the old state.
        wait_until(lambda: pdp.log_has('"event":"started"') or
                   pdp._ready_line.wait(2), limit=10)
        if pdp.ready:
            pdp.wait_ready()
            self.assertEqual("STALE", pdp.ask(clinic.member))
        self.fake.up()
        pdp.wait_ready()
        self.comes("INTERACTION_NOT_GRANTED", pdp, clinic.member)

    def test_several_projects_have_their_own_logins(self):
        clinics = [self.clinic() for _ in range(3)]
        pdp = self.pdp(*clinics)
        clinics[1].grant(False)
        self.comes("INTERACTION_NOT_GRANTED", pdp, clinics[1].member)
        self.assertEqual(PERMIT, pdp.ask(clinics[0].member))
        self.assertEqual(PERMIT, pdp.ask(clinics[2].member))

    def test_one_super_admin_has_all_projects(self):
        main = self.fake.add_project(superAdmin=True)
        root = self.fake.add_login(project=main)
        clinics = [self.clinic() for _ in range(2)]
        pdp = self.pdp(super_login=root, medplum={"notifications": "none"})
        for clinic in clinics:
            self.assertEqual(PERMIT, pdp.ask(clinic.member))
        late = self.clinic()
        self.comes(PERMIT, pdp, late.member)
        clinics[0].grant(False)
        self.comes("INTERACTION_NOT_GRANTED", pdp, clinics[0].member)

    def test_a_policy_of_a_linked_project_is_used(self):
        shared = self.clinic(name="Shared")
        clinic = self.clinic(link=[
            {"project": {"reference": f"Project/{shared.id}"}}])
        member = clinic.add_member(policy=shared.policy)
        pdp = self.pdp(clinic)
        self.assertEqual(PERMIT, pdp.ask(member))
        shared.grant(False)
        self.comes("INTERACTION_NOT_GRANTED", pdp, member)

    def test_a_policy_that_the_login_cannot_read_denies(self):
        other = self.clinic()
        clinic = self.clinic()
        member = clinic.add_member(policy=other.policy)
        pdp = self.pdp(clinic)
        self.assertEqual("POLICY_UNAVAILABLE", pdp.ask(member))
        self.assertEqual(PERMIT, pdp.ask(clinic.member))

    def test_what_setup_makes_is_all_that_is_needed(self):
        clinic = self.clinic()
        admin = self.fake.add_login(project=clinic.id, policy=[],
                                    watched=False)
        admin_secret = pathlib.Path(self.directory) / "admin-secret"
        admin_secret.write_text(admin["secret"])
        secret = pathlib.Path(self.directory) / "secret"
        result = subprocess.run(
            [str(BIN / "pdpctl"), "setup", "medplum", "--base-url",
             self.fake.base_url, "--project", clinic.id, "--create",
             "--admin-client-id", admin["client"],
             "--admin-client-secret-file", str(admin_secret),
             "--secret-file", str(secret)],
            capture_output=True, text=True, timeout=LONG, check=False)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        made = secret.read_text().strip()
        client, = (c for c in self.fake.living(type_="ClientApplication")
                   if c["secret"] == made)
        clinic.login = {"client": client["id"], "secret": made}
        pdp = self.connected(clinic, **RARE_SWEEPS)
        clinic.grant(False)
        self.comes("INTERACTION_NOT_GRANTED", pdp, clinic.member)

    def test_a_login_may_prove_itself_by_a_key(self):
        key = f"{self.directory}/key.pem"
        run = lambda *command: subprocess.run(
            ["openssl", *command], check=True, capture_output=True, text=True)
        run("ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", key)
        public = run("ec", "-in", key, "-pubout").stdout
        clinic = self.clinic(login={"public_key": public, "key_id": "k1"})
        pdp = self.pdp(clinic, medplum={"login": [{
            "project": clinic.id, "client-id": clinic.login["client"],
            "private-key-file": key, "key-id": "k1"}]})
        self.assertEqual(PERMIT, pdp.ask(clinic.member))


if __name__ == "__main__":
    unittest.main()
