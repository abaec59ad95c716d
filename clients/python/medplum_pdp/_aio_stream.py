"""As _stream.py, for asyncio."""

from __future__ import annotations

import asyncio
from typing import Any, Optional

from medplum_pdp._core import failure_of
from medplum_pdp.decision import Failure


class AsyncDuplexStream:
    """REQUIRES: one task uses it, and closes it."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._incoming: asyncio.Queue[Any] = asyncio.Queue()
        self._reader = asyncio.ensure_future(self._read())
        self.has_ended = False
        self.failure: Optional[Failure] = None
        self._end: Optional[Failure] = None

    async def send(self, message: Any) -> bool:
        """False where the stream has ended."""
        try:
            await self._call.write(message)
        except Exception:  # Why it ended is what the reader finds.
            return False
        return True

    async def end_sending(self) -> None:
        try:
            await self._call.done_writing()
        except Exception:
            pass

    async def take(self, wait: bool) -> Any:
        """The next message; None where none has come (without `wait`), or the
        stream has ended."""
        if self.has_ended or (not wait and self._incoming.empty()):
            return None
        found = await self._incoming.get()
        if found is None:
            self.has_ended = True
            self.failure = self._end
        return found

    async def close(self) -> None:
        self._call.cancel()
        await asyncio.wait([self._reader])

    async def _read(self) -> None:
        try:
            async for message in self._call:
                self._incoming.put_nowait(message)
        except Exception as error:  # Whatever it was, the stream has ended.
            self._end = failure_of(error)
        self._incoming.put_nowait(None)
