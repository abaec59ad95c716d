"""Real proxies, a FHIR server that only writes down what reaches it, and a
client that sends what it is told to the byte.

The configurations are those of docs/gateway.md, with other addresses.
"""

import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import socketserver
import subprocess
import threading

from harness import LONG, ROOT, wait_until

PAGE = ROOT / "docs/gateway.md"


def configuration(language):
    """The block of that language in the page."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(),
                        re.M | re.S)
    assert len(blocks) == 1, language
    return blocks[0]


def substitute(text, values):
    for old, new in values.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


class Upstream:
    """Answers every request with 200, and keeps what it was sent: (request
    line, [(name in lower case, value)], body)."""

    def __init__(self):
        self.seen = []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while outer._serve(self.rfile, self.wfile):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever,
                         daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, rfile, wfile):
        line = rfile.readline().decode("latin-1").rstrip("\r\n")
        if not line:
            return False
        headers = []
        while True:
            header = rfile.readline().decode("latin-1").rstrip("\r\n")
            if not header:
                break
            name, _, value = header.partition(":")
            headers.append((name.lower(), value.strip()))
        length = int(dict(headers).get("content-length", 0))
        self.seen.append((line, headers, rfile.read(length)))
        wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: 2\r\n\r\n{}")
        return True


class Proxy:
    """A process that listens on `address`: a path or (host, port)."""

    def __init__(self, command, log, address):
        self._log = log
        with open(log, "ab") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.address = address

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(LONG)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait(self, is_there):
        def look():
            if self._process.poll() is not None:
                raise AssertionError(pathlib.Path(self._log).read_text())
            return is_there()
        wait_until(look, "the proxy")

    def connect(self):
        kind = socket.AF_UNIX if isinstance(self.address, str) \
            else socket.AF_INET
        connection = socket.socket(kind, socket.SOCK_STREAM)
        connection.settimeout(LONG)
        try:
            connection.connect(self.address)
        except OSError:
            connection.close()
            raise
        return connection

    def send(self, target, method="GET", headers=(), body=b""):
        """The status and the body of the answer; 0: there was none."""
        def to_bytes(text):
            return text if isinstance(text, bytes) else text.encode("latin-1")
        lines = [to_bytes(method) + b" " + to_bytes(target) + b" HTTP/1.1",
                 b"Host: fhir.example.com", b"Connection: close"]
        lines += [to_bytes(name) + b": " + to_bytes(value)
                  for name, value in headers]
        if body:
            lines.append(b"Content-Length: %d" % len(body))
        with self.connect() as connection:
            connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            response = http.client.HTTPResponse(connection, method="GET")
            try:
                response.begin()
                return response.status, response.read()
            except (http.client.HTTPException, ConnectionError):
                return 0, b""


def nginx(directory, values):
    """None where there is no nginx."""
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        return None
    directory = pathlib.Path(directory)
    path = str(directory / "nginx.sock")
    server = substitute(configuration("nginx"), {
        "listen 127.0.0.1:8080;": f"listen unix:{path};", **values})
    temporary = "".join(
        f"{kind}_temp_path {directory}/{kind};\n" for kind in
        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config = directory / "nginx.conf"
    config.write_text(
        f"daemon off;\nmaster_process off;\npid {directory}/nginx.pid;\n"
        "error_log stderr error;\nevents {}\nhttp {\naccess_log off;\n"
        f"{temporary}{server}}}\n")
    proxy = Proxy([program, "-p", str(directory), "-e", "stderr", "-c",
                   str(config)], directory / "nginx.log", path)
    proxy.wait(lambda: os.path.exists(path))
    return proxy


def envoy(directory, values):
    """None where there is no Envoy: PDP_ENVOY, or `envoy` on the PATH."""
    program = os.environ.get("PDP_ENVOY") or shutil.which("envoy")
    if program is None:
        return None
    directory = pathlib.Path(directory)
    admin = str(directory / "admin.sock")
    config = directory / "envoy.yaml"
    config.write_text(
        f"admin: {{address: {{pipe: {{path: {json.dumps(admin)}}}}}}}\n" +
        substitute(configuration("envoy"),
                   {"port_value: 8080": "port_value: 0", **values}))
    proxy = Proxy([program, "-c", str(config), "--disable-hot-restart",
                   "--concurrency", "1", "-l", "error"],
                  directory / "envoy.log", admin)

    def find_port():
        try:
            status, body = proxy.send("/listeners?format=json")
        except OSError:
            return False
        listeners = json.loads(body) if status == 200 else {}
        for listener in listeners.get("listener_statuses", []):
            address = listener["local_address"]["socket_address"]
            if address.get("port_value"):
                proxy.address = ("127.0.0.1", address["port_value"])
                return True
        return False
    proxy.wait(find_port)
    return proxy
