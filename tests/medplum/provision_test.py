#!/usr/bin/env python3
"""`pdpctl provision` against a fake Medplum server, with a decision point that
follows it where access is to be proved.  The file is the sample of
clients/pdpctl/provision/sample, with the server's address in it."""

import fcntl
import json
import pathlib
import re
import shutil
import subprocess
import unittest

from harness import BIN, LONG, ROOT, EndToEndTest, wait_until

SAMPLE = ROOT / "clients/pdpctl/provision/sample"
SYSTEM = "https://clinics.example.com/provisioning"
PROJECTS = {"stage": "10000000-0000-4000-8000-000000000001",
            "prod": "10000000-0000-4000-8000-000000000002"}
MEMBERS = 8


PAGE = ROOT / "docs/provisioning.md"


class ProvisionTest(EndToEndTest):
    fake_settings = {"answer_seconds": 0}

    def setUp(self):
        super().setUp()
        self.place = pathlib.Path(self.directory) / "a/b/c/d/sample"
        shutil.copytree(SAMPLE, self.place)
        policies = ROOT / "docs/security/access-policies/policies"
        shutil.copytree(policies, pathlib.Path(self.directory) /
                        "a/docs/security/access-policies/policies")
        (self.place / "secrets").mkdir()
        self.file = self.place / "clinics.yaml"
        text = self.file.read_text()
        self.admins = {}
        for name, project in PROJECTS.items():
            self.fake.add_project(id=project, name=name)
            login = self.fake.add_login(
                project=project, policy=[{"resourceType": "*"}], watched=False)
            self.admins[name] = login
            (self.place / "secrets" / name).write_text(login["secret"] + "\n")
            number = project[-1]
            text = text.replace(f"20000000-0000-4000-8000-00000000000{number}",
                                login["client"])
        text = re.sub(r"base-url: .*", f"base-url: {self.fake.base_url}", text)
        self.file.write_text(text)

    def provision(self, *arguments, code=0, env="stage", organization=None):
        """Its standard output."""
        command = [str(BIN / "pdpctl"), "provision", *arguments]
        if env:
            command += ["--env", env]
        command.append(str(self.file))
        if organization:
            command.append(organization)
        run = subprocess.run(command, capture_output=True,
                             text=True, timeout=LONG, check=False)
        self.assertEqual(code, run.returncode, run.stdout + run.stderr)
        self.errors = run.stderr
        for admin in self.admins.values():
            self.assertNotIn(admin["secret"], run.stdout + run.stderr)
        return run.stdout

    def apply(self, *arguments, **options):
        return self.provision("apply", "--yes", *arguments, **options)

    def steps(self, command="plan", env="stage", **options):
        """(action, kind, name) of every step that is not unchanged."""
        out = self.provision(command, "--output", "json", env=env, **options)
        return [(step["action"], step["kind"], step.get("name"))
                for line in out.splitlines() for step in
                json.loads(line)["steps"] if step["action"] != "unchanged"]

    def edit(self, old, new):
        text = self.file.read_text()
        self.assertIn(old, text)
        self.file.write_text(text.replace(old, new, 1))

    def made(self, type_, env="stage"):
        return [r for r in self.fake.living(type_=type_)
                if r["meta"].get("project") == PROJECTS[env] and
                SYSTEM in json.dumps(r)]

    def member(self, name, env="stage"):
        [found] = [m for m in self.made("ProjectMembership", env)
                   if m["identifier"] == [{"system": SYSTEM,
                                           "value": f"member/{name}"}]]
        return found

    def versions(self):
        return {r["id"]: r["meta"]["versionId"]
                for type_ in ("AccessPolicy", "Organization", "User",
                              "ProjectMembership", "ClientApplication", "Bot",
                              "Practitioner", "Patient", "RelatedPerson")
                for r in self.fake.living(type_=type_)}

    def decision_point(self):
        """One that follows the stage project, and may read what it needs."""
        login = self.fake.add_login(project=PROJECTS["stage"])

        class Stage:
            id = PROJECTS["stage"]
        Stage.login = login
        return self.connected(Stage)

    # What is wanted, and what there is.

    def test_a_plan_changes_nothing(self):
        before = self.versions()
        out = self.provision("plan")
        self.assertIn("create    AccessPolicy nurse", out)
        self.assertIn("create    Organization north", out)
        self.assertIn("create    invite bob  ADDS ACCESS", out)
        self.assertIn("+ access: @role/nurse with organization = "
                      "@organization/south", out)
        self.assertEqual(before, self.versions())
        self.assertIn("nothing was done; --yes does it",
                      self.provision("apply"))
        self.assertEqual(before, self.versions())

    def test_apply_makes_all_of_it_and_then_nothing(self):
        self.apply()
        members = self.made("ProjectMembership")
        self.assertEqual(MEMBERS, len(members))
        for member in members:
            self.assertTrue(member["access"])
        north, south = (next(o["id"] for o in self.made("Organization")
                             if o["name"] == name)
                        for name in ("North Clinic", "South Clinic"))
        self.assertEqual(
            [[f"Organization/{north}"], [f"Organization/{south}"]],
            [[p["valueReference"]["reference"] for p in item["parameter"]]
             for item in self.member("bob")["access"]])
        carol = [self.member("carol@north"), self.member("carol@south")]
        self.assertEqual(carol[0]["user"], carol[1]["user"])
        self.assertEqual(carol[0]["profile"], carol[1]["profile"])
        dora = self.member("dora")
        self.assertEqual(
            self.member("dan")["profile"]["reference"],
            dora["access"][0]["parameter"][0]["valueReference"]["reference"])
        [client] = self.made("ClientApplication")
        secret = (self.place / "secrets/stage.lab").read_text().strip()
        self.assertEqual(client["secret"], secret)
        self.fake.api({"client": client["id"], "secret": secret})

        before = self.versions()
        self.assertIn("nothing is to be done", self.apply())
        self.assertEqual(before, self.versions())
        self.assertEqual([], self.steps("drift"))

    def test_the_record_says_what_was_done(self):
        self.apply("--record", str(self.place / "record"))
        lines = [json.loads(line) for line in
                 (self.place / "record").read_text().splitlines()]
        done = [line for line in lines if line["event"] == "done"]
        self.assertEqual(len(lines), 2 * len(done))
        for line in done:
            self.assertEqual("stage", line["environment"])
            self.assertEqual("ClientApplication/" +
                             self.admins["stage"]["client"], line["by"])
            version = self.fake.read(reference=line["made"])["meta"]
            self.assertEqual(version["versionId"], line["after"])
        self.assertNotIn((self.place / "secrets/stage.lab").read_text(),
                         (self.place / "record").read_text())

    def test_what_is_killed_midway_is_resumed_and_doubles_nothing(self):
        # The answer of each write is lost in turn, as by a kill after it.
        for path in ("AccessPolicy", "Organization", "/invite",
                     "ClientApplication", "Bot", "ProjectMembership"):
            self.fake.fault(kind="close", method="POST", path=path, skip=1
                            if path == "/invite" else 0)
        runs = 0
        while True:
            runs += 1
            self.assertLess(runs, 12)
            command = [str(BIN / "pdpctl"), "provision", "apply", "--yes",
                       "--env", "stage", str(self.file)]
            if subprocess.run(command, capture_output=True, timeout=LONG,
                              check=False).returncode == 0:
                break
        self.assertGreater(runs, 1)
        self.assertEqual(MEMBERS, len(self.made("ProjectMembership")))
        self.assertEqual(4, len(self.made("AccessPolicy")))
        self.assertEqual(2, len(self.made("Organization")))
        self.assertEqual(1, len(self.made("ClientApplication")))
        self.assertEqual(1, len(self.made("Bot")))
        self.assertEqual([], self.steps("drift"))

    def test_a_killed_process_leaves_what_the_next_one_finishes(self):
        fault = self.fake.fault(kind="delay", method="POST", path="/invite",
                                skip=2, seconds=LONG)
        process = subprocess.Popen(
            [str(BIN / "pdpctl"), "provision", "apply", "--yes", "--env",
             "stage", str(self.file)], stdout=subprocess.DEVNULL)
        wait_until(lambda: self.fake.fault_hits(id=fault))
        process.kill()
        process.wait()
        self.fake.clear_faults()
        self.apply()
        self.assertEqual(MEMBERS, len(self.made("ProjectMembership")))
        self.assertEqual([], self.steps("drift"))

    def test_drift_is_found_and_mended(self):
        self.apply()
        [nurse] = [p for p in self.made("AccessPolicy")
                   if p["name"] == "NursePolicy"]
        alice = self.member("alice")
        self.fake.change(reference=f"AccessPolicy/{nurse['id']}",
                         values={"resource": [{"resourceType": "*"}]})
        self.fake.change(reference=f"ProjectMembership/{alice['id']}",
                         values={"admin": True})
        self.assertEqual([("update", "AccessPolicy", "nurse"),
                          ("update", "ProjectMembership", "alice")],
                         self.steps("drift", code=3))
        out = self.provision("drift", code=3)
        self.assertIn('- resource: {"resourceType":"*"}', out)
        self.assertIn("- admin", out)
        self.apply()
        self.assertEqual([], self.steps("drift"))

    def test_access_that_is_added_is_marked_and_that_taken_is_not(self):
        self.apply()
        self.edit("      - {role: nurse, organization: north}\n"
                  "      - {role: nurse, organization: south}\n",
                  "      - {role: nurse, organization: south}\n")
        # The policy hides and constrains: without it another may decide.
        self.assertRegex(self.provision("plan"),
                         r"update +ProjectMembership bob .* ADDS ACCESS")
        self.edit("interaction: [create, read, search]",
                  "interaction: [create, read, search, delete]")
        out = self.provision("plan")
        self.assertRegex(out, r"update +AccessPolicy importer .* ADDS ACCESS")

    def test_what_somebody_changes_meanwhile_is_not_overwritten(self):
        self.apply()
        self.edit("title: North Clinic", "title: Northern Clinic")
        [north] = [o for o in self.made("Organization")
                   if o["name"] == "North Clinic"]
        self.fake.fault(kind="run", method="PUT", path="Organization", before=[
            ["change", {"reference": f"Organization/{north['id']}",
                        "values": {"alias": ["theirs"]}}]])
        self.apply(code=1)
        self.assertIn("plan again", self.errors)
        self.apply()
        kept = self.fake.read(reference=f"Organization/{north['id']}")
        self.assertEqual((["theirs"], "Northern Clinic"),
                         (kept["alias"], kept["name"]))

    def test_what_it_did_not_make_is_neither_taken_nor_deleted(self):
        self.fake.put(project=PROJECTS["stage"], resource={
            "resourceType": "AccessPolicy", "name": "Portal",
            "resource": [{"resourceType": "Device"}]})
        self.assertIn(("conflict", "AccessPolicy", "portal"),
                      self.steps(code=1))
        before = self.versions()
        self.apply(code=1)
        self.assertIn("nothing was done", self.errors)
        self.assertEqual(before, self.versions())
        self.edit("    policy: policies/portal.json",
                  "    policy: policies/portal.json\n    adopt: true")
        self.apply()
        self.assertEqual([], self.steps("drift"))

    def test_who_leaves_the_file_is_deleted_with_prune_alone(self):
        self.apply()
        text = self.file.read_text()
        begin, end = text.index("  - name: alice"), text.index("  - name: bob")
        self.file.write_text(text[:begin] + text[end:])
        self.assertEqual([("unmanaged", "ProjectMembership", "alice")],
                         self.steps("drift", code=3))
        self.apply()
        self.assertEqual(MEMBERS, len(self.made("ProjectMembership")))
        self.apply("--prune")
        self.assertEqual(MEMBERS - 1, len(self.made("ProjectMembership")))

    def test_environments_are_compared_by_name(self):
        self.apply()
        self.apply(env="prod")
        out = self.provision("diff", "stage", "prod", env=None)
        self.assertIn("0 of ", out)
        bob = self.member("bob", "prod")
        self.fake.change(reference=f"ProjectMembership/{bob['id']}",
                         values={"access": bob["access"][:1]})
        out = self.provision("diff", "stage", "prod", env=None, code=3)
        self.assertIn("member/bob: - stage, + prod", out)
        self.assertIn("- access: @role/nurse with organization = "
                      "@organization/south", out)

    def test_nothing_is_sent_where_lint_finds_an_error(self):
        self.edit("criteria: Patient?_id=%patient.id",
                  "criteria: Person?_id=%patient.id")
        line = 1 + self.file.read_text().splitlines().index(
            "  - name: relative")
        before = self.fake.counts()
        self.apply(code=1)
        self.assertIn(f"error: {self.file}:{line}:5: role `relative`: ",
                      self.errors)
        self.assertIn("[criteria-prefix]", self.errors)
        self.assertEqual(before, self.fake.counts())

    def test_two_runs_do_not_mix(self):
        record = self.place / "record"
        with record.open("w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.apply("--record", str(record), code=1)
        self.assertIn("another pdpctl is writing", self.errors)
        self.assertEqual([], self.made("AccessPolicy"))

    def test_only_an_administrator_of_the_project_provisions(self):
        login = self.admins["stage"]
        self.fake.change(reference=login["membership"],
                         values={"admin": False})
        self.provision("plan", code=1)
        self.assertIn("is no admin of Project/", self.errors)

    def test_a_member_that_somebody_made_can_be_adopted(self):
        login = self.admins["stage"]
        made = self.fake.put(project=PROJECTS["stage"], resource={
            "resourceType": "ProjectMembership", "active": False,
            "project": {"reference": f"Project/{PROJECTS['stage']}"},
            "user": {"reference": "User/1", "display": "alice@example.com"},
            "profile": {"reference": "Practitioner/1"},
            "access": [{"policy": {"reference": login["policy"]}}]})
        self.assertIn(("conflict", "ProjectMembership", "alice"),
                      self.steps(code=1))
        self.edit("    family: Archer", "    family: Archer\n    adopt: true")
        self.apply()
        alice = self.member("alice")
        self.assertEqual(made["id"], alice["id"])
        self.assertNotIn("active", alice)
        # What it had stays until it is pruned.
        self.assertEqual(2, len(alice["access"]))
        self.assertEqual([("unmanaged", "ProjectMembership", "alice")],
                         self.steps("drift", code=3))
        self.apply("--prune")
        self.assertEqual(1, len(self.member("alice")["access"]))
        self.assertEqual([], self.steps("drift"))

    def test_a_project_for_each_organization(self):
        projects = "\n".join(
            f"      {name}: {{project: {PROJECTS[env]}, "
            f"client-id: {self.admins[env]['client']}, "
            f"client-secret-file: secrets/{env}}}"
            for name, env in (("north", "stage"), ("south", "prod")))
        self.file.write_text(f"""tenancy: project_per_organization
identifier-system: {SYSTEM}
environments:
  stage:
    base-url: {self.fake.base_url}
    projects:
{projects}
organizations:
  - name: north
  - name: south
roles:
  - name: clerk
    policy: {{name: Clerk, resource: [{{resourceType: Schedule}}]}}
people:
  - name: bob
    type: Practitioner
    given: Bob
    family: Baker
    email: bob@example.com
    access:
      - {{role: clerk, organization: north}}
      - {{role: clerk, organization: south}}
""")
        self.apply()
        for env in PROJECTS:
            [policy] = self.made("AccessPolicy", env)
            self.assertEqual(
                [{"policy": {"reference": f"AccessPolicy/{policy['id']}"}}],
                self.member("bob", env)["access"])
        self.assertEqual([], self.steps("drift"))
        self.provision("suspend", "--yes", organization="north")
        self.assertIs(False, self.member("bob")["active"])
        self.assertNotIn("active", self.member("bob", "prod"))
        # Whoever runs the project goes on.
        self.assertNotIn("active", self.fake.read(
            reference=self.admins["stage"]["membership"]))

    # Whose resources are.

    def patient(self, *accounts, **elements):
        meta = {"accounts": [{"reference": a} for a in accounts]}
        return self.fake.put(project=PROJECTS["stage"], resource={
            "resourceType": "Patient", "meta": meta, **elements})["reference"]

    def observation(self, patient, *accounts):
        return self.fake.put(project=PROJECTS["stage"], resource={
            "resourceType": "Observation", "status": "final",
            "code": {"text": "x"}, "subject": {"reference": patient},
            "meta": {"accounts": [{"reference": a} for a in accounts]},
        })["reference"]

    def accounts(self, reference):
        meta = self.fake.read(reference=reference)["meta"]
        return [a["reference"] for a in meta.get("accounts", [])]

    def test_resources_are_given_the_organization_they_belong_to(self):
        self.apply()
        north, south = (f"Organization/{o['id']}" for name in ("North", "South")
                        for o in self.made("Organization")
                        if o["name"].startswith(name))
        well = self.patient(north)
        managed = self.patient(managingOrganization={"reference": south},
                               name=[{"family": "Managed"}])
        lost = self.patient(name=[{"family": "Lost"}])
        of_well = self.observation(well, south)
        of_managed = self.observation(managed)
        dan = self.member("dan")["profile"]["reference"]

        out = self.provision("tenants", "coverage", code=3)
        for line in (f"none     {managed}: of nobody; belongs to "
                     "@organization/south",
                     f"none     {lost}: of nobody", f"none     {dan}: ",
                     f"other    {of_well}: of @organization/south; belongs to "
                     "@organization/north",
                     "5 of 6 are not of one organization"):
            self.assertIn(line, out)
        before = self.fake.read(reference=of_well)
        out = self.provision("tenants", "assign")
        self.assertIn("nothing was done; --yes does it", out)
        self.assertIn(f"update    {of_well}  ADDS ACCESS", out)
        self.assertEqual(before, self.fake.read(reference=of_well))

        self.provision("tenants", "assign", "--yes")
        self.assertEqual([[north], [south], [south], []],
                         [self.accounts(r) for r in
                          (of_well, managed, of_managed, lost)])
        self.provision("tenants", "assign", "--organization", "north",
                       "--query", "Patient?name=lost", "--yes")
        self.assertEqual([[north], []],
                         [self.accounts(r) for r in (lost, dan)])
        self.assertIn("1 of 6 are", self.provision("tenants", "coverage",
                                                   code=3))

    def test_a_resource_that_changes_meanwhile_is_not_assigned(self):
        self.apply()
        [south] = [f"Organization/{o['id']}" for o in self.made("Organization")
                   if o["name"].startswith("South")]
        patient = self.patient(managingOrganization={"reference": south})
        self.fake.fault(kind="run", path="fhir/R4/Patient/", before=[
            ["change", {"reference": patient, "values": {"active": True}}]])
        self.provision("tenants", "assign", "--yes", code=1)
        self.assertIn("plan again", self.errors)
        self.assertEqual([], self.accounts(patient))

    def test_every_command_of_the_page_works(self):
        pdp = self.decision_point()
        self.apply(env="prod")
        commands = [line.split() for line in PAGE.read_text().splitlines()
                    if line.strip().startswith("pdpctl provision ")]
        self.assertGreater(len(commands), 8)
        for command in commands:
            with self.subTest(" ".join(command)):
                command = [{"127.0.0.1:8990": pdp.target,
                            "clinics.yaml": str(self.file)}.get(word, word)
                           for word in command[1:]]
                run = subprocess.run([str(BIN / "pdpctl"), *command],
                                     capture_output=True, text=True,
                                     timeout=LONG, check=False)
                self.assertEqual("", run.stderr)
                # The sample's patient is of no organization.
                self.assertEqual(3 if "coverage" in command else 0,
                                 run.returncode, run.stdout)

    # Organizations come and go.

    def test_suspend_onboard_and_offboard_are_proved_by_check(self):
        pdp = self.decision_point()
        target = ("--target", pdp.target, "--yes")
        out = self.provision("onboard", *target, env="stage",
                             organization="north")
        self.assertIn(f"proved by {pdp.target}, of 4 members", out)
        self.apply()
        before = self.versions()
        self.provision("suspend", organization="north")
        self.assertEqual(before, self.versions())

        out = self.provision("suspend", *target, organization="north")
        self.assertIn("before permitted; after denied", out)
        self.assertIn(f"proved by {pdp.target}, of 4 members", out)
        self.assertIn("write `state: suspended`", out)
        self.assertIs(False, self.member("alice")["active"])
        self.assertTrue(self.member("alice")["access"])
        bob = self.member("bob")
        self.assertEqual(1, len(bob["access"]))
        self.assertNotEqual(False, bob.get("active"))
        self.assertNotEqual(False, self.member("carol@south").get("active"))

        self.edit("    title: North Clinic",
                  "    title: North Clinic\n    state: suspended")
        self.assertEqual([], self.steps("drift"))
        out = self.provision("onboard", *target, organization="north")
        self.assertIn("ADDS ACCESS", out)
        self.assertEqual(2, len(self.member("bob")["access"]))

        out = self.provision("offboard", *target, organization="north")
        self.assertIn(f"proved by {pdp.target}, of 4 members", out)
        names = {m["identifier"][0]["value"]
                 for m in self.made("ProjectMembership")}
        self.assertEqual({"member/bob", "member/carol@south", "member/dan",
                          "member/dora", "member/triage"}, names)
        self.edit("state: suspended", "state: offboarded")
        self.assertEqual([], self.steps("drift"))

    def test_who_keeps_access_is_told_and_fails_the_proof(self):
        pdp = self.decision_point()
        self.apply()
        alice = self.member("alice")
        other = self.fake.put(project=PROJECTS["stage"], resource={
            "resourceType": "ProjectMembership",
            "project": {"reference": f"Project/{PROJECTS['stage']}"},
            "user": {"reference": "User/hand-made"},
            "profile": alice["profile"], "access": alice["access"]})
        wait_until(lambda: not pdp.pdpctl(
            "check", "--subject", other["reference"], "--interaction",
            "search", "--resource", "Patient").returncode)
        out = self.provision("suspend", "--target", pdp.target, "--yes",
                             "--wait", "1", organization="north", code=1)
        self.assertIn("NOT PROVED", out)
        self.assertIn(f"unmanaged {other['reference']}", out)
        self.provision("suspend", "--target", pdp.target, "--yes",
                       "--all-members", organization="north")
        self.assertIs(False, self.fake.read(
            reference=other["reference"])["active"])


if __name__ == "__main__":
    unittest.main()
