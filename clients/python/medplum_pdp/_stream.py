"""One stream in both directions, of which the caller's thread sends and takes
what has come; a thread of its own reads."""

from __future__ import annotations

import queue
import threading
from typing import Any, Callable, Optional

from medplum_pdp._core import Metadata, failure_of
from medplum_pdp.decision import Failure

_LAST = object()
_ROOM = 64  # Messages that wait to be sent.


class _Ended:
    def __init__(self, failure: Optional[Failure]) -> None:
        self.failure = failure


class DuplexStream:
    """REQUIRES: one thread uses it, and closes it."""

    def __init__(self, method: Callable[..., Any], timeout: float,
                 metadata: Metadata) -> None:
        self._outgoing: queue.Queue[Any] = queue.Queue(_ROOM)
        self._incoming: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._end: Optional[_Ended] = None
        self._call = method(iter(self._outgoing.get, _LAST), timeout=timeout,
                            metadata=metadata)
        threading.Thread(target=self._read, daemon=True,
                         name="medplum_pdp stream").start()

    def send(self, message: Any) -> bool:
        """False where the stream has ended."""
        while not self._ended.is_set():
            try:
                self._outgoing.put(message, timeout=0.05)
                return True
            except queue.Full:
                continue
        return False

    def end_sending(self) -> None:
        self.send(_LAST)

    def take(self, wait: bool) -> Any:
        """The next message; None where none has come (without `wait`), or the
        stream has ended."""
        if self._end is not None:
            return None
        try:
            found = self._incoming.get(block=wait)
        except queue.Empty:
            return None
        if isinstance(found, _Ended):
            self._end = found
            return None
        return found

    @property
    def has_ended(self) -> bool:
        """All that came has been taken, and no more will come."""
        return self._end is not None

    @property
    def failure(self) -> Optional[Failure]:
        """Why it ended; None: as it should."""
        return self._end.failure if self._end is not None else None

    def close(self) -> None:
        self._call.cancel()
        # gRPC's thread may be waiting for a message to send.
        try:
            self._outgoing.put_nowait(_LAST)
        except queue.Full:
            pass

    def _read(self) -> None:
        failure = None
        try:
            for message in self._call:
                self._incoming.put(message)
        except Exception as error:  # Whatever it was, the stream has ended.
            failure = failure_of(error)
        self._ended.set()
        self._incoming.put(_Ended(failure))
