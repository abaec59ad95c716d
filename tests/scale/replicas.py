"""Replicas of the decision point behind one name, and clients that balance
between them by themselves.

    class MyTest(ReplicasTest):
        def test_claim(self):
            clinic = self.clinic()
            replicas = self.replicas(clinic)
            load = replicas.load(replicas.name, [clinic.member])
            replicas.pdps[0].stop()
            load.end()
            self.assertEqual([], load.refused())

As on Kubernetes every replica has an address of its own, the port is the same,
and a name server tells which of them are ready.
"""

import json
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "medplum"))

from checker import Answer, Truth, SLACK_NS  # noqa: E402
from harness import LONG, EndToEndTest  # noqa: E402

NAME = "pdp-headless.test"


class NameServer(threading.Thread):
    """Answers where NAME is: over UDP, for IPv4, for a second."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self.addresses = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self.target = "%s:%d" % self._socket.getsockname()
        self.start()

    def close(self):
        self._socket.sendto(b"", self._socket.getsockname())
        self.join()
        self._socket.close()

    def run(self):
        while True:
            query, client = self._socket.recvfrom(512)
            if not query:  # It was closed.
                return
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query):
        end = query.index(b"\0", 12) + 5  # Of the question.
        kind, = struct.unpack(">H", query[end - 4:end - 2])
        addresses = list(self.addresses) if kind == 1 else []
        head = query[:2] + struct.pack(">HHHHH", 0x8400, 1, len(addresses),
                                       0, 0)
        return head + query[12:end] + b"".join(
            struct.pack(">HHHIH", 0xc00c, 1, 1, 1, 4) + socket.inet_aton(a)
            for a in addresses)


class Load:
    """A client process that asks without an end, and what it was told."""

    def __init__(self, target, questions, threads=4, pause=0.01):
        self._output = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-B", str(HERE / "load.py")], text=True,
            stdin=subprocess.PIPE, stdout=self._output)
        self._process.stdin.write(json.dumps({
            "target": target, "threads": threads, "pause": pause,
            "questions": questions}) + "\n")
        self._process.stdin.flush()
        self.answers = None

    def end(self):
        if self.answers is not None:
            return
        self._process.communicate(timeout=LONG)
        self._output.seek(0)
        self.answers = [json.loads(line) for line in self._output]
        self._output.close()

    def so_far(self):
        """How many answers there are."""
        with open(f"/proc/self/fd/{self._output.fileno()}") as output:
            return sum(1 for _ in output)

    def refused(self):
        """Calls without a decision, retry included."""
        return [answer[4] for answer in self.answers if answer[4] is not None]

    def retried(self):
        return sum(1 for answer in self.answers if answer[6])

    def wrong(self, fake, stale_after, max_staleness):
        """A line for each answer that does not follow from what the server
        held within the bound that it was given under."""
        truth = Truth(fake)
        lines = []
        for member, begun, ended, effect, failure, stale, _, version in \
                self.answers:
            if failure is not None:
                continue
            bound = max_staleness if stale else stale_after
            possible = truth.answers(
                member, begun - int(bound * 1e9) - SLACK_NS, ended + SLACK_NS)
            if effect not in possible:
                answer = Answer(member, begun, ended, effect, stale, version)
                lines.append(f"{member}: {effect}, but {possible}"
                             + truth.story(answer))
        return lines


class Replicas:
    """`pdps` of one configuration, each with its own data and address."""

    def __init__(self, test, projects, count, **config):
        self.test = test
        self._network = "127.%d.%d" % (random.randrange(1, 255),
                                       random.randrange(256))
        self._last_host = 0
        self._port = self._free_port()
        self.names = NameServer(f"{self._network}.254")
        test.addCleanup(self.names.close)
        self.pdps = []
        for _ in range(count):
            self.add(*projects, **config)

    def add(self, *projects, wait=True, **config):
        """One more, which is found by the name once it is ready."""
        pdp = self.test.pdp(
            *projects, wait=wait,
            **{"listen": [f"{self._next_host()}:{self._port}"], **config})
        self.pdps.append(pdp)
        if wait:
            self.found(pdp)
        return pdp

    @property
    def name(self):
        """The target of a client of a headless Service; the name server is that
        of the test."""
        return f"dns://{self.names.target}/{NAME}:{self._port}"

    @property
    def addresses(self):
        """The target of a client that was given a list."""
        return "ipv4:" + ",".join(pdp.target for pdp in self.pdps)

    def load(self, target, members, **options):
        return Load(target, [
            [member, self.pdps[0].project_of(member)] for member in members],
            **options)

    def move(self, pdp):
        """Takes it off the name, ends it in order, and starts it again at
        another address, as another pod would be.  Returns the exit code."""
        self.lost(pdp)
        code = pdp.stop()
        pdp.config.write_text(pdp.config.read_text().replace(
            pdp.target, f"{self._next_host()}:{self._port}"))
        pdp.start()
        self.found(pdp)
        return code

    def found(self, pdp):
        self.names.addresses.append(pdp.target.rpartition(":")[0])

    def lost(self, pdp):
        self.names.addresses.remove(pdp.target.rpartition(":")[0])

    def _next_host(self):
        self._last_host += 1
        return f"{self._network}.{self._last_host}"

    def _free_port(self):
        # On addresses that are nobody else's.
        with socket.socket() as probe:
            probe.bind((f"{self._network}.253", 0))
            return probe.getsockname()[1]


class ReplicasTest(EndToEndTest):
    def replicas(self, *projects, count=3, **config):
        return Replicas(self, projects, count, **config)
