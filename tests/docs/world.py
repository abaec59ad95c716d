"""Where the commands of the pages run: a directory that looks like the root of
this repository, the programs of bin/ in the PATH, a service `medplum-pdp` that
serves the sample clinic, and a fake Medplum server."""

import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from pages import ROOT

BIN = pathlib.Path(os.environ.get("PDP_BIN", ROOT / "build/bin"))
PROGRAMS = ROOT / "tests/docs/bin"
sys.path.insert(0, str(ROOT / "tests/medplum"))

from fake_client import FakeMedplum  # noqa: E402

CLINIC = ROOT / "docs/security/access-policies"
PATIENT_MEMBER = "ProjectMembership/13000001-0000-4000-8000-000000000020"
PATIENT = "Patient/20000001-0000-4000-8000-000000000001"

# What the pages call the directories of an installation.
PLACES = {"/etc/medplum-pdp": "etc", "/var/lib/medplum-pdp": "var",
          "/run/medplum-pdp": "run", "/srv/backup": "backup"}
SECRETS = ("etc/secrets/gateway-token", "etc/tls/tls.crt", "etc/tls/tls.key")


class World:
    def __init__(self):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="pdp-docs-"))
        self.work = self.place / "work"
        for directory in ("out", "work/build", *PLACES.values()):
            (self.place / directory).mkdir(parents=True)
        for part in ("docs", "tests", "proto", "helm", "clients", "Makefile"):
            (self.work / part).symlink_to(ROOT / part)
        (self.work / "build/bin").symlink_to(PROGRAMS)
        self._fake = None
        self.environment = {
            **os.environ, "HOME": str(self.place), "PDP_BIN": str(BIN),
            "PDP_PLACE": str(self.place),
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}

    def close(self):
        self.end_of_page()
        self.must("systemctl stop medplum-pdp")
        if self._fake is not None:
            self._fake.close()
        shutil.rmtree(self.place)

    def start(self):
        """Serves the sample clinic, with a signed audit log in which there are
        records."""
        self.must("openssl genpkey -algorithm ed25519 -out etc/audit-key.pem",
                  cwd=self.place)
        (self.place / "etc/pdpd.yaml").write_text(f"""\
source: directory:{CLINIC}
data-dir: {self.place}/var/data
shadow: true
audit: {{signing-key-file: {self.place}/etc/audit-key.pem}}
callers:
  - {{name: local, from: loopback, permissions: [all], subjects: any,
     resources: inline}}
  - {{name: gateway, token-file: {self.place}/etc/secrets/gateway-token,
     permissions: [check, filter], subjects: token}}
""")
        for secret in SECRETS:
            file = self.place / secret
            file.parent.mkdir(exist_ok=True)
            file.write_text("0" * 64 + "\n")
        self.must("systemctl start medplum-pdp")
        self._decide()

    def _decide(self):
        self.must(f"pdpctl check --subject {PATIENT_MEMBER} --interaction read "
                  f"--resource {PATIENT}")

    def end_of_page(self):
        """Ends what was served in another terminal, and has the service run."""
        self.must("ctrl-c")
        if not (self.place / "service.json").exists():
            self.must("systemctl start medplum-pdp")

    def run(self, script, cwd=None, timeout=300):
        return subprocess.run(
            ["bash", "-c", script], cwd=cwd or self.work, timeout=timeout,
            env=self.environment, stdin=subprocess.DEVNULL, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def must(self, script, **options):
        done = self.run(script, **options)
        assert done.returncode == 0, (script, done.stdout)
        return done.stdout

    def _put(self, resource):
        return self._fake.put(project=self.project,
                              resource=resource)["reference"]

    def _policy(self, type_, **entry):
        return self._put({
            "resourceType": "AccessPolicy", "name": type_, "resource": [
                {"resourceType": type_, "interaction": ["read", "search"],
                 **entry}]})

    def _member(self, policy):
        return self._put({
            "resourceType": "ProjectMembership",
            "project": {"reference": f"Project/{self.project}"},
            "user": {"reference": "User/u"},
            "profile": {"reference": "Practitioner/p"},
            "accessPolicy": {"reference": policy}})

    # What placeholders stand for.

    @property
    def audit(self):
        return self.place / "var/data/audit"

    @functools.cached_property
    def segment(self):
        """One that is closed, of a server that has ended."""
        self.must("systemctl restart medplum-pdp")
        for file in sorted(self.audit.glob("*.jsonl")):
            lines = file.read_text().splitlines()
            if any('"kind":"decision"' in line for line in lines):
                return file
        raise AssertionError("no segment has a decision")

    def line_of(self, *kinds):
        """The number of the first line of these kinds in the segment."""
        lines = self.segment.read_text().splitlines()
        return next(i for i, line in enumerate(lines, 1)
                    if any(f'"kind":"{kind}"' in line for kind in kinds))

    @property
    def decision(self):
        """The id of a decision of the service."""
        self._decide()
        out = self.must("pdpctl audit query " + str(self.audit) +
                        " --kind decision --output json")
        return json.loads(out.splitlines()[0])["decision_id"]

    @property
    def fake(self):
        """A Medplum server with a project, a patient and a member; a login of
        the decision point whose secret is in etc/secret, and an administrator's
        in admin-secret."""
        if self._fake is None:
            self._fake = FakeMedplum(answer_seconds=0)
            self._fill(self._fake)
        return self._fake

    def _fill(self, fake):
        self.project = fake.add_project(name="Clinic")
        self.login = fake.add_login(project=self.project)
        self.admin = fake.add_login(project=self.project, watched=False,
                                    policy=[{"resourceType": "*"}])
        self.token = fake.api(self.admin).token
        self.patient = self._put({"resourceType": "Patient",
                                  "name": [{"text": "Ada"}]})
        self.member = self._member(self._policy("Patient"))
        self.stranger = self._member(self._policy("Device"))
        self.emergency = self._policy(
            "Patient", criteria="Patient?_id=%patient.id")
        (self.place / "etc/secret").write_text(self.login["secret"])
        (self.work / "admin-secret").write_text(self.admin["secret"])
        (self.work / "pdpd.yaml").write_text(f"""\
source: medplum
data-dir: {self.place}/followed
medplum:
  base-url: {fake.base_url}
  login:
    - {{project: {self.project}, client-id: {self.login['client']},
       client-secret-file: {self.place}/etc/secret}}
callers:
  - {{name: local, from: loopback, permissions: [all], subjects: any}}
""")
