#!/usr/bin/env python3
"""Clients that mean no good, over real sockets.  After each the server answers
others as before.

usage: hostile_test.py PDPD PDPCTL
"""

import errno
import json
import os
import pathlib
import random
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

PDPCTL = sys.argv.pop(2)
PDPD = sys.argv.pop(1)
ROOT = pathlib.Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("PDP_SEED", "7"))
MEMBER = "ProjectMembership/13000001-0000-4000-8000-000000000020"
PATIENT = "Patient/20000001-0000-4000-8000-000000000001"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
LONG = 60.0
DESCRIPTORS = 300


def frame(kind, flags, stream, payload):
    return (len(payload).to_bytes(3, "big") + bytes((kind, flags))
            + stream.to_bytes(4, "big") + payload)


class HostileTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="pdp-hostile-")
        cls.log = open(f"{cls.temporary.name}/log", "w+", encoding="utf-8")
        cls.server = subprocess.Popen(
            cls.command("data"), stdout=subprocess.PIPE, stderr=cls.log,
            text=True)
        ready = json.loads(cls.server.stdout.readline())
        cls.target = ready["grpc"][0]
        cls.http = ready["http"]

    @classmethod
    def command(cls, data):
        return [PDPD, "--source",
                f"directory:{ROOT}/docs/security/access-policies",
                "--data-dir", f"{cls.temporary.name}/{data}",
                "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0",
                "--callers", "name=test,from=loopback,permissions=check,"
                "subjects=any,resources=inline",
                "--limits.message-bytes", "65536"]

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        code = cls.server.wait(LONG)
        cls.server.stdout.close()
        cls.log.close()
        cls.temporary.cleanup()
        assert code == 0, f"the server ended with {code}"

    def tearDown(self):
        self.assertIsNone(self.server.poll())
        self.assertEqual(self.check(PATIENT).returncode, 0)

    def check(self, resource, *flags, subject=MEMBER, target=None):
        return subprocess.run(
            [PDPCTL, "check", "--target", target or self.target,
             "--subject", subject,
             "--interaction", "read", "--resource", resource, *flags],
            capture_output=True, text=True, timeout=LONG)

    def connect(self, address=None):
        host, port = (address or self.target).rsplit(":", 1)
        connection = socket.create_connection((host, int(port)), timeout=LONG)
        self.addCleanup(connection.close)
        return connection

    def ends(self, connection):
        """Reads until the server closes the connection."""
        try:
            while connection.recv(65536):
                pass
        except ConnectionError:
            pass

    def test_more_connections_than_there_are_descriptors(self):
        with subprocess.Popen(
                self.command("few"), stdout=subprocess.PIPE, stderr=self.log,
                text=True, preexec_fn=lambda: resource.setrlimit(
                    resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        ) as server:
            self.addCleanup(server.terminate)
            ready = json.loads(server.stdout.readline())
            self.exhaust(ready["grpc"][0], ready["http"])
            server.terminate()
            self.assertEqual(server.wait(LONG), 0)

    def exhaust(self, target, http):
        connections = []
        for _ in range(3 * DESCRIPTORS):
            connection = self.connect(target)
            connections.append(connection)
            try:
                connection.sendall(PREFACE + SETTINGS)
            except ConnectionError:
                pass
        deadline = time.monotonic() + LONG
        while True:
            with urllib.request.urlopen(
                    f"http://{http}/metrics", timeout=LONG) as page:
                rejected = re.search(
                    r'reason="too_many_connections"} (\d+)',
                    page.read().decode())
            if int(rejected[1]) >= 2 * DESCRIPTORS:
                break
            self.assertLess(time.monotonic(), deadline)
        for connection in connections:
            connection.close()
        while self.check(PATIENT, target=target).returncode != 0:
            self.assertLess(time.monotonic(), deadline)

    def test_garbage(self):
        source = random.Random(SEED)
        texts = [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(512),
            PREFACE + b"\xff" * 64,
            PREFACE + SETTINGS + frame(1, 4, 1, b"\xff" * 100),
            # A length that nobody would send.
            PREFACE + SETTINGS + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
            # Continuations without end.
            PREFACE + SETTINGS + frame(1, 0, 1, b"\x82")
            + frame(9, 0, 1, b"\x82" * 1000) * 200,
        ]
        texts += [source.randbytes(source.randrange(1, 4096))
                  for _ in range(100)]
        texts += [PREFACE + SETTINGS + source.randbytes(
            source.randrange(1, 4096)) for _ in range(100)]
        for text in texts:
            connection = self.connect()
            self.ends_after(connection, text)

    def ends_after(self, connection, text):
        try:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            self.ends(connection)
        except ConnectionError:
            pass
        except OSError as error:
            # It had ended before the shutdown; a timeout is a fault.
            if error.errno != errno.ENOTCONN:
                raise

    def test_garbage_for_the_metrics(self):
        source = random.Random(SEED)
        for text in (b"\x00" * 1000, b"GET " + b"/" * 100_000,
                     b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 10_000,
                     source.randbytes(4096)):
            connection = self.connect(self.http)
            self.ends_after(connection, text)

    def test_half_open_connections_do_not_keep_others_out_and_end(self):
        opened = [self.connect() for _ in range(300)]
        for i, connection in enumerate(opened):
            connection.sendall(PREFACE[:i % len(PREFACE)])
        self.assertEqual(self.check(PATIENT).returncode, 0)
        for connection in opened[:3]:
            self.ends(connection)

    def test_streams_that_are_opened_and_reset(self):
        # What a client pays little for (CVE-2023-44487).
        connection = self.connect()
        connection.sendall(PREFACE + SETTINGS)
        try:
            for stream in range(1, 20_001, 2):
                connection.sendall(frame(1, 4, stream, b"\x82\x86\x84")
                                   + frame(3, 0, stream, bytes(4)))
        except ConnectionError:
            pass
        self.assertEqual(self.check(PATIENT).returncode, 0)

    def test_pings_without_end(self):
        connection = self.connect()
        connection.sendall(PREFACE + SETTINGS)
        drain = threading.Thread(target=self.ends, args=(connection,))
        drain.start()
        try:
            for _ in range(10_000):
                connection.sendall(frame(6, 0, 0, bytes(8)))
        except ConnectionError:
            pass
        # It is sent away (ENHANCE_YOUR_CALM).
        drain.join(LONG)
        self.assertFalse(drain.is_alive())

    def test_deep_json(self):
        for depth in (65, 1_000, 15_000):
            body = pathlib.Path(self.temporary.name, "deep.json")
            body.write_text('{"resourceType":"Patient","id":"1","extension":'
                            + "[" * depth + "]" * depth + "}")
            result = self.check("Patient/1", "--body", str(body))
            self.assertNotIn(result.returncode, (0, 3), result.stdout)

    def test_a_message_past_the_limit(self):
        body = pathlib.Path(self.temporary.name, "large.json")
        body.write_text(json.dumps({"resourceType": "Patient", "id": "1",
                                    "language": "x" * 70_000}))
        result = self.check("Patient/1", "--body", str(body))
        self.assertEqual(result.returncode, 1)

    def test_names_that_are_none(self):
        for resource in ("Patient/../Patient", "Patient/" + "a" * 10_000,
                         "Patient/a b", "Patient/%00", "Pat\tient/1"):
            self.assertNotEqual(self.check(resource).returncode, 0)
        for subject in (MEMBER + "\n", MEMBER + "/", "ProjectMembership/",
                        MEMBER.upper(), "x" * 10_000):
            self.assertNotEqual(
                self.check(PATIENT, subject=subject).returncode, 0)


if __name__ == "__main__":
    unittest.main()
