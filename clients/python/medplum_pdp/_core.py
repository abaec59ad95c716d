"""What the clients for threads and for asyncio share: how a call is made, and
when it is made again."""

from __future__ import annotations

import json
import logging
import pathlib
import random
import re
import time
from typing import Any, Iterable, List, Optional, Sequence, Tuple

import grpc

from medplum_pdp._v1 import decision_pb2, decision_pb2_grpc
from medplum_pdp.decision import (Decision, Failure, decision_from, no_decision,
                                  reason_name)
from medplum_pdp.filters import FilterResult
from medplum_pdp.options import (CallOptions, CallReport, Hook, RetryBudget,
                                 Tls)

_LOG = logging.getLogger("medplum_pdp")

DEFAULT_TIMEOUT = 1.0
# Of a stream that ends by itself.
DEFAULT_STREAM_TIMEOUT = 60.0

# What the server takes in one batch, and less than it takes in one message.
MAX_BATCH_ITEMS = 1000
MAX_BATCH_BYTES = 3 * 1024 * 1024

# No decision, and none a moment later either.
_LASTING = ("STALE", "CREDENTIALS_REFUSED", "PROJECT_GONE", "ACCESS_MISSING",
            "AUDIT_UNAVAILABLE")

# Perhaps there is one a moment later, of another server.  CANCELLED is what
# reaches a server just as it stops: callers cannot cancel a call.
_PASSING = ("UNAVAILABLE", "CANCELLED")

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_TOKEN = re.compile(r"[!-~]+")

Metadata = List[Tuple[str, str]]

# A server that is starting or stopping is passed over.
_SERVICE_CONFIG = json.dumps({"healthCheckConfig": {
    "serviceName": "medplum.pdp.v1.PolicyDecisionPoint"}})

CHANNEL_OPTIONS: Sequence[Tuple[str, Any]] = (
    ("grpc.enable_retries", 0),
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)


class CallFailed(Exception):
    """The call has no answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


def failed(code: str, message: str) -> CallFailed:
    return CallFailed(Failure(code, message))


def failure_of(error: BaseException) -> Failure:
    """The status that a call ended with."""
    code = getattr(error, "code", None)
    if isinstance(error, grpc.RpcError) and callable(code):
        status = code()
        name = status.name if status is not None else "UNKNOWN"
        return Failure(name, str(error.details() or ""))
    return Failure("UNKNOWN", f"cannot call: {type(error).__name__}")


class Target:
    """Whom to call, and by what transport."""

    def __init__(self, address: str, tls: Optional[Tls],
                 plaintext: bool) -> None:
        if not isinstance(address, str) or not address:
            raise ValueError("no target")
        self.address = address
        self.tls = tls
        self.is_local = is_local(address)
        if tls is not None and plaintext:
            raise ValueError("either tls or plaintext")
        if tls is None and not plaintext and not address.startswith("unix:"):
            raise ValueError("say tls=Tls(...), or plaintext=True")

    def credentials(self) -> Optional[grpc.ChannelCredentials]:
        if self.tls is None:
            return None
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.tls.ca_file),
            private_key=_read(self.tls.private_key_file),
            certificate_chain=_read(self.tls.certificate_file))

    def options(self) -> List[Tuple[str, Any]]:
        options = list(CHANNEL_OPTIONS)
        if self.tls is not None and self.tls.server_name is not None:
            options.append(
                ("grpc.ssl_target_name_override", self.tls.server_name))
        return options


def _read(path: Any) -> Optional[bytes]:
    return None if path is None else pathlib.Path(path).read_bytes()


def is_local(address: str) -> bool:
    """Whether what is sent there stays on this host."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    for scheme in ("dns:///", "dns:", "ipv4:", "ipv6:"):
        if address.startswith(scheme):
            return all(is_local(part)
                       for part in address[len(scheme):].split(","))
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        return False
    return host in ("localhost", "[::1]") or \
        re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


class Core:
    """The configuration of a client, and what it keeps between calls."""

    def __init__(self, target: str, *, tls: Optional[Tls], plaintext: bool,
                 timeout: float, stream_timeout: float, has_token: bool,
                 hook: Optional[Hook], retry_budget: Optional[RetryBudget],
                 ) -> None:
        if timeout <= 0 or stream_timeout <= 0:
            raise ValueError("a timeout is more than 0")
        self.target = Target(target, tls, plaintext)
        if has_token and tls is None and not self.target.is_local:
            raise ValueError("a token does not leave this host in plaintext")
        self.timeout = timeout
        self.stream_timeout = stream_timeout
        self.hook = hook
        self.budget = retry_budget or RetryBudget()

    def metadata(self, options: CallOptions, token: Optional[str]) -> Metadata:
        found: Metadata = []
        if token is not None:
            if not isinstance(token, str) or not _TOKEN.fullmatch(token):
                raise failed("UNAUTHENTICATED",
                             "the token provider gave no token")
            found.append(("authorization", f"Bearer {token}"))
        for name, value, form in (
                ("traceparent", options.traceparent, _TRACEPARENT),
                ("x-request-id", options.request_id, _REQUEST_ID)):
            if isinstance(value, str) and form.fullmatch(value):
                found.append((name, value))
        return found


