"""The server's HTTP: routes, authentication, faults, what it keeps count of."""

import asyncio
import base64
import collections
import email.utils
import json
import socket
import ssl
import time
import urllib.parse

from aiohttp import web

from .admin_api import AdminApi
from .audit_events import faults_of_batch
from .control import Control
from .faults import HttpFaults, NotificationFaults
from .fhir_api import Answer, FhirApi, outcome_answer, parse
from .hooks import Hooks
from .logins import Logins, TokenError
from .notifier import Notifier
from .outcome import Outcome, dumps
from .web_socket import WebSockets
from .world import World

JSON = "application/json; charset=utf-8"


class Settings:
    """Seconds, unless it says otherwise."""

    def __init__(self, **options):
        self.answer_seconds = 0.005  # How long an answer takes at least.
        self.event_seconds = 0.004  # From a change to its notifications.
        self.heartbeat_seconds = 10.0
        self.hook_retry_seconds = 20.0  # Before the second delivery.
        self.hook_parallel = 20
        self.token_seconds = 3600
        self.binding_seconds = 3600
        # Whether they are still issued, as those of inactive members are.
        self.tokens_for_gone_projects = True
        self.subscriptions_per_author = 20
        self.allow_unsafe_outbound = True
        self.version = "5.1.29-4f2a1c9e"
        self.base_url = ""  # Set when the port is known.
        for name, value in options.items():
            if not hasattr(self, name):
                raise ValueError(f"no setting {name}")
            setattr(self, name, value)

    def web_socket_url(self):
        return "ws" + self.base_url.removeprefix("http") + \
            "ws/subscriptions-r4"


