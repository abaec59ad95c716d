"""Who asks a decision point: a program of each client library, pdpctl, and a
proxy for those who come by HTTP."""

import collections
import json
import pathlib
import subprocess
import sys
import threading

from harness import BIN, LONG, ROOT

HERE = pathlib.Path(__file__).resolve().parent
TYPESCRIPT = ROOT / "clients/typescript"

Answer = collections.namedtuple("Answer", "effect reason id")


def node_package():
    """The built package of the TypeScript client; None, and said so, where it
    cannot be built here."""
    built = subprocess.run([str(TYPESCRIPT / "build.sh")], capture_output=True,
                           text=True, timeout=300, check=False)
    if built.returncode == 77:
        print("NOT TESTED end to end: the TypeScript client\n" + built.stderr,
              file=sys.stderr, flush=True)
        return None
    if built.returncode != 0:
        raise AssertionError(built.stdout + built.stderr)
    return TYPESCRIPT / "dist/src/index.js"


class Program:
    """One that answers questions on its input (ask.py)."""

    def __init__(self, name, *command):
        self.name = name
        self._process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, subject, interaction, resource, body=None):
        question = f"{subject} {interaction} {resource}"
        if body is not None:
            question += " " + json.dumps(body)
        self._process.stdin.write(question + "\n")
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"{self.name} ended")
        return Answer(*line.split())

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(LONG)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class Pdpctl:
    def __init__(self, *options):
        self.name = "pdpctl"
        self._options = [str(option) for option in options]

    def ask(self, subject, interaction, resource, body=None):
        more = [] if body is None else ["--body", "-"]
        asked = subprocess.run(
            [str(BIN / "pdpctl"), "check", "--subject", subject,
             "--interaction", interaction, "--resource", resource,
             "--output", "json", "--timeout", "20", *more, *self._options],
            input=body and json.dumps(body), capture_output=True, text=True,
            timeout=LONG, check=False)
        if asked.returncode not in (0, 3):
            return Answer("NO_DECISION", asked.stderr.strip(), "-")
        decision = json.loads(asked.stdout)
        return Answer(decision["effect"].removeprefix("EFFECT_"),
                      decision["reason"].removeprefix("REASON_"),
                      decision["decision_id"])

    def close(self):
        pass


class Behind:
    """Who sends requests with a member's access token to a proxy."""

    def __init__(self, proxy, upstream, token_of):
        self.name = "proxy"
        self._proxy = proxy
        self._upstream = upstream
        self._token_of = token_of
        self._lock = threading.Lock()  # What came through is the last one.

    def ask(self, subject, interaction, resource, body=None):
        assert interaction == "read" and body is None
        with self._lock:
            self._upstream.seen.clear()
            status, text = self._proxy.send(
                f"/fhir/R4/{resource}", "GET",
                [("authorization", f"Bearer {self._token_of(subject)}")])
            if status == 200:
                [(_, headers, _)] = self._upstream.seen
                return Answer("PERMIT", "PERMITTED",
                              dict(headers)["x-pdp-decision-id"])
            assert not self._upstream.seen
        if status in (401, 403):
            return Answer("DENY", str(status), json.loads(text)["decisionId"])
        return Answer("NO_DECISION", str(status), "-")

    def close(self):
        self._proxy.close()
        self._upstream.close()
