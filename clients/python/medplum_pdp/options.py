"""How a client calls: transport, deadlines, retries, hooks."""

from __future__ import annotations

import dataclasses
import os
import threading
from typing import Callable, Optional, Union

Path = Union[str, "os.PathLike[str]"]


@dataclasses.dataclass(frozen=True)
class Tls:
    """TLS, and mutual TLS where a certificate is given.  Files are PEM, and
    read when the client first calls."""

    #: Whom to trust; None: the certificates of the system.
    ca_file: Optional[Path] = None
    certificate_file: Optional[Path] = None
    private_key_file: Optional[Path] = None
    #: The name that the server's certificate has to bear, where it is not that
    #: of the target.
    server_name: Optional[str] = None

    def __post_init__(self) -> None:
        if (self.certificate_file is None) != (self.private_key_file is None):
            raise ValueError(
                "certificate_file and private_key_file belong together")


@dataclasses.dataclass(frozen=True)
class CallOptions:
    """Of one call."""

    #: Seconds; None: the client's.
    timeout: Optional[float] = None
    #: W3C Trace Context of the request that asks.  What is malformed is not
    #: sent.
    traceparent: Optional[str] = None
    request_id: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class CallReport:
    """What the hook is told of each call."""

    #: `Check`, `Filter` and so on.
    method: str
    #: The effect or the kind of a decision, `OK` of another answer, or the
    #: status, `UNAVAILABLE` and so on.
    outcome: str
    #: Of a decision.
    reason: str
    seconds: float
    retried: bool


#: A token for `authorization: Bearer`, asked for on every call.
TokenProvider = Callable[[], str]

#: Told of each call; what it raises is swallowed.
Hook = Callable[[CallReport], None]


class RetryBudget:
    """How many retries there may be: a bucket of tokens.  Thread-safe."""

    def __init__(self, capacity: float = 10.0, cost: float = 1.0,
                 refund: float = 0.1) -> None:
        self._lock = threading.Lock()
        self._capacity = capacity
        self._tokens = capacity
        self._cost = cost
        self._refund = refund

    def take(self) -> bool:
        """Whether there is room for a retry, which is then taken."""
        with self._lock:
            if self._tokens < self._cost:
                return False
            self._tokens -= self._cost
            return True

    def succeeded(self) -> None:
        with self._lock:
            self._tokens = min(self._capacity, self._tokens + self._refund)
