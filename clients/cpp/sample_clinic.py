"""A pdpd that serves the sample clinic, for tests."""

import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class SampleClinic:
    def __init__(self, pdpd, data):
        self.process = subprocess.Popen(
            [
                str(pdpd),
                "--source",
                "directory:docs/security/access-policies",
                "--data-dir",
                str(data),
                "--listen",
                "127.0.0.1:0",
                "--http-listen",
                "none",
                "--callers",
                "name=test,from=loopback,permissions=all,subjects=any,"
                "resources=inline",
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        ready = self.process.stdout.readline()
        if not ready:
            raise AssertionError(f"pdpd ended with {self.process.wait()}")
        self.target = json.loads(ready)["grpc"][0]

    def kill(self):
        """At once, in the middle of whatever it does."""
        self.process.kill()
        self.process.wait(timeout=60)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.process.stdout.close()
