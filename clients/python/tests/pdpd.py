"""A real decision point: PDP_BIN has pdpd."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
BIN = pathlib.Path(os.environ.get("PDP_BIN", ROOT / "build/bin"))
EVERYTHING = ("--callers", "name=test,from=loopback,permissions=all,"
              "subjects=any,resources=inline")


class Pdpd:
    """On a port of its own choice, with the arguments given."""

    def __init__(self, *arguments):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="pdp-python-"))
        self.process = subprocess.Popen(
            [str(BIN / "pdpd"), *arguments, "--data-dir",
             str(self.directory / "data"), "--listen", "127.0.0.1:0",
             "--http-listen", "none"], cwd=ROOT, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.log = []
        self._reader = threading.Thread(
            target=lambda: self.log.extend(self.process.stderr), daemon=True)
        self._reader.start()
        line = self.process.stdout.readline()
        if not line:
            self._reader.join()
            raise AssertionError("pdpd ended: " + "".join(self.log[-5:]))
        self.target = json.loads(line)["grpc"][0]

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(timeout=60)
        self._reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def audit(self):
        """What is in the audit log."""
        return "".join(
            path.read_text(errors="replace")
            for path in sorted((self.directory / "data/audit").rglob("*"))
            if path.is_file())

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)