class Attempts:
    """One call: its deadline, whether it is made again, and the report."""

    def __init__(self, core: Core, method: str, options: CallOptions,
                 is_stream: bool = False) -> None:
        self._core = core
        self._method = method
        self._started = time.monotonic()
        timeout = options.timeout
        if timeout is None:
            timeout = core.stream_timeout if is_stream else core.timeout
        self._deadline = self._started + timeout
        self._may_retry = not is_stream and method != "RecordAccess"
        self._retried = False

    def remaining(self) -> float:
        """Seconds; raises CallFailed where there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise failed("DEADLINE_EXCEEDED", "the deadline has passed")
        return left

    def pause_before_retry(self, failure: Failure) -> Optional[float]:
        """Seconds to wait and then call again; None: do not."""
        if not self._may_retry or self._retried or \
                failure.code not in _PASSING or \
                failure.message.startswith(_LASTING):
            return None
        pause = random.uniform(0.010, 0.050)
        if pause >= self._deadline - time.monotonic() or \
                not self._core.budget.take():
            return None
        self._retried = True
        return pause

    def succeeded(self) -> None:
        self._core.budget.succeeded()

    def report(self, outcome: str, reason: str = "") -> None:
        hook = self._core.hook
        if hook is None:
            return
        try:
            hook(CallReport(self._method, outcome, reason,
                            time.monotonic() - self._started, self._retried))
        except Exception:  # The caller's own code.
            _LOG.exception("the hook raised")

    def report_decision(self, decision: Decision) -> Decision:
        self.report(decision.failure.code if decision.failure
                    else decision.effect.name, decision.reason)
        return decision

    def report_filter(self, result: FilterResult) -> FilterResult:
        self.report(result.failure.code if result.failure
                    else result.kind.name, result.reason)
        return result


def stub(channel: Any) -> Any:
    # What protoc writes for gRPC has no types.
    return decision_pb2_grpc.PolicyDecisionPointStub(  # type: ignore
        channel)


def expect(request: Any, kind: type) -> None:
    """A fault of the program is raised, not answered."""
    if not isinstance(request, kind):
        raise TypeError(f"expected a {kind.__name__}, "
                        f"not a {type(request).__name__}")


def check_answer(response: decision_pb2.CheckResponse) -> Decision:
    if not response.HasField("decision"):
        return no_decision("MALFORMED", "the answer has no decision")
    return decision_from(response.decision)


def item_answer(result: Any) -> Decision:
    """Of a batch or a stream."""
    which = result.WhichOneof("result")
    if which == "decision":
        return decision_from(result.decision)
    if which == "error":
        try:
            code = _CODES[result.error.code]
        except KeyError:
            code = "UNKNOWN"
        return no_decision(code, result.error.message)
    return no_decision("MALFORMED", "the answer has no decision")


_CODES = {code.value[0]: code.name for code in grpc.StatusCode
          if code is not grpc.StatusCode.OK}


def batch_answers(response: decision_pb2.BatchCheckResponse,
                  count: int) -> List[Decision]:
    if len(response.results) != count:
        return [no_decision("MALFORMED",
                            "not as many results as items")] * count
    return [item_answer(result) for result in response.results]


def split_batch(request: decision_pb2.BatchCheckRequest,
                ) -> Iterable[decision_pb2.BatchCheckRequest]:
    """`request` in parts that the server takes, in order; each has the
    resources that its items refer to."""
    sizes = [resource.ByteSize() for resource in request.resources]
    part = _empty_part(request)
    known: dict[int, int] = {}
    size = 0
    for item in request.items:
        index = None
        if item.WhichOneof("target") == "resource_index":
            index = item.resource_index
            if index >= len(sizes):
                raise ValueError(f"there is no resource {index}")
        added = item.ByteSize()
        if index is not None and index not in known:
            added += sizes[index]
        is_full = len(part.items) == MAX_BATCH_ITEMS or \
            size + added > MAX_BATCH_BYTES
        if is_full and part.items:
            yield part
            part, known, size = _empty_part(request), {}, 0
            added = item.ByteSize() + (0 if index is None else sizes[index])
        size += added
        part.items.append(item)
        if index is not None:
            if index not in known:
                known[index] = len(part.resources)
                part.resources.append(request.resources[index])
            part.items[-1].resource_index = known[index]
    if part.items:
        yield part


def _empty_part(request: decision_pb2.BatchCheckRequest,
                ) -> decision_pb2.BatchCheckRequest:
    part = decision_pb2.BatchCheckRequest()
    for field in ("subject", "context", "consistency"):
        if request.HasField(field):
            getattr(part, field).CopyFrom(getattr(request, field))
    return part


def tenants_of(response: decision_pb2.DescribeAccessResponse) -> List[str]:
    if reason_name(response.reason) != "PERMITTED":
        return []
    return list(dict.fromkeys(
        tenant.reference for tenant in response.tenants))
