#!/usr/bin/env python3
"""What the chart renders, in a real server: its configuration, the commands of
its README and of `helm test`."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from chart import (HELM, NAME, README, ROOT, SECRETS, configuration_text,
                   least, needs, render, run_tests)
from matrix import DIRECTORY, MATRIX

BIN = pathlib.Path(os.environ.get("PDP_BIN", ROOT / "build/bin"))
LONG = 30.0  # Seconds that are never reached unless something is wrong.

# What a server says once it has taken its configuration, and once it is ready.
TAKEN = '"event":"(source_not_ready|ready)"'
READY = '"event":"ready"'

OPERATOR = {"config": {"callers": [
    {"name": "operator", "token-file": f"{SECRETS}/operator-token",
     "permissions": ["admin"]}]}}
PROJECT = {"resourceType": "Project", "id": "p", "name": "Clinic"}


class Server:
    """A server by a configuration of the chart, below a directory of its own
    where all files are that it names."""

    def __init__(self, directory, text):
        self.root = pathlib.Path(directory)
        self.log = self.root / "log"
        config = self.root / "pdpd.yaml"
        config.write_text(self.moved(text))
        self.fill(config.read_text())
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [BIN / "pdpd", "--config", config], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out)

    def moved(self, text):
        """The text with the paths and ports of this server."""
        for place in ("/etc/medplum-pdp", "/var/lib/medplum-pdp",
                      "/run/medplum-pdp"):
            text = text.replace(place, f"{self.root}{place}")
        # Any port, and no IPv6, which a machine may be without.
        return re.sub(r"(0\.0\.0\.0|\[::\]):899\d\b", "0.0.0.0:0", text)

    def fill(self, text):
        etc = self.root / "etc/medplum-pdp"
        for name in ("secrets", "tls", "clients", "policies", "token"):
            (etc / name).mkdir(parents=True)
        for name in ("var/lib", "run"):
            (self.root / name / "medplum-pdp").mkdir(parents=True)
        for path in re.findall(rf"{etc}/secrets/[-\w.]+", text):
            pathlib.Path(path).write_text("0" * 64 + "\n")
        (etc / "policies/project.json").write_text(json.dumps(PROJECT))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
             "/CN=pdp", "-addext", "subjectAltName=DNS:localhost", "-keyout",
             etc / "tls/tls.key", "-out", etc / "tls/tls.crt"], check=True,
            capture_output=True)
        shutil.copy(etc / "tls/tls.crt", etc / "clients/ca.crt")
        shutil.copy(etc / "tls/tls.crt", etc / "tls/ca.crt")

    def wait(self, pattern):
        """Until it has said that, or has ended."""
        end = time.monotonic() + LONG
        while self.process.poll() is None and time.monotonic() < end:
            if re.search(pattern, self.log.read_text()):
                break
            time.sleep(0.05)

    def stop(self):
        """Returns its exit code and what it said."""
        self.process.terminate()
        return self.process.wait(LONG), self.log.read_text()

    def ports(self):
        ready = re.search(r'^\{"event":"ready".*', self.log.read_text(), re.M)
        ready = json.loads(ready.group())
        return [int(address.rpartition(":")[2])
                for address in (ready["grpc"][0], ready["http"])]


@contextlib.contextmanager
def serving(text):
    with tempfile.TemporaryDirectory() as directory:
        server = Server(directory, text)
        try:
            yield server
        finally:
            server.process.kill()
            server.process.wait()


def run(*command):
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(command, capture_output=True, text=True,
                          timeout=LONG, check=False,
                          env={**os.environ, "PATH": path})


@needs(HELM and (BIN / "pdpd").exists() and (BIN / "pdpctl").exists(),
       "helm or pdpd is not here: NOT shown that a server takes the "
       "configuration")
class Served(unittest.TestCase):
    def test_the_server_takes_what_the_chart_writes(self):
        # Nobody answers there, and nobody is asked before all is taken.
        nowhere = {"base-url": "https://127.0.0.1:1/"}
        for name, changes in MATRIX.items():
            with self.subTest(name):
                values = least(changes)
                values["config"]["medplum"].update(nowhere)
                with serving(configuration_text(render(values))) as server:
                    server.wait(TAKEN)
                    code, said = server.stop()
                self.assertEqual(0, code, said)
                self.assertRegex(said, TAKEN)

    def test_the_server_refuses_what_is_wrong(self):
        text = configuration_text(render(least()))
        with serving(text + "\nno-such-key: 1\n") as server:
            server.wait(TAKEN)
            code, said = server.stop()
        self.assertEqual(2, code, said)

    def test_helm_test_sees_whether_the_server_is_ready(self):
        objects = render(least(DIRECTORY))
        *shell, script = objects["Pod", f"{NAME}-test"]["spec"]["containers"][
            0]["command"]
        with serving(configuration_text(objects)) as server:
            server.wait(READY)
            _, http = server.ports()
            address = f"/dev/tcp/{NAME}-headless/8991"
            self.assertIn(address, script)
            script = script.replace(address, f"/dev/tcp/127.0.0.1/{http}")
            done = run(*shell, script)
            self.assertEqual(0, done.returncode, done.stderr)
            wrong = run(*shell, script.replace("/readyz", "/nothing"))
            self.assertNotEqual(0, wrong.returncode)
            server.stop()
            self.assertNotEqual(0, run(*shell, script).returncode)

    def test_helm_test_with_a_token_shows_the_status_over_tls(self):
        objects = render(least({**DIRECTORY, "tests": {
            "tokenKey": "operator-token"}, "config": {
                **DIRECTORY["config"], **OPERATOR["config"]}}))
        command = objects["Pod", f"{NAME}-test"]["spec"]["containers"][0][
            "command"]
        with serving(configuration_text(objects)) as server:
            server.wait(READY)
            grpc, _ = server.ports()
            etc = server.root / "etc/medplum-pdp"
            (etc / "token/token").write_text("0" * 64)
            command = [server.moved(word).replace(
                f"{NAME}:8990", f"localhost:{grpc}") for word in command]
            done = run(*command)
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertIn("ready", done.stdout)
            (etc / "token/token").write_text("1" * 64)
            self.assertNotEqual(0, run(*command).returncode)

    def test_an_operator_in_the_pod_shows_a_token_too(self):
        target = "unix:/run/medplum-pdp/pdp.sock"
        token = f"{SECRETS}/operator-token"
        readme = " ".join(README.read_text().split())
        self.assertIn(f"pdpctl status --target {target} --token-file {token}",
                      readme)
        objects = render(least({**DIRECTORY, "config": {
            **DIRECTORY["config"], **OPERATOR["config"]}}))
        with serving(configuration_text(objects)) as server:
            server.wait(READY)
            command = ["pdpctl", "status", "--target", server.moved(target)]
            done = run(*command, "--token-file", server.moved(token))
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertNotEqual(0, run(*command).returncode)


if __name__ == "__main__":
    run_tests()
