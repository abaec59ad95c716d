#!/usr/bin/env python3
"""Runs pdpd as a process: how it starts, says where it serves, and ends.

usage: pdpd_test.py PDPD
"""

import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

PDPD = sys.argv.pop(1)
PDPCTL = str(pathlib.Path(PDPD).with_name("pdpctl"))

PROJECT = {"resourceType": "Project", "id": "p", "meta": {"project": "p"}}
POLICY = {
    "resourceType": "AccessPolicy",
    "id": "a",
    "meta": {"project": "p"},
    "resource": [{"resourceType": "Patient", "interaction": ["read"]}],
}
MEMBER = {
    "resourceType": "ProjectMembership",
    "id": "m",
    "meta": {"project": "p"},
    "project": {"reference": "Project/p"},
    "user": {"reference": "User/u"},
    "profile": {"reference": "Practitioner/x"},
    "accessPolicy": {"reference": "AccessPolicy/a"},
}

# Whoever is on this host may do everything.
CALLERS = (
    "--callers",
    "name=test,from=loopback,permissions=all,subjects=any,resources=inline",
)


class Server:
    """A pdpd over `directory`, on ports that it picks."""

    def __init__(self, directory, *flags):
        self.directory = directory
        self.process = subprocess.Popen(
            [
                PDPD,
                "--source",
                f"directory:{directory / 'source'}",
                "--data-dir",
                str(directory / "data"),
                "--listen",
                "127.0.0.1:0",
                *(() if "--callers" in flags else CALLERS),
                *flags,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log = []
        self.reader = threading.Thread(
            target=lambda: self.log.extend(self.process.stderr)
        )
        self.reader.start()

    def ready_line(self):
        return json.loads(self.process.stdout.readline())

    def stop(self, signal_number=signal.SIGTERM):
        """The exit code."""
        self.process.send_signal(signal_number)
        code = self.process.wait(timeout=60)
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def events(self):
        """All but what the audit log says of itself."""
        events = [json.loads(line)["event"] for line in self.log]
        return [event for event in events if not event.startswith("audit_")]


def get(address, path):
    """Status and body of http://address/path."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class PdpdTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="pdpd-test-")
        self.addCleanup(self.temporary.cleanup)
        self.directory = pathlib.Path(self.temporary.name)
        (self.directory / "source").mkdir()
        for resource in (PROJECT, POLICY, MEMBER):
            self.write(resource)

    def write(self, resource):
        path = self.directory / "source" / f"{resource['resourceType']}.json"
        path.write_text(json.dumps(resource))

    def start(self, *flags):
        server = Server(self.directory, *flags)

        def kill():
            if server.process.poll() is None:
                server.stop(signal.SIGKILL)

        self.addCleanup(kill)
        return server

    def refused(self, *flags):
        """Exit code and standard error of a start that must fail."""
        result = subprocess.run(
            [PDPD, *flags], capture_output=True, text=True, timeout=60
        )
        self.assertEqual(result.stdout, "")
        return result.returncode, result.stderr

    def source_flags(self):
        return [
            "--source",
            f"directory:{self.directory / 'source'}",
            "--data-dir",
            str(self.directory / "data"),
            *CALLERS,
        ]

    def test_says_where_it_serves_and_drains(self):
        sock = self.directory / "pdp.sock"
        server = self.start(
            "--listen", f"unix:{sock}", "--http-listen", "127.0.0.1:0"
        )
        ready = server.ready_line()
        self.assertEqual(set(ready), {"event", "grpc", "http", "pid"})
        self.assertEqual(ready["event"], "ready")
        self.assertEqual(ready["pid"], server.process.pid)
        host, port = ready["grpc"][0].split(":")
        self.assertEqual(host, "127.0.0.1")
        socket.create_connection((host, int(port)), timeout=10).close()
        self.assertEqual(ready["grpc"][1], f"unix:{sock}")
        self.assertEqual(stat.S_IMODE(sock.stat().st_mode), 0o600)
        self.assertEqual(get(ready["http"], "/livez"), (200, "live\n"))
        self.assertEqual(get(ready["http"], "/readyz"), (200, "ready\n"))
        status, metrics = get(ready["http"], "/metrics")
        self.assertEqual(status, 200)
        self.assertIn("\npdp_ready 1\n", metrics)
        self.assertIn("\npdp_store_memberships 1\n", metrics)
        self.assertEqual(server.stop(), 0)
        self.assertFalse(sock.exists())
        self.assertEqual(server.events()[-2:], ["draining", "drained"])

    def test_text_that_is_not_utf8_is_answered_and_not_logged(self):
        server = self.start("--http-listen", "none")
        target = server.ready_line()["grpc"][0]
        result = subprocess.run(
            [PDPCTL, "check", "--target", target, "--interaction", "read",
             "--resource", "Patient/1", "--subject", b"Practitioner/\xff"],
            capture_output=True, timeout=60, check=False,
        )
        self.assertEqual(result.returncode, 1)
        self.assertEqual(server.stop(), 0)
        self.assertEqual([l for l in server.log if "protobuf" in l], [])

    def test_interrupt_drains_too(self):
        server = self.start("--http-listen", "none")
        self.assertIsNone(server.ready_line()["http"])
        self.assertEqual(server.stop(signal.SIGINT), 0)

    def test_keeps_its_data_to_itself(self):
        server = self.start("--http-listen", "none")
        server.ready_line()
        self.assertEqual(server.stop(), 0)
        data = self.directory / "data"
        self.assertEqual(stat.S_IMODE(data.stat().st_mode), 0o700)
        for path in data.rglob("*"):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0, path)

    def test_a_restart_serves_the_same_revision(self):
        for _ in range(2):
            server = self.start("--http-listen", "127.0.0.1:0")
            metrics = get(server.ready_line()["http"], "/metrics")[1]
            self.assertIn("\npdp_snapshot_revision 1\n", metrics)
            self.assertEqual(server.stop(), 0)

    def ctl(self, server, *arguments):
        result = subprocess.run(
            [PDPCTL, arguments[0], "--target", server.target, *arguments[1:]],
            capture_output=True, text=True, timeout=60, check=False,
        )
        return result.returncode, result.stdout + result.stderr

    def check(self, server):
        patient = self.directory / "patient.json"
        patient.write_text(
            '{"resourceType": "Patient", "id": "1", "meta": {"project": "p"}}'
        )
        return self.ctl(
            server, "check", "--interaction", "read", "--body", str(patient),
            "--subject", "Practitioner/x",
        )

    def test_a_block_denies_at_once_and_after_kill_9(self):
        server = self.start("--http-listen", "127.0.0.1:0")
        ready = server.ready_line()
        server.target = ready["grpc"][0]
        self.assertEqual(self.check(server)[0], 0)
        code, text = self.ctl(
            server, "block", "User/u", "--until", "2h", "--reason", "lost laptop"
        )
        self.assertEqual(code, 0, text)
        self.assertIn("blocked       User/u until ", text)
        code, text = self.check(server)
        self.assertEqual(code, 3)
        self.assertIn("BLOCKED", text)
        self.assertIn("lost laptop", text)
        metrics = get(ready["http"], "/metrics")[1]
        self.assertIn("\npdp_blocks 1\n", metrics)
        self.assertIn('reason="blocked",method="Check"} 1\n', metrics)
        self.assertIn("\npdp_snapshot_revision 2\n", metrics)
        server.stop(signal.SIGKILL)

        server = self.start("--http-listen", "none")
        server.target = server.ready_line()["grpc"][0]
        self.assertEqual(self.check(server)[0], 3)
        self.assertIn("User/u until ", self.ctl(server, "status")[1])
        self.assertEqual(self.ctl(server, "unblock", "User/u")[0], 0)
        self.assertEqual(self.check(server)[0], 0)
        code, text = self.ctl(server, "unblock", "User/u")
        self.assertEqual(code, 1)
        self.assertIn("`User/u` is not blocked", text)
        self.assertEqual(server.stop(), 0)
        self.assertIn("block_removed", server.events())

    def test_a_block_ends_by_itself(self):
        server = self.start("--http-listen", "none")
        server.target = server.ready_line()["grpc"][0]
        code, text = self.ctl(
            server, "block", "User/u", "--until", "1s", "--reason", "a test"
        )
        self.assertEqual(code, 0, text)
        while "block_ended" not in server.events():
            time.sleep(0.05)
        self.assertEqual(self.check(server)[0], 0)
        self.assertNotIn("User/u", self.ctl(server, "status")[1])
        self.assertEqual(server.stop(), 0)

    def test_a_killed_server_leaves_a_socket_that_the_next_takes_over(self):
        flags = [
            "--listen",
            f"unix:{self.directory / 'pdp.sock'}",
            "--http-listen",
            "none",
        ]
        server = self.start(*flags)
        server.ready_line()
        self.assertEqual(server.stop(signal.SIGKILL), -signal.SIGKILL)
        self.assertTrue((self.directory / "pdp.sock").exists())
        server = self.start(*flags)
        self.assertEqual(len(server.ready_line()["grpc"]), 2)
        self.assertEqual(server.stop(), 0)

    def test_is_not_ready_until_its_source_can_be_read(self):
        broken = self.directory / "source" / "broken.json"
        broken.write_text("{")
        port = free_port()
        server = self.start("--http-listen", f"127.0.0.1:{port}")
        address = f"127.0.0.1:{port}"
        while not any("source_not_ready" in line for line in server.log):
            time.sleep(0.05)
        self.assertEqual(get(address, "/livez"), (200, "live\n"))
        self.assertEqual(get(address, "/readyz"), (503, "not ready\n"))
        self.assertIn("\npdp_ready 0\n", get(address, "/metrics")[1])
        broken.unlink()
        self.assertEqual(server.ready_line()["http"], address)
        self.assertEqual(get(address, "/readyz"), (200, "ready\n"))
        self.assertEqual(server.stop(), 0)

    def test_the_store_has_one_server_at_a_time(self):
        server = self.start("--http-listen", "none")
        server.ready_line()
        code, error = self.refused(
            *self.source_flags(),
            *("--listen", "127.0.0.1:0", "--http-listen", "none"),
        )
        self.assertEqual(code, 1, error)
        self.assertEqual(server.stop(), 0)

    def test_a_taken_port_is_a_fault(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            code, error = self.refused(
                *self.source_flags(),
                *("--listen", f"127.0.0.1:{port}", "--http-listen", "none"),
            )
        self.assertEqual(code, 1)
        self.assertIn(f"cannot listen on 127.0.0.1:{port}", error)

    def test_mistakes_in_the_configuration_end_with_2(self):
        config = self.directory / "pdpd.yaml"
        config.write_text("source: directory:.\ndata_dir: d\n")
        data = ["--data-dir", str(self.directory / "data")]
        cases = [
            ([], "source: missing"),
            (["--source", "medplum", *data], "medplum: missing"),
            (["--source", "directory:/nonexistent", *data, *CALLERS],
             "is not a directory"),
            ([*self.source_flags()[:-2]], "callers: missing: nobody may ask"),
            ([*self.source_flags()[:-2], "--callers",
              "name=a,token-file=/nonexistent,permissions=admin"],
             "callers[0].token-file"),
            ([*self.source_flags(), "--listen", "0.0.0.0:1"], "not a loopback"),
            (["--config", str(config)], "pdpd.yaml:2:1: unknown key `data_dir`"),
            (["--nonsense"], "--nonsense"),
        ]
        for flags, message in cases:
            with self.subTest(flags=flags):
                code, error = self.refused(*flags)
                self.assertEqual(code, 2)
                self.assertIn(message, error)

    def test_a_token_lets_in_and_its_file_is_read_again(self):
        token = self.directory / "token"
        token.write_text("0123456789abcdef0123456789abcdef-one\n")
        shown = self.directory / "shown"
        shown.write_text("0123456789abcdef0123456789abcdef-two\n")
        server = self.start(
            "--http-listen", "none", "--callers",
            f"name=a,token-file={token},permissions=admin")
        target = server.ready_line()["grpc"][0]

        def status(*flags):
            return subprocess.run(
                [PDPCTL, "status", "--target", target, *flags],
                capture_output=True, text=True, timeout=60)

        self.assertIn("did not say who it is", status().stderr)
        self.assertEqual(status("--token-file", str(token)).returncode, 0)
        refused = status("--token-file", str(shown))
        self.assertIn("are not known here", refused.stderr)
        token.write_text(shown.read_text())
        deadline = time.monotonic() + 60
        while status("--token-file", str(shown)).returncode != 0:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)
        self.assertEqual(server.stop(), 0)
        log = "".join(server.log)
        self.assertIn("call_turned_away", log)
        self.assertNotIn("0123456789abcdef", log)

    def test_reads_a_configuration_file(self):
        config = self.directory / "pdpd.yaml"
        config.write_text(
            f"mode: parity\nhttp-listen: 127.0.0.1:{free_port()}\n"
        )
        server = self.start("--config", str(config))
        metrics = get(server.ready_line()["http"], "/metrics")[1]
        self.assertIn('mode="parity"', metrics)
        self.assertEqual(server.stop(), 0)

    def test_help_and_version(self):
        for flag, text in (("--help", "Exit codes:"), ("--version", "pdpd ")):
            result = subprocess.run([PDPD, flag], capture_output=True, text=True)
            self.assertEqual(result.returncode, 0)
            self.assertIn(text, result.stdout)
            self.assertEqual(result.stderr, "")


if __name__ == "__main__":
    unittest.main()
