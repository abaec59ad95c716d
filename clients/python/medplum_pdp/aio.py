"""The client for asyncio."""

from __future__ import annotations

import asyncio
import inspect
import time
from types import TracebackType
from typing import (Any, AsyncIterable, AsyncIterator, Awaitable, Callable,
                    Iterable, List, Optional, Type, TypeVar, Union)

import grpc

from medplum_pdp import _core
from medplum_pdp._aio_stream import AsyncDuplexStream
from medplum_pdp._core import Attempts, CallFailed, Core, failure_of
from medplum_pdp._pending import pending
from medplum_pdp._pipeline import CheckPipeline
from medplum_pdp._v1 import decision_pb2, types_pb2
from medplum_pdp.decision import Decision, Failure, Obligation, no_decision
from medplum_pdp.errors import NoDecision, PermissionDenied, raise_unless
from medplum_pdp.filters import FilterResult, filter_from, no_filter
from medplum_pdp.options import CallOptions, Hook, RetryBudget, Tls
from medplum_pdp.requests import Json, subject, to_json
from medplum_pdp.resources import (FilteredResource, FilteredResources,
                                   ReleaseReader)
from medplum_pdp.revisions import RevisionChange

_DEFAULT = CallOptions()
_T = TypeVar("_T")

#: As TokenProvider, and it may be awaited.
AsyncTokenProvider = Callable[[], Union[str, Awaitable[str]]]
_Some = Union[Iterable[_T], AsyncIterable[_T]]