class Server:
    def __init__(self, settings):
        self.settings = settings
        self.world = World()
        self.logins = Logins(self.world, settings)
        self.faults = HttpFaults()
        self.notification_faults = NotificationFaults()
        self.notifier = Notifier(self.world, self.logins, settings)
        self.web_sockets = WebSockets(self.world, self.logins, self.notifier,
                                      self.notification_faults, settings)
        self.hooks = Hooks(self.world, self.notification_faults, settings)
        self.notifier.sockets = self.web_sockets
        self.notifier.hooks = self.hooks
        self.fhir = FhirApi(self.world, self.logins, self.notifier, settings)
        self.admin = AdminApi(self.world, settings)
        self.control = Control(self)
        self.watched_clients = set()  # That may write Subscriptions alone.
        self.violations = []
        self.counts = collections.Counter()  # `GET AccessPolicy` and alike
        self.requests = collections.deque(maxlen=20000)
        self.ssl_context = None
        self._placeholder = None
        self._address = None
        self._runner = None
        self._control_runner = None
        self._heartbeats = None

    # Starting and stopping.

    async def start(self, host, port, certificate=None, key=None):
        """Returns the port."""
        if certificate:
            self.ssl_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.ssl_context.load_cert_chain(certificate, key)
        # Holds the port while nobody listens.
        self._placeholder = reusable_socket(host, port)
        self._address = self._placeholder.getsockname()[:2]
        scheme = "https" if certificate else "http"
        self.settings.base_url = f"{scheme}://{host}:{self._address[1]}/"
        application = web.Application(client_max_size=64 << 20)
        application.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(
            application, access_log=None, max_line_size=1 << 20,
            keepalive_timeout=75.0)
        await self._runner.setup()
        await self.listen()
        self._heartbeats = asyncio.get_running_loop().create_task(
            self.web_sockets.heartbeats())
        return self._address[1]

    async def start_control(self):
        """Returns the port of `/control/METHOD`, which has its own so that it
        can be reached while the server cannot."""
        application = web.Application(client_max_size=256 << 20)
        application.router.add_route("*", "/control/{method}",
                                     self.control.handle)
        self._control_runner = web.AppRunner(application, access_log=None)
        await self._control_runner.setup()
        site = web.TCPSite(self._control_runner, "127.0.0.1", 0)
        await site.start()
        return site._server.sockets[0].getsockname()[1]

    async def listen(self):
        self._site = web.SockSite(
            self._runner, reusable_socket(*self._address),
            ssl_context=self.ssl_context, backlog=1024, shutdown_timeout=1)
        await self._site.start()

    async def stop_listening(self):
        """Nobody is let in, and whoever is in is thrown out."""
        site, self._site = self._site, None
        self._runner._unreg_site(site)
        site._server.close()
        for connection in list(self._runner.server.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def stop(self):
        self._heartbeats.cancel()
        if self._site is not None:
            await self.stop_listening()
        self.hooks.sender.close()
        self._placeholder.close()
        await self._runner.cleanup()
        if self._control_runner is not None:
            await self._control_runner.cleanup()

    # One request.

    async def _handle(self, request):
        path = request.path
        begun = time.monotonic()
        target = request.raw_path
        fault = self.faults.take(
            request.method, target,
            self.logins.client_of(request.headers.get("Authorization")))
        if path == "/ws/subscriptions-r4" and fault is None:
            return await self.web_sockets.serve(request)
        body = await request.read()
        if fault is not None:
            await self.control.run(fault.options.get("before", ()))
        who, answer = self._answer(request, path, body)
        self._note(request, path, body, who, answer)
        if fault is not None:
            await self.control.run(fault.options.get("after", ()))
        rest = begun + self.settings.answer_seconds - time.monotonic()
        if rest > 0:
            await asyncio.sleep(rest)
        headers = {**answer.headers, "Content-Type": answer.content_type,
                   "Date": self._date()}
        if fault is not None:
            return await self._faulty(request, fault, answer, headers)
        return web.Response(status=answer.status, body=answer.body,
                            headers=headers)

    def _date(self):
        return email.utils.formatdate(self.world.now_ms() / 1000, usegmt=True)

    def _answer(self, request, path, body):
        """The caller, where there is one, and the Answer."""
        caller = None
        try:
            public = self._public(request, path, body)
            if public is not None:
                return None, public
            caller = self.logins.authenticate(
                request.headers.get("Authorization"))
            if path == "/auth/me":
                return caller, self.admin.me(caller)
            if path.startswith("/admin/"):
                return caller, self.admin.handle(caller, request.method, path,
                                                 parse(body or b"{}"))
            if path.startswith("/fhir/R4"):
                pairs = urllib.parse.parse_qsl(request.url.raw_query_string,
                                               keep_blank_values=True)
                return caller, self.fhir.handle(
                    caller, request.method, path.removeprefix("/fhir/R4"),
                    pairs, body, request.headers)
            raise Outcome("not-found")
        except Outcome as outcome:
            return caller, outcome_answer(outcome)

    def _public(self, request, path, body):
        base = self.settings.base_url
        if path == "/oauth2/token" and request.method == "POST":
            form = dict(urllib.parse.parse_qsl(body.decode()))
            basic = None
            header = request.headers.get("Authorization", "")
            if header.startswith("Basic "):
                basic = base64.b64decode(header[6:]).decode().split(":")[:2]
            try:
                issued = self.logins.issue(form, basic, base + "oauth2/token")
                return Answer(200, dumps(issued), content_type=JSON)
            except TokenError as error:
                return Answer(400, dumps(error.body), content_type=JSON)
        if path == "/healthcheck":
            return Answer(200, dumps({
                "ok": True, "version": self.settings.version,
                "platform": "linux", "postgres": True, "redis": True,
            }), content_type=JSON)
        if path == "/fhir/R4/metadata":
            return Answer(200, dumps({
                "resourceType": "CapabilityStatement", "status": "active",
                "kind": "instance", "fhirVersion": "4.0.1",
                "software": {"name": "medplum",
                             "version": self.settings.version}}))
        if path in ("/.well-known/openid-configuration",
                    "/fhir/R4/.well-known/smart-configuration"):
            return Answer(200, dumps({
                "issuer": base, "token_endpoint": base + "oauth2/token",
                "jwks_uri": base + ".well-known/jwks.json",
                "grant_types_supported": ["client_credentials"],
            }), content_type=JSON)
        if path == "/.well-known/jwks.json":
            return Answer(200, dumps(self.logins.key_set()), content_type=JSON)
        return None

    def _note(self, request, path, body, caller, answer):
        shape = path.removeprefix("/fhir/R4/").split("/")[0] or path
        self.counts[f"{request.method} {shape}"] += 1
        client = caller.login.client if caller else None
        self.requests.append((time.monotonic_ns(), request.method,
                              request.raw_path, client, answer.status))
        if client not in self.watched_clients:
            return
        if request.method == "POST" and path == "/fhir/R4":
            self.violations += faults_of_batch(body)
            return
        if request.method != "GET" and shape != "Subscription" and not (
                request.method == "POST" and path.endswith("/_search")):
            self.violations.append(f"wrote: {request.method} {path}")
        if request.method == "GET" and path.startswith("/fhir/R4/") and \
                shape != "Subscription" and \
                request.headers.get("X-Medplum") != "extended":
            self.violations.append(f"read without extended meta: {path}")

    async def _faulty(self, request, fault, answer, headers):
        kind, options = fault.kind, fault.options
        status, body = answer.status, answer.body
        if kind == "delay":
            await asyncio.sleep(options["seconds"])
        elif kind == "close":
            request.transport.abort()
        elif kind == "status":
            status = options.get("status", 500)
            body = options.get("body", '{"resourceType":"OperationOutcome"}')
            headers.update(options.get("headers", {}))
        elif kind == "garbage":
            status, body = 200, "<html>Bad gateway</html>"
        elif kind == "replace":
            status, body = 200, options["body"]
        elif kind == "redirect":
            status, body = 302, ""
            headers["Location"] = options["location"]
        elif kind == "next":
            bundle = json.loads(body)
            for link in bundle.get("link", []):
                if link["relation"] == "next":
                    link["url"] = options["location"]
            body = dumps(bundle)
        if isinstance(body, str):
            body = body.encode()
        if kind in ("cut", "stall"):
            return await self._half(request, fault, status, body, headers)
        return web.Response(status=status, body=body, headers=headers)

    @staticmethod
    async def _half(request, fault, status, body, headers):
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[:len(body) // 2])
        if fault.kind == "stall":
            await asyncio.sleep(fault.options["seconds"])
        if request.transport is not None:
            request.transport.close()
        return response


def reusable_socket(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    result = socket.socket(family, socket.SOCK_STREAM)
    result.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    result.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    result.bind((host, port))
    return result
