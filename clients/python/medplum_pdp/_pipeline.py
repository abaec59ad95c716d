"""Questions and answers over one stream of CheckStream, in one order."""

from __future__ import annotations

from typing import Any, Optional, Protocol

from medplum_pdp._core import expect, item_answer
from medplum_pdp._v1 import decision_pb2
from medplum_pdp.decision import Decision, Failure, no_decision


class _Stream(Protocol):
    @property
    def has_ended(self) -> bool: ...

    @property
    def failure(self) -> Optional[Failure]: ...


class CheckPipeline:
    """Numbers the questions, and matches the answers with them."""

    def __init__(self) -> None:
        self._asked = 0
        self._answered = 0
        #: Once something is wrong with the stream, the answer to all.
        self.broken: Optional[Decision] = None

    @property
    def open(self) -> int:
        """How many questions have no answer."""
        return self._asked - self._answered

    def ask(self, request: decision_pb2.CheckRequest,
            ) -> decision_pb2.CheckStreamRequest:
        """What to send."""
        expect(request, decision_pb2.CheckRequest)
        self._asked += 1
        return decision_pb2.CheckStreamRequest(id=self._asked - 1,
                                               check=request)

    def answer(self, message: Any, stream: _Stream) -> Optional[Decision]:
        """To the first open question, by what came (None: nothing); None where
        it is to be waited for."""
        if self.broken is None:
            if message is None and not stream.has_ended:
                return None
            if message is not None and message.id == self._answered:
                self._answered += 1
                return item_answer(message)
            failure = stream.failure or Failure(
                "MALFORMED", "no answer in the order of the questions")
            self.broken = no_decision(failure.code, failure.message)
        self._answered += 1
        return self.broken

    @property
    def outcome(self) -> str:
        """For the hook."""
        if self.broken is not None and self.broken.failure is not None:
            return self.broken.failure.code
        return "OK" if self.open == 0 else "CANCELLED"
