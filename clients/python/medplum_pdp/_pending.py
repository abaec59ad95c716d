"""What a method of the asyncio client returns: something to be awaited, that is
neither true nor false before."""

from __future__ import annotations

import functools
import warnings
from typing import (Any, Awaitable, Callable, Coroutine, Generator, Generic,
                    ParamSpec, TypeVar)

T = TypeVar("T")
P = ParamSpec("P")


class Pending(Awaitable[T], Generic[T]):
    """An answer that has not come yet.  A coroutine is true, and so a
    forgotten `await` would permit: this raises TypeError where it is tested."""

    def __init__(self, coroutine: Callable[[], Coroutine[Any, Any, T]],
                 name: str) -> None:
        self._coroutine = coroutine
        self._name = name
        self._awaited = False

    def __await__(self) -> Generator[Any, None, T]:
        self._awaited = True
        return self._coroutine().__await__()

    def __bool__(self) -> bool:
        self._awaited = True  # One complaint is enough.
        raise TypeError(f"{self._name} has to be awaited")

    def __del__(self) -> None:
        if not self._awaited:
            warnings.warn(f"{self._name} was never awaited", RuntimeWarning,
                          stacklevel=2)


def pending(method: Callable[P, Coroutine[Any, Any, T]],
            ) -> Callable[P, Pending[T]]:
    """Makes an `async def` return a Pending."""

    @functools.wraps(method)
    def made(*args: P.args, **kwargs: P.kwargs) -> Pending[T]:
        return Pending(lambda: method(*args, **kwargs), method.__qualname__)

    return made