class AsyncPdpClient:
    """As PdpClient, for asyncio.  It belongs to the loop that first calls it.

    What a method returns has to be awaited; tested before, it raises TypeError,
    so that a forgotten `await` permits nothing.
    """

    def __init__(self, target: str, *, tls: Optional[Tls] = None,
                 plaintext: bool = False,
                 timeout: float = _core.DEFAULT_TIMEOUT,
                 stream_timeout: float = _core.DEFAULT_STREAM_TIMEOUT,
                 token_provider: Optional[AsyncTokenProvider] = None,
                 hook: Optional[Hook] = None,
                 retry_budget: Optional[RetryBudget] = None) -> None:
        self._core = Core(target, tls=tls, plaintext=plaintext,
                          timeout=timeout, stream_timeout=stream_timeout,
                          has_token=token_provider is not None, hook=hook,
                          retry_budget=retry_budget)
        self._token_provider = token_provider
        self._closed = False
        self._channel: Any = None
        self._stub: Any = None

    @pending
    async def check(self, request: decision_pb2.CheckRequest,
                    options: CallOptions = _DEFAULT) -> Decision:
        """As PdpClient.check."""
        _core.expect(request, decision_pb2.CheckRequest)
        attempts = Attempts(self._core, "Check", options)
        try:
            response = await self._unary("Check", request, options, attempts)
        except CallFailed as error:
            return attempts.report_decision(_undecided(error))
        return attempts.report_decision(_core.check_answer(response))

    @pending
    async def require_check(self, request: decision_pb2.CheckRequest,
                            *honored: Obligation,
                            options: CallOptions = _DEFAULT) -> Decision:
        """As PdpClient.require_check."""
        decision = await self.check(request, options)
        return raise_unless(decision.permitted_if(*honored), decision)

    @pending
    async def check_many(self, request: decision_pb2.BatchCheckRequest,
                         options: CallOptions = _DEFAULT) -> List[Decision]:
        """As PdpClient.check_many."""
        _core.expect(request, decision_pb2.BatchCheckRequest)
        parts = list(_core.split_batch(request))
        end = time.monotonic() + (self._core.timeout if options.timeout is None
                                  else options.timeout)
        decisions: List[Decision] = []
        for part in parts:
            left = CallOptions(end - time.monotonic(), options.traceparent,
                               options.request_id)
            attempts = Attempts(self._core, "BatchCheck", left)
            count = len(part.items)
            try:
                response = await self._unary("BatchCheck", part, left, attempts)
            except CallFailed as error:
                attempts.report(error.failure.code)
                decisions += [_undecided(error)] * count
                continue
            attempts.report("OK")
            decisions += _core.batch_answers(response, count)
        return decisions

    async def check_stream(self, requests: _Some[decision_pb2.CheckRequest],
                           options: CallOptions = _DEFAULT, *,
                           window: int = 64) -> AsyncIterator[Decision]:
        """As PdpClient.check_stream; `requests` may be asynchronous."""
        attempts = Attempts(self._core, "CheckStream", options, is_stream=True)
        try:
            stream = await self._stream("CheckStream", options, attempts)
        except CallFailed as error:
            attempts.report(error.failure.code)
            async for _ in _aiter(requests):
                yield _undecided(error)
            return
        pipeline = CheckPipeline()
        try:
            async for request in _aiter(requests):
                await stream.send(pipeline.ask(request))
                async for decision in _answers(stream, pipeline, window - 1):
                    yield decision
            await stream.end_sending()
            async for decision in _answers(stream, pipeline, 0):
                yield decision
        finally:
            await stream.close()
            attempts.report(pipeline.outcome)

    @pending
    async def filter(self, request: decision_pb2.FilterRequest,
                     options: CallOptions = _DEFAULT) -> FilterResult:
        """As PdpClient.filter."""
        _core.expect(request, decision_pb2.FilterRequest)
        attempts = Attempts(self._core, "Filter", options)
        try:
            response = await self._unary("Filter", request, options, attempts)
        except CallFailed as error:
            failure = error.failure
            return attempts.report_filter(
                no_filter(failure.code, failure.message))
        return attempts.report_filter(
            filter_from(response, request.resource_type))

    @pending
    async def require_filter(self, request: decision_pb2.FilterRequest,
                             options: CallOptions = _DEFAULT) -> FilterResult:
        """As PdpClient.require_filter."""
        result = await self.filter(request, options)
        if result.permitted:
            return result
        raise (NoDecision if result.http_status == 503
               else PermissionDenied)(result)

    @pending
    async def filter_resources(self, header: decision_pb2.FilterResourcesHeader,
                               resources: _Some[Json],
                               options: CallOptions = _DEFAULT,
                               ) -> FilteredResources:
        """As PdpClient.filter_resources."""
        reader = ReleaseReader()
        found = [resource async for resource in
                 self._released(header, resources, options, reader)]
        return FilteredResources(found, reader.summary)

    def stream_filtered(self, header: decision_pb2.FilterResourcesHeader,
                        resources: _Some[Json],
                        options: CallOptions = _DEFAULT,
                        ) -> AsyncIterator[FilteredResource]:
        """As PdpClient.stream_filtered."""
        return self._released(header, resources, options, ReleaseReader())

    @pending
    async def explain(self, request: decision_pb2.ExplainRequest,
                      options: CallOptions = _DEFAULT,
                      ) -> decision_pb2.ExplainResponse:
        """As PdpClient.explain."""
        _core.expect(request, decision_pb2.ExplainRequest)
        response: decision_pb2.ExplainResponse = await self._plain(
            "Explain", request, options)
        return response

    @pending
    async def describe(self, who: Union[str, types_pb2.Subject], *,
                       context: Optional[types_pb2.Context] = None,
                       consistency: Optional[types_pb2.Consistency] = None,
                       options: CallOptions = _DEFAULT,
                       ) -> decision_pb2.DescribeAccessResponse:
        """As PdpClient.describe."""
        response: decision_pb2.DescribeAccessResponse = await self._plain(
            "DescribeAccess",
            decision_pb2.DescribeAccessRequest(
                subject=subject(who), context=context,
                consistency=consistency), options)
        return response

    @pending
    async def tenants(self, who: Union[str, types_pb2.Subject], *,
                      context: Optional[types_pb2.Context] = None,
                      options: CallOptions = _DEFAULT) -> List[str]:
        """As PdpClient.tenants."""
        return _core.tenants_of(
            await self.describe(who, context=context, options=options))

    @pending
    async def record_access(self, decision_id: str, event: str,
                            success: bool = True,
                            options: CallOptions = _DEFAULT) -> None:
        """As PdpClient.record_access."""
        await self._plain(
            "RecordAccess",
            decision_pb2.RecordAccessRequest(
                decision_id=decision_id, event=event, success=success), options)

    async def watch_revisions(self, memberships: Iterable[str] = (),
                              options: CallOptions = _DEFAULT,
                              ) -> AsyncIterator[RevisionChange]:
        """As PdpClient.watch_revisions; ended by `aclose()`, or with the task
        that iterates."""
        request = decision_pb2.WatchRevisionsRequest(
            memberships=list(memberships))
        call = None
        try:
            metadata = await self._metadata(options)
            call = self._connect().WatchRevisions(
                request, metadata=metadata, timeout=options.timeout)
            async for message in call:
                if message is None:
                    raise _core.failed("MALFORMED", "the answer cannot be read")
                yield RevisionChange(message.revision, tuple(message.changed),
                                     message.all_changed)
        except CallFailed as error:
            raise NoDecision(error.failure) from None
        except (grpc.RpcError, grpc.aio.UsageError) as error:
            raise NoDecision(failure_of(error)) from None
        finally:
            if call is not None:
                call.cancel()
        raise NoDecision(Failure("UNAVAILABLE", "the stream has ended"))

    async def close(self) -> None:
        """Ends the connection.  Calls after it are NO_DECISION."""
        self._closed = True
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def __aenter__(self) -> AsyncPdpClient:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]],
                        error: Optional[BaseException],
                        traceback: Optional[TracebackType]) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncPdpClient({self._core.target.address!r})"

    def _connect(self) -> Any:
        if self._closed:
            raise _core.failed("CANCELLED", "the client is closed")
        if self._channel is None:
            target = self._core.target
            credentials = target.credentials()
            options = target.options()
            if credentials is None:
                self._channel = grpc.aio.insecure_channel(target.address,
                                                          options)
            else:
                self._channel = grpc.aio.secure_channel(
                    target.address, credentials, options)
            self._stub = _core.stub(self._channel)
        return self._stub

    async def _metadata(self, options: CallOptions,
                        seconds: Optional[float] = None) -> _core.Metadata:
        token = None
        if self._token_provider is not None:
            try:
                found = self._token_provider()
                token = (await asyncio.wait_for(found, seconds)
                         if inspect.isawaitable(found) else found) or ""
            except asyncio.TimeoutError:
                raise _core.failed("DEADLINE_EXCEEDED",
                                   "the token did not come") from None
            except Exception as error:
                raise _core.failed(
                    "UNAUTHENTICATED", "the token provider raised "
                    + type(error).__name__) from None
        return self._core.metadata(options, token)

    async def _unary(self, method: str, request: Any, options: CallOptions,
                     attempts: Attempts) -> Any:
        """The answer.  Raises CallFailed."""
        while True:
            try:
                metadata = await self._metadata(options, attempts.remaining())
                response = await getattr(self._connect(), method)(
                    request, metadata=metadata, timeout=attempts.remaining())
            except CallFailed:
                raise
            except Exception as error:  # Whatever it was, there is no answer.
                failure = failure_of(error)
                pause = attempts.pause_before_retry(failure)
                if pause is None:
                    raise CallFailed(failure) from None
                await asyncio.sleep(pause)
                continue
            if response is None:  # What grpc.aio makes of bytes it cannot read.
                raise _core.failed("MALFORMED", "the answer cannot be read")
            attempts.succeeded()
            return response

    async def _plain(self, method: str, request: Any,
                     options: CallOptions) -> Any:
        """The answer of a call that is no decision.  Raises NoDecision."""
        attempts = Attempts(self._core, method, options)
        try:
            response = await self._unary(method, request, options, attempts)
        except CallFailed as error:
            attempts.report(error.failure.code)
            raise NoDecision(error.failure) from None
        attempts.report("OK")
        return response

    async def _stream(self, method: str, options: CallOptions,
                      attempts: Attempts) -> AsyncDuplexStream:
        try:
            metadata = await self._metadata(options, attempts.remaining())
            return AsyncDuplexStream(getattr(self._connect(), method)(
                metadata=metadata, timeout=attempts.remaining()))
        except CallFailed:
            raise
        except Exception as error:
            raise CallFailed(failure_of(error)) from None

    async def _released(self, header: decision_pb2.FilterResourcesHeader,
                        resources: _Some[Json], options: CallOptions,
                        reader: ReleaseReader,
                        ) -> AsyncIterator[FilteredResource]:
        _core.expect(header, decision_pb2.FilterResourcesHeader)
        attempts = Attempts(self._core, "FilterResources", options,
                            is_stream=True)
        try:
            stream = await self._stream("FilterResources", options, attempts)
        except CallFailed as error:
            attempts.report(error.failure.code)
            raise NoDecision(error.failure) from None
        try:
            await stream.send(
                decision_pb2.FilterResourcesRequest(header=header))
            async for resource in _aiter(resources):
                reader.sent()
                if not await stream.send(decision_pb2.FilterResourcesRequest(
                        resource=to_json(resource))):
                    break
                while (message := await stream.take(wait=False)) is not None:
                    for found in reader.take(message):
                        yield found
            await stream.end_sending()
            while (message := await stream.take(wait=True)) is not None:
                for found in reader.take(message):
                    yield found
            reader.end(stream.failure)
            attempts.report("OK")
        except NoDecision as error:
            attempts.report(error.failure.code)
            raise
        finally:
            await stream.close()


async def _aiter(items: _Some[Any]) -> AsyncIterator[Any]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


def _undecided(error: CallFailed) -> Decision:
    return no_decision(error.failure.code, error.failure.message)


async def _answers(stream: AsyncDuplexStream, pipeline: CheckPipeline,
                   most_open: int) -> AsyncIterator[Decision]:
    """Those that have come; waits while more than `most_open` have not."""
    while pipeline.open:
        found = await stream.take(wait=pipeline.open > most_open)
        decision = pipeline.answer(found, stream)
        if decision is None:
            return
        yield decision
