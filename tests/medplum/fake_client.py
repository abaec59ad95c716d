"""Starts a fake Medplum server and talks to it.

    with FakeMedplum() as fake:
        project = fake.add_project()
        login = fake.add_login(project=project)

Every method of fake/control.py is one of FakeMedplum, with its arguments by
name.  `api` makes requests as a client of the server would.
"""

import http.client
import json
import pathlib
import ssl
import subprocess
import sys
import threading
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent


class FakeMedplum:
    def __init__(self, certificate=None, key=None, **settings):
        command = [sys.executable, str(HERE / "fake_medplum.py"),
                   "--with-stdin", "--settings", json.dumps(settings)]
        if certificate:
            command += ["--tls-certificate", certificate, "--tls-key", key]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the fake server did not start")
        ready = json.loads(line)
        self.base_url = ready["base_url"]
        self._control = Connection(ready["control"])
        self._apis = []
        self.certificate = certificate

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for connection in [self._control, *self._apis]:
            connection.close()
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __getattr__(self, method):
        if method.startswith("_"):
            raise AttributeError(method)

        def call(**arguments):
            status, _, body = self._control.request(
                "POST", method, json.dumps(arguments))
            answer = json.loads(body)
            if status != 200:
                raise RuntimeError(f"{method}: {answer['error']}")
            return answer["result"]
        return call

    def api(self, login=None):
        connection = Connection(self.base_url, self.certificate)
        self._apis.append(connection)
        return Api(connection, login)


class Connection:
    """Requests below one URL, over one connection for each thread."""

    def __init__(self, base_url, certificate=None):
        self._base = urllib.parse.urlsplit(base_url)
        self._certificate = certificate
        self._of_thread = threading.local()
        self._all = []

    def close(self):
        for connection in self._all:
            connection.close()

    def request(self, method, path, body=None, headers=None, timeout=60,
                again=True):
        """Returns the status, the headers and the body.  With `again`, once
        more over a new connection where the old one ended."""
        for again in (True, False) if again else (False,):
            connection = getattr(self._of_thread, "connection", None)
            if connection is None:
                connection = self._connect(timeout)
                self._all.append(connection)
                self._of_thread.connection = connection
            try:
                connection.request(method, self._base.path + path, body,
                                   headers or {})
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read()
            except (http.client.HTTPException, OSError):
                connection.close()
                self._of_thread.connection = None
                if not again:
                    raise
        raise AssertionError

    def _connect(self, timeout):
        if self._base.scheme == "https":
            context = ssl.create_default_context(cafile=self._certificate)
            return http.client.HTTPSConnection(
                self._base.hostname, self._base.port, timeout=timeout,
                context=context)
        return http.client.HTTPConnection(self._base.hostname, self._base.port,
                                          timeout=timeout)


class Api:
    """The server's API as one login has it."""

    def __init__(self, connection, login):
        self._connection = connection
        self.token = None
        if login:
            status, answer = self.token_request(
                client_id=login["client"], client_secret=login["secret"])
            if status != 200:
                raise RuntimeError(f"no token: {answer}")
            self.token = answer["access_token"]

    def token_request(self, **form):
        form = {"grant_type": "client_credentials", **form}
        status, _, body = self._connection.request(
            "POST", "oauth2/token", urllib.parse.urlencode(form),
            {"Content-Type": "application/x-www-form-urlencoded"})
        return status, json.loads(body)

    def request(self, method, path, body=None, again=True, **headers):
        """Returns the status and the body's JSON."""
        headers = {name.replace("_", "-"): value
                   for name, value in headers.items()}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            headers.setdefault("Content-Type", "application/fhir+json")
            body = json.dumps(body)
        headers.setdefault("X-Medplum", "extended")
        status, _, text = self._connection.request(
            method, path, body, headers, again=again)
        return status, json.loads(text) if text else None

    def get(self, path, **options):
        return self.request("GET", f"fhir/R4/{path}", **options)

    def create(self, resource):
        return self.request("POST", f"fhir/R4/{resource['resourceType']}",
                            resource)

    def update(self, resource):
        return self.request(
            "PUT", f"fhir/R4/{resource['resourceType']}/{resource['id']}",
            resource)

    def delete(self, reference):
        return self.request("DELETE", f"fhir/R4/{reference}")
