"""A pdpd over a directory, a client of it, and its audit log.

What is needed from the build is found by the environment: PDP_BIN (pdpd) and
PDP_PYTHON (the generated gRPC stubs).
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("PDP_BIN", ROOT / "build/bin"))
sys.path.insert(0, os.environ.get("PDP_PYTHON", str(ROOT / "build/python")))

import grpc  # noqa: E402
from medplum.pdp.v1 import decision_pb2 as decision  # noqa: E402
from medplum.pdp.v1 import decision_pb2_grpc  # noqa: E402
from medplum.pdp.v1 import types_pb2 as types  # noqa: E402

PATIENT = "30000000-0000-4000-8000-000000000001"
MEMBER = "ProjectMembership/m"
LONG = 60  # Seconds that are never reached unless something is wrong.


def clinic(family):
    """A member who may read Patients, and a Patient of that name."""
    meta = {"project": "p", "versionId": "1"}
    return [
        {"resourceType": "Project", "id": "p", "meta": meta},
        {"resourceType": "AccessPolicy", "id": "a", "meta": meta,
         "resource": [{"resourceType": "Patient",
                       "interaction": ["read", "search"]}]},
        {"resourceType": "ProjectMembership", "id": "m", "meta": meta,
         "project": {"reference": "Project/p"},
         "user": {"reference": "User/u"},
         "profile": {"reference": "Practitioner/x"},
         "accessPolicy": {"reference": "AccessPolicy/a"}},
        {"resourceType": "Patient", "id": PATIENT, "meta": meta,
         "name": [{"family": family}]},
    ]


class Pdpd:
    """A server; what it logs is in `log`."""

    def __init__(self, directory, flags=()):
        self.audit = directory / "data/audit"
        self.process = subprocess.Popen(
            [str(BIN / "pdpd"), "--source", f"directory:{directory}/source",
             "--data-dir", str(directory / "data"), "--listen", "127.0.0.1:0",
             "--http-listen", "127.0.0.1:0",
             *(flags or ["--callers", "name=local,from=loopback,"
                         "permissions=all,subjects=any,resources=inline"])],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.log = []
        self._reader = threading.Thread(
            target=lambda: self.log.extend(self.process.stderr), daemon=True)
        self._reader.start()
        line = self.process.stdout.readline()
        assert line, "pdpd ended: " + "".join(self.log[-5:])
        ready = json.loads(line)
        self.http = ready["http"]
        self.address = ready["grpc"][0]
        self.channel = grpc.insecure_channel(self.address)
        self.stub = decision_pb2_grpc.PolicyDecisionPointStub(self.channel)

    def end(self, how=signal.SIGTERM):
        self.channel.close()
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=LONG)
        self._reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def metrics(self):
        with urllib.request.urlopen(f"http://{self.http}/metrics",
                                    timeout=LONG) as answer:
            return answer.read().decode()


def check_request(reference=MEMBER, interaction="READ"):
    return decision.CheckRequest(
        subject=types.Subject(reference=reference),
        interaction=types.Interaction.Value("INTERACTION_" + interaction),
        resource=types.Resource(type="Patient", id=PATIENT))


class AuditTest(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="pdpd-audit-"))
        self.addCleanup(shutil.rmtree, self.directory)
        (self.directory / "source").mkdir()
        self.servers = []

    def write_clinic(self, family="Kline"):
        for resource in clinic(family):
            path = self.directory / "source" / f"{resource['resourceType']}.json"
            path.write_text(json.dumps(resource))

    def start(self, *flags):
        server = Pdpd(self.directory, flags)
        self.addCleanup(lambda: server.process.poll() is None and
                        server.end(signal.SIGKILL))
        return server

    def audit_text(self):
        """All that is in the files of the audit log."""
        return "".join(
            path.read_text(errors="replace")
            for path in sorted((self.directory / "data/audit").rglob("*"))
            if path.is_file())
