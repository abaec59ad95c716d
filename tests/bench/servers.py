"""The servers that are measured, each a process of its own on this machine."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("PDP_BIN", ROOT / "build/bin"))
LONG = 120  # Seconds that are never reached unless something is wrong.


class Failure(Exception):
    """What was to be measured cannot be."""


class Server:
    """A process, and where it listens.  Ends with the block that it is in."""

    def __init__(self, command, log, ready_line=True):
        self.log = log
        self._log = open(log, "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE if ready_line else self._log,
            stderr=self._log, text=True)
        self.first_line = ""
        if ready_line:
            self.first_line = self.process.stdout.readline()
            if not self.first_line:
                raise Failure(f"{command[0]} did not start: "
                              + pathlib.Path(log).read_text("utf-8")[-2000:])
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=LONG)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self._log.close()

    def resident_mib(self):
        pages = int(pathlib.Path(f"/proc/{self.pid}/statm")
                    .read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 2**20


class Pdpd(Server):
    """The decision point with all defaults; its callers have a token."""

    TOKEN = "5f0c3f6b8e1d4a7c9b2e5d8f1a4c7b0e3d6f9a2c5b8e1d4f"
    header = f"authorization:Bearer {TOKEN}"
    name = "pdpd"

    def __init__(self, work, source, name="pdpd", flags=(), tls=None,
                 unix=False):
        token = work / "token"
        token.write_text(self.TOKEN + "\n", encoding="ascii")
        token.chmod(0o600)
        self.data = work / f"{name}-data"
        self.unix = work / f"{name}.sock"
        command = [BIN / "pdpd", "--source", f"directory:{source}",
                   "--data-dir", self.data, "--http-listen", "127.0.0.1:0",
                   "--listen",
                   f"unix:{self.unix}" if unix else "127.0.0.1:0",
                   "--callers", f"name=bench,token-file={token},"
                   "permissions=all,subjects=any,resources=inline", *flags]
        if tls:
            command += ["--tls.certificate-file", tls.certificate,
                        "--tls.private-key-file", tls.key]
        super().__init__(command, work / f"{name}.log")
        ready = json.loads(self.first_line)
        self.target = ready["grpc"][0]
        self.http = ready["http"]
        self.tls = tls


class Echo(Server):
    """The ruler: a gRPC server that decides nothing."""

    header = Pdpd.header  # The same bytes.
    name = "echo"

    def __init__(self, work, tls=None, unix=False):
        path = work / "echo.sock"
        address = f"unix:{path}" if unix else "127.0.0.1:0"
        files = [tls.certificate, tls.key] if tls else []
        super().__init__([BIN / "echo_server", address, *files],
                         work / "echo.log")
        self.target = (address if unix
                       else f"127.0.0.1:{self.first_line.strip()}")
        self.tls = tls


class Cerbos(Server):
    """A peer, which decides by the policies in cerbos/."""

    header = None
    name = "cerbos"
    tls = None

    def __init__(self, work, binary):
        ports = free_ports(2)
        super().__init__(
            [binary, "server", "--log-level=warn", "--config", ROOT / "tests/bench/cerbos/conf.yaml",
             "--set", f"server.httpListenAddr=127.0.0.1:{ports[0]}",
             "--set", f"server.grpcListenAddr=127.0.0.1:{ports[1]}",
             "--set", "storage.disk.directory="
             f"{ROOT / 'tests/bench/cerbos/policies'}"],
            work / "cerbos.log", ready_line=False)
        self.target = f"127.0.0.1:{ports[1]}"
        wait_for_port(ports[1], self.process)


class Tls:
    """A certificate for localhost that signs itself."""

    name = "localhost"

    def __init__(self, work):
        self.certificate = work / "tls.crt"
        self.key = work / "tls.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", self.key, "-out", self.certificate],
            check=True, capture_output=True)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_for_port(port, process):
    end = time.monotonic() + LONG
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Failure(f"nothing listens on port {port}")
