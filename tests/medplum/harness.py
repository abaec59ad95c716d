"""A fake Medplum server, a real decision point that follows it, and questions
put to that over gRPC.

    class MyTest(EndToEndTest):
        def test_claim(self):
            clinic = self.clinic()
            pdp = self.pdp(clinic)
            self.assertEqual(PERMIT, pdp.ask(clinic.member))

What is needed from the build is found by the environment: PDP_BIN (pdpd, pdpctl)
and PDP_PYTHON (the generated gRPC stubs).
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = pathlib.Path(os.environ.get("PDP_BIN", ROOT / "build/bin"))
sys.path.insert(0, os.environ.get("PDP_PYTHON", str(ROOT / "build/python")))

import grpc  # noqa: E402
from fake_client import FakeMedplum  # noqa: E402
from medplum.pdp.v1 import admin_pb2  # noqa: E402
from medplum.pdp.v1 import admin_pb2_grpc  # noqa: E402
from medplum.pdp.v1 import decision_pb2  # noqa: E402
from medplum.pdp.v1 import decision_pb2_grpc  # noqa: E402
from medplum.pdp.v1 import types_pb2  # noqa: E402

PERMIT = "PERMIT"
LONG = 30.0  # Seconds that are never reached unless something is wrong.

FOLLOWED_TYPES = ("Project", "ProjectMembership", "AccessPolicy",
                  "UserConfiguration", "ClientApplication", "Bot")
PATIENT_ENTRY = {"resourceType": "Patient"}


def durations(**changes):
    """A configuration whose bounds are a few seconds."""
    return {"stale-after": "2s", "max-staleness": "6s",
            "sweep": {"interval": "500ms", "full-interval": "2s",
                      "overlap": "30s", "max-searches-per-second": 500},
            **changes}


# Sweeps so rare that only notifications can have brought a change.
RARE_SWEEPS = {"stale-after": "4m", "max-staleness": "5m",
               "sweep": {"interval": "2m", "full-interval": "5m"}}


def yaml(value, indent=0):
    """A mapping as YAML: names plain, values as JSON, which is YAML too."""
    lines = []
    for name, element in value.items():
        if isinstance(element, dict):
            lines += [" " * indent + f"{name}:"] + yaml(element, indent + 2)
        elif isinstance(element, list) and element and \
                isinstance(element[0], dict):
            lines.append(" " * indent + f"{name}:")
            for item in element:
                first, *rest = yaml(item, indent + 4)
                lines.append(" " * (indent + 2) + "- " + first.lstrip())
                lines += rest
        elif isinstance(element, list):
            lines.append(" " * indent + f"{name}: {json.dumps(element)}")
        else:
            lines.append(" " * indent + f"{name}: {element}")
    return lines


class Project:
    """A project at the fake server: a policy that lets read Patients, and
    members who have it."""

    def __init__(self, fake, name="Clinic", members=1, login=None, **elements):
        self.fake = fake
        self.id = fake.add_project(name=name, **elements)
        self.login = fake.add_login(project=self.id, **(login or {}))
        self.policy = fake.put(project=self.id, resource={
            "resourceType": "AccessPolicy", "name": "Reader",
            "resource": [PATIENT_ENTRY]})["reference"]
        self.members = [self.add_member() for _ in range(members)]
        self.member = self.members[0] if members else None

    def add_member(self, id=None, policy=None, **elements):
        resource = {
            "resourceType": "ProjectMembership",
            "project": {"reference": f"Project/{self.id}"},
            "user": {"reference": "User/u"},
            "profile": {"reference": "Practitioner/p"},
            "accessPolicy": {"reference": policy or self.policy}, **elements}
        if id:
            resource["id"] = id
        return self.fake.put(resource=resource,
                             project=self.id)["reference"]

    def grant(self, granted=True, policy=None):
        """Edits the policy, and returns what the server then has of it."""
        return self.fake.change(
            reference=policy or self.policy,
            values={"resource": [PATIENT_ENTRY if granted else
                                 {"resourceType": "Device"}]})


class Pdp:
    """A running pdpd.  `projects`: those it has a login of; a login for `all`
    is given as `super_login`."""

    def __init__(self, directory, fake, projects, super_login=None, wait=True,
                 environment=None, medplum=None, **config):
        self.directory = pathlib.Path(directory)
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.channel = None
        self.log = self.directory / "pdpd.log"
        logins = [self._login(p.id, p.login) for p in projects]
        if super_login:
            logins.append(self._login("all", super_login))
        config = {
            "source": "medplum",
            "data-dir": str(self.directory / "data"),
            "listen": ["127.0.0.1:0"],
            "http-listen": "127.0.0.1:0",
            "decision-reuse": "0s",
            "callers": [{"name": "test", "from": "loopback",
                         "permissions": ["all"], "subjects": "any",
                         "resources": "inline"}],
            "threads": 1,
            **durations(),
            **config,
            "medplum": {"base-url": fake.base_url, "login": logins,
                        **(medplum or {})},
        }
        self.config = self.directory / "pdpd.yaml"
        self.config.write_text("\n".join(yaml(config)) + "\n")
        self.start(wait)

    def _login(self, project, login):
        secret = self.directory / f"secret-{project}"
        secret.write_text(login["secret"])
        return {"project": project, "client-id": login["client"],
                "client-secret-file": str(secret)}

    def start(self, wait=True, limit=LONG):
        self.ready = None
        self._ready_line = threading.Event()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(BIN / "pdpd"), "--config", str(self.config)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                env=self.environment)
        threading.Thread(
            target=self._read_ready, daemon=True,
            args=(self.process, self._ready_line)).start()
        if wait:
            self.wait_ready(limit)

    def _read_ready(self, process, ready_line):
        line = process.stdout.readline()
        if line and process is self.process:
            self.ready = json.loads(line)
        ready_line.set()
        process.stdout.read()  # Until the end, so that it is never full.
        process.stdout.close()

    def wait_ready(self, limit=LONG):
        if not self._ready_line.wait(limit) or self.ready is None:
            raise AssertionError("pdpd is not ready:\n" + self.log_tail())
        self.target = self.ready["grpc"][0]
        self.channel = grpc.insecure_channel(self.target)
        self.stub = decision_pb2_grpc.PolicyDecisionPointStub(self.channel)
        self.admin = admin_pb2_grpc.PdpAdminStub(self.channel)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._close_channel()

    def stop(self):
        """Ends it in order; returns its exit code."""
        self._close_channel()  # An idle one would be waited for.
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(LONG)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGABRT)
                self.process.wait()
        return self.process.returncode

    def _close_channel(self):
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def log_tail(self, lines=40):
        return "\n".join(self.log.read_text().splitlines()[-lines:])

    def log_has(self, text):
        return text in self.log.read_text()

    # Questions.

    def check(self, member, type_="Patient", interaction="READ", timeout=LONG,
              **consistency):
        """The Decision.  Raises grpc.RpcError where there is none."""
        request = decision_pb2.CheckRequest(
            subject=types_pb2.Subject(reference=member),
            interaction=getattr(types_pb2, f"INTERACTION_{interaction}"),
            resource=types_pb2.Resource(type=type_, id="1"),
            consistency=consistency_of(**consistency))
        # Judged by its project, which is that of the member.
        body = {"resourceType": type_, "id": "1"}
        request.resource.body = json.dumps(body).encode()
        request.resource.project = self.project_of(member)
        return self.stub.Check(request, timeout=timeout).decision

    projects = None  # By member, where the tests have several.

    def project_of(self, member):
        return self.projects[member]

    def ask(self, member, **options):
        """PERMIT, the reason of a denial, or the first word of why there is no
        decision."""
        return self.ask_more(member, **options)[0]

    def ask_more(self, member, **options):
        """The answer in a word, and the Decision or the error."""
        try:
            decision = self.check(member, **options)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                return first_word(error.details()), error
            raise
        if decision.effect == types_pb2.EFFECT_PERMIT:
            return PERMIT, decision
        return types_pb2.Reason.Name(decision.reason).removeprefix(
            "REASON_"), decision

    def status(self):
        return self.admin.GetStatus(admin_pb2.GetStatusRequest(), timeout=LONG)

    def feed(self, project):
        for feed in self.status().sources[0].feeds:
            if feed.project == project:
                return feed
        raise AssertionError(f"no feed of {project}")

    def notifications(self, project):
        return admin_pb2.NotificationState.Name(
            self.feed(project).notifications).removeprefix(
                "NOTIFICATION_STATE_")

    def state(self, project):
        return admin_pb2.FeedState.Name(
            self.feed(project).state).removeprefix("FEED_STATE_")

    def http(self, path):
        """The status and the text."""
        try:
            with urllib.request.urlopen(
                    f"http://{self.ready['http']}{path}", timeout=LONG) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def pdpctl(self, *arguments):
        return subprocess.run(
            [str(BIN / "pdpctl"), *arguments, "--target", self.target],
            capture_output=True, text=True, timeout=LONG, check=False)


def first_word(text):
    word = (text or "").split(":")[0].split(" ")[0]
    return word if word.isupper() else f"UNAVAILABLE ({text})"


def consistency_of(at_least_as_fresh=(), fully_fresh=False, max_staleness=None):
    result = types_pb2.Consistency(at_least_as_fresh=at_least_as_fresh,
                                   fully_fresh=fully_fresh)
    if max_staleness is not None:
        result.max_staleness.FromNanoseconds(int(max_staleness * 1e9))
    return result


def wait_until(condition, what="it", limit=LONG, pause=0.01):
    """Returns how long it took."""
    begun = time.monotonic()
    while True:
        if condition():
            return time.monotonic() - begun
        if time.monotonic() - begun > limit:
            raise AssertionError(f"{what}: not within {limit} s")
        time.sleep(pause)


def all_bound(fake, projects):
    """Whether WebSocket Subscriptions of each project are in place."""
    bound = {(s["meta"]["project"], s["criteria"].rstrip("?"))
             for s in fake.subscriptions()["web_socket"] if s["bound"]}
    return {(p.id, type_) for p in projects
            for type_ in FOLLOWED_TYPES} <= bound


def wait_quiet(fake, seconds=0.3):
    """Until the server was asked nothing for so long; with rare sweeps."""
    def is_quiet():
        now = fake.now()["monotonic_ns"]
        return not fake.requests(since_ns=now - int(seconds * 1e9))
    wait_until(is_quiet, "quiet", pause=0.05)


class EndToEndTest(unittest.TestCase):
    """Every test has its own fake server, decision points and directory; at its
    end nothing but Subscriptions and AuditEvents may have been written."""

    fake_settings = {}

    def setUp(self):
        begun = time.monotonic()
        self.addCleanup(lambda: "PDP_TIMES" in os.environ and print(
            f"{self.id()}: {time.monotonic() - begun:.1f} s", flush=True))
        self.directory = tempfile.mkdtemp(prefix="pdp-medplum-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.fake = FakeMedplum(**self.fake_settings)
        self.addCleanup(self.fake.close)
        self.pdps = []
        self.addCleanup(self._end)

    def _end(self):
        for pdp in self.pdps:
            pdp.stop()
        outcome = getattr(self._outcome, "result", None)
        troubles = [] if outcome is None else outcome.errors + outcome.failures
        if any(test is self for test, _ in troubles):
            for pdp in self.pdps:
                print(f"--- log of {self.id()}\n{pdp.log_tail()}",
                      file=sys.stderr)
        self.assertEqual([], self.fake.violations())

    def clinic(self, **options):
        return Project(self.fake, **options)

    def pdp(self, *projects, **options):
        directory = tempfile.mkdtemp(dir=self.directory)
        pdp = Pdp(directory, self.fake, projects, **options)
        pdp.projects = Members(self.fake)
        self.pdps.append(pdp)
        return pdp

    def connected(self, *projects, **options):
        """A decision point whose notifications are in place, and that has
        looked for what it missed."""
        pdp = self.pdp(*projects, **options)
        wait_until(lambda: self.all_bound(projects), "notifications")
        self.wait_quiet()
        return pdp

    def all_bound(self, projects):
        return all_bound(self.fake, projects)

    def wait_quiet(self):
        wait_quiet(self.fake)

    def comes(self, answer, pdp, member, limit=LONG, **options):
        """Waits until that is the answer, and returns how long it took."""
        seen = set()

        def is_it():
            seen.add(pdp.ask(member, **options))
            return answer in seen
        try:
            return wait_until(is_it, limit=limit)
        except AssertionError:
            self.fail(f"not {answer} but {seen} after {limit} s")

    def stays(self, answer, pdp, member, seconds, **options):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.assertEqual(answer, pdp.ask(member, **options))
            time.sleep(0.01)


class Members(dict):
    """Whose project a member is of, asked of the server once."""

    def __init__(self, fake):
        super().__init__()
        self.fake = fake

    def __missing__(self, member):
        with contextlib.suppress(Exception):
            for version in self.fake.history(reference=member):
                resource = version["resource"]
                if resource:
                    project = resource["meta"]["project"]
                    self[member] = project
                    return project
        return ""
