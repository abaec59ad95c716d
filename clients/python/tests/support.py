"""A server that answers what a test says, over real sockets, and one way to ask
it with both clients."""

import asyncio
import concurrent.futures
import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import grpc  # noqa: E402

import medplum_pdp  # noqa: E402
from medplum_pdp._v1 import decision_pb2, types_pb2  # noqa: E402

LONG = 30.0  # Seconds that are never reached unless something is wrong.
SERVICE = "medplum.pdp.v1.PolicyDecisionPoint"
HEALTH = "grpc.health.v1.Health"
MEMBER = "ProjectMembership/m"

_STREAMS = ("CheckStream", "FilterResources")


def permit(**fields):
    """A Decision that permits, unless `fields` say otherwise."""
    return types_pb2.Decision(**{
        "effect": types_pb2.EFFECT_PERMIT,
        "reason": types_pb2.REASON_PERMITTED,
        "decision_id": "d-1", "enforcement_http_status": 200, **fields})


def deny(**fields):
    return types_pb2.Decision(**{
        "effect": types_pb2.EFFECT_DENY,
        "reason": types_pb2.REASON_RESOURCE_NOT_GRANTED,
        "decision_id": "d-2", "enforcement_http_status": 403, **fields})


def checked(decision):
    return decision_pb2.CheckResponse(decision=decision)


def question():
    return medplum_pdp.check_request(MEMBER, "read", "Patient/1")


class Status(Exception):
    """What a call is to end with."""

    def __init__(self, code, message=""):
        super().__init__(code)
        self.code = code
        self.message = message


class ScriptedServer:
    """Answers each call by `script(method, request, context)`: bytes or a
    message, a list of them for a stream, or a Status that is raised.  `request`
    is bytes, an iterator of bytes for a stream."""

    def __init__(self, script, credentials=None, address="127.0.0.1:0",
                 is_serving=None):
        """`is_serving`: what it says of its health; None: it does not know
        that service."""
        self.calls = []
        self.metadata = []
        self._script = script
        self._server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(max_workers=8))
        self._server.add_generic_rpc_handlers(
            (_Handler(self._answer, is_serving),))
        if credentials is None:
            port = self._server.add_insecure_port(address)
        else:
            port = self._server.add_secure_port(address, credentials)
        self._server.start()
        self.target = address if address.startswith("unix:") \
            else f"127.0.0.1:{port}"

    def _answer(self, method, request, context):
        self.calls.append(method)
        self.metadata.append(dict(context.invocation_metadata()))
        try:
            answer = self._script(method, request, context)
            if method in _STREAMS or method == "WatchRevisions":
                return [_bytes(part) for part in answer]
            return _bytes(answer)
        except Status as status:
            context.abort(status.code, status.message)

    def stop(self):
        self._server.stop(None).wait()


def _bytes(answer):
    return answer if isinstance(answer, bytes) else answer.SerializeToString()


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, answer, is_serving):
        self._answer = answer
        self._is_serving = is_serving

    def _watch_health(self, request, context):
        left = threading.Event()
        context.add_callback(left.set)
        yield b"\x08\x01" if self._is_serving else b"\x08\x02"
        left.wait()

    def service(self, details):
        service, _, method = details.method[1:].partition("/")
        if service == HEALTH:
            return None if self._is_serving is None else \
                grpc.unary_stream_rpc_method_handler(self._watch_health)
        assert service == SERVICE, service

        def unary(request, context):
            return self._answer(method, request, context)

        def stream(request, context):
            yield from self._answer(method, request, context) or ()

        if method in _STREAMS:
            return grpc.stream_stream_rpc_method_handler(stream)
        if method == "WatchRevisions":
            return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)


class Threads:
    """Asks with the client for threads."""

    def __init__(self, target, **options):
        options.setdefault("plaintext", "tls" not in options)
        options.setdefault("timeout", LONG)
        self.client = medplum_pdp.PdpClient(target, **options)

    def __getattr__(self, name):
        return getattr(self.client, name)

    def check_stream(self, requests, **options):
        return list(self.client.check_stream(requests, **options))

    def stream_filtered(self, header, resources):
        return list(self.client.stream_filtered(header, resources))


class Asyncio:
    """Asks with the client for asyncio, in a loop of its own."""

    def __init__(self, target, **options):
        options.setdefault("plaintext", "tls" not in options)
        options.setdefault("timeout", LONG)
        self._loop = asyncio.new_event_loop()
        self.client = medplum_pdp.AsyncPdpClient(target, **options)

    def __getattr__(self, name):
        def call(*args, **kwargs):
            return self._run(getattr(self.client, name)(*args, **kwargs))
        return call

    def check_stream(self, requests, **options):
        return self._run(_list(self.client.check_stream(requests, **options)))

    def stream_filtered(self, header, resources):
        return self._run(_list(self.client.stream_filtered(header, resources)))

    def close(self):
        self._run(self.client.close())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _run(self, awaitable):
        async def run():
            return await awaitable
        return self._loop.run_until_complete(run())


async def _list(items):
    return [item async for item in items]


class ClientTest(unittest.TestCase):
    def serve(self, script, **options):
        server = ScriptedServer(script, **options)
        self.addCleanup(server.stop)
        return server

    def answering(self, answer):
        """A server that answers every call so."""
        def script(method, request, context):
            if isinstance(answer, Status):
                raise answer
            return answer
        return self.serve(script)

    def clients(self, target, **options):
        """One client of each kind."""
        for kind in (Threads, Asyncio):
            client = kind(target, **options)
            try:
                yield client
            finally:
                client.close()
