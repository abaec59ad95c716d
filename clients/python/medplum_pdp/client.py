"""The client for threads."""

from __future__ import annotations

import os
import threading
import time
from types import TracebackType
from typing import Any, Iterable, Iterator, List, Optional, Type, Union

import grpc

from medplum_pdp import _core
from medplum_pdp._core import Attempts, CallFailed, Core, failure_of
from medplum_pdp._pipeline import CheckPipeline
from medplum_pdp._stream import DuplexStream
from medplum_pdp._v1 import decision_pb2, types_pb2
from medplum_pdp.decision import Decision, Obligation, no_decision
from medplum_pdp.errors import NoDecision, PermissionDenied, raise_unless
from medplum_pdp.filters import FilterResult, filter_from, no_filter
from medplum_pdp.options import (CallOptions, Hook, RetryBudget, Tls,
                                 TokenProvider)
from medplum_pdp.requests import Json, subject, to_json
from medplum_pdp.resources import (FilteredResource, FilteredResources,
                                   ReleaseReader)
from medplum_pdp.revisions import RevisionChange

_DEFAULT = CallOptions()


class PdpClient:
    """Asks a decision point, and denies on any failure.  Thread-safe.

    `target` is `host:port`, `dns:///name:port` or `unix:PATH`; `tls` or
    `plaintext=True` says how.  The connection is made by the first call of each
    process, so that a client may be made before a fork.
    """

    def __init__(self, target: str, *, tls: Optional[Tls] = None,
                 plaintext: bool = False,
                 timeout: float = _core.DEFAULT_TIMEOUT,
                 stream_timeout: float = _core.DEFAULT_STREAM_TIMEOUT,
                 token_provider: Optional[TokenProvider] = None,
                 hook: Optional[Hook] = None,
                 retry_budget: Optional[RetryBudget] = None) -> None:
        self._core = Core(target, tls=tls, plaintext=plaintext,
                          timeout=timeout, stream_timeout=stream_timeout,
                          has_token=token_provider is not None, hook=hook,
                          retry_budget=retry_budget)
        self._token_provider = token_provider
        self._lock = threading.Lock()
        self._closed = False
        self._channel: Optional[grpc.Channel] = None
        self._process = 0
        self._stub: Any = None

    def check(self, request: decision_pb2.CheckRequest,
              options: CallOptions = _DEFAULT) -> Decision:
        """May the subject do this?  Never raises for what goes wrong: then the
        effect is NO_DECISION."""
        _core.expect(request, decision_pb2.CheckRequest)
        attempts = Attempts(self._core, "Check", options)
        try:
            response = self._unary("Check", request, options, attempts)
        except CallFailed as error:
            return attempts.report_decision(_undecided(error))
        return attempts.report_decision(_core.check_answer(response))

    def require_check(self, request: decision_pb2.CheckRequest,
                      *honored: Obligation,
                      options: CallOptions = _DEFAULT) -> Decision:
        """The permit, plain or with obligations of which the caller honors all.

        Raises PermissionDenied (HTTP 403, 401) or NoDecision (503).
        """
        decision = self.check(request, options)
        return raise_unless(decision.permitted_if(*honored), decision)

    def check_many(self, request: decision_pb2.BatchCheckRequest,
                   options: CallOptions = _DEFAULT) -> List[Decision]:
        """A decision for each item, in their order.  What is larger than the
        server takes is asked in parts, within the one deadline; a part that
        fails is NO_DECISION in all its items."""
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
                response = self._unary("BatchCheck", part, left, attempts)
            except CallFailed as error:
                attempts.report(error.failure.code)
                decisions += [_undecided(error)] * count
                continue
            attempts.report("OK")
            decisions += _core.batch_answers(response, count)
        return decisions

    def check_stream(self, requests: Iterable[decision_pb2.CheckRequest],
                     options: CallOptions = _DEFAULT, *,
                     window: int = 64) -> Iterator[Decision]:
        """A decision for each request, in their order, as they come: at most
        `window` are asked before the first of them is answered.  When the
        stream ends early, what has no answer is NO_DECISION."""
        attempts = Attempts(self._core, "CheckStream", options, is_stream=True)
        try:
            stream = self._stream("CheckStream", options, attempts)
        except CallFailed as error:
            attempts.report(error.failure.code)
            for _ in requests:
                yield _undecided(error)
            return
        pipeline = CheckPipeline()
        try:
            for request in requests:
                stream.send(pipeline.ask(request))
                yield from _answers(stream, pipeline, window - 1)
            stream.end_sending()
            yield from _answers(stream, pipeline, 0)
        finally:
            stream.close()
            attempts.report(pipeline.outcome)

    def filter(self, request: decision_pb2.FilterRequest,
               options: CallOptions = _DEFAULT) -> FilterResult:
        """Which searches may the subject run?  Never raises for what goes
        wrong: then the kind is NO_DECISION, and nothing may be searched."""
        _core.expect(request, decision_pb2.FilterRequest)
        attempts = Attempts(self._core, "Filter", options)
        try:
            response = self._unary("Filter", request, options, attempts)
        except CallFailed as error:
            failure = error.failure
            return attempts.report_filter(
                no_filter(failure.code, failure.message))
        return attempts.report_filter(
            filter_from(response, request.resource_type))

    def require_filter(self, request: decision_pb2.FilterRequest,
                       options: CallOptions = _DEFAULT) -> FilterResult:
        """What may be found.  Raises PermissionDenied where that is nothing,
        NoDecision where it is not known."""
        result = self.filter(request, options)
        if result.permitted:
            return result
        raise (NoDecision if result.http_status == 503
               else PermissionDenied)(result)

    def filter_resources(self, header: decision_pb2.FilterResourcesHeader,
                         resources: Iterable[Json],
                         options: CallOptions = _DEFAULT) -> FilteredResources:
        """Those of `resources` that may be shown, hidden fields removed, in
        their order.  Raises NoDecision where the stream does not end as it
        should; then nothing is known."""
        reader = ReleaseReader()
        found = list(self._released(header, resources, options, reader))
        return FilteredResources(found, reader.summary)

    def stream_filtered(self, header: decision_pb2.FilterResourcesHeader,
                        resources: Iterable[Json],
                        options: CallOptions = _DEFAULT,
                        ) -> Iterator[FilteredResource]:
        """As filter_resources, each as it comes: for more than fits in memory.
        Raises NoDecision at the end where what came is not all; a job then
        throws away what it made of it."""
        return self._released(header, resources, options, ReleaseReader())

    def explain(self, request: decision_pb2.ExplainRequest,
                options: CallOptions = _DEFAULT,
                ) -> decision_pb2.ExplainResponse:
        """A decision with the trace of every entry.  It permits nothing.
        Raises NoDecision."""
        _core.expect(request, decision_pb2.ExplainRequest)
        response: decision_pb2.ExplainResponse = self._plain(
            "Explain", request, options)
        return response

    def describe(self, who: Union[str, types_pb2.Subject], *,
                 context: Optional[types_pb2.Context] = None,
                 consistency: Optional[types_pb2.Consistency] = None,
                 options: CallOptions = _DEFAULT,
                 ) -> decision_pb2.DescribeAccessResponse:
        """What a subject may do at all, its tenants and its roles.  Raises
        NoDecision."""
        response: decision_pb2.DescribeAccessResponse = self._plain(
            "DescribeAccess",
            decision_pb2.DescribeAccessRequest(
                subject=subject(who), context=context,
                consistency=consistency), options)
        return response

    def tenants(self, who: Union[str, types_pb2.Subject], *,
                context: Optional[types_pb2.Context] = None,
                options: CallOptions = _DEFAULT) -> List[str]:
        """The subject's tenants, `Organization/id`, each once; none where it
        has no access at all.  Raises NoDecision."""
        return _core.tenants_of(
            self.describe(who, context=context, options=options))

    def record_access(self, decision_id: str, event: str, success: bool = True,
                      options: CallOptions = _DEFAULT) -> None:
        """Puts into the audit log what was done with a decision: `viewed`,
        `updated`, `withheld` and so on.  Raises NoDecision where it may not
        have been recorded."""
        self._plain("RecordAccess",
                    decision_pb2.RecordAccessRequest(
                        decision_id=decision_id, event=event, success=success),
                    options)

    def watch_revisions(self, memberships: Iterable[str] = (),
                        options: CallOptions = _DEFAULT) -> RevisionWatch:
        """Tells when what these members may do has changed; none named: any
        member.  Without a deadline unless `options` says one."""
        request = decision_pb2.WatchRevisionsRequest(
            memberships=list(memberships))
        try:
            metadata = self._metadata(options)
            call = self._connect().WatchRevisions(
                request, metadata=metadata, timeout=options.timeout)
        except Exception as error:
            raise _none(error) from None
        return RevisionWatch(call)

    def close(self) -> None:
        """Ends the connection.  Calls after it are NO_DECISION."""
        with self._lock:
            self._closed = True
            if self._channel is not None and self._process == os.getpid():
                self._channel.close()
            self._channel = None

    def __enter__(self) -> PdpClient:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]],
                 error: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"PdpClient({self._core.target.address!r})"

    def _connect(self) -> Any:
        """The stub of this process."""
        with self._lock:
            if self._closed:
                raise _core.failed("CANCELLED", "the client is closed")
            if self._channel is None or self._process != os.getpid():
                target = self._core.target
                credentials = target.credentials()
                options = target.options()
                if credentials is None:
                    self._channel = grpc.insecure_channel(target.address,
                                                          options)
                else:
                    self._channel = grpc.secure_channel(
                        target.address, credentials, options)
                self._stub = _core.stub(self._channel)
                self._process = os.getpid()
            return self._stub

    def _metadata(self, options: CallOptions) -> _core.Metadata:
        token = None
        if self._token_provider is not None:
            try:
                token = self._token_provider() or ""
            except Exception as error:
                raise _core.failed(
                    "UNAUTHENTICATED", "the token provider raised "
                    + type(error).__name__) from None
        return self._core.metadata(options, token)

    def _unary(self, method: str, request: Any, options: CallOptions,
               attempts: Attempts) -> Any:
        """The answer.  Raises CallFailed."""
        while True:
            try:
                metadata = self._metadata(options)
                response = getattr(self._connect(), method)(
                    request, metadata=metadata, timeout=attempts.remaining())
            except CallFailed:
                raise
            except Exception as error:  # Whatever it was, there is no answer.
                failure = failure_of(error)
                pause = attempts.pause_before_retry(failure)
                if pause is None:
                    raise CallFailed(failure) from None
                time.sleep(pause)
                continue
            attempts.succeeded()
            return response

    def _plain(self, method: str, request: Any, options: CallOptions) -> Any:
        """The answer of a call that is no decision.  Raises NoDecision."""
        attempts = Attempts(self._core, method, options)
        try:
            response = self._unary(method, request, options, attempts)
        except CallFailed as error:
            attempts.report(error.failure.code)
            raise NoDecision(error.failure) from None
        attempts.report("OK")
        return response

    def _stream(self, method: str, options: CallOptions,
                attempts: Attempts) -> DuplexStream:
        try:
            metadata = self._metadata(options)
            return DuplexStream(getattr(self._connect(), method),
                                attempts.remaining(), metadata)
        except CallFailed:
            raise
        except Exception as error:
            raise CallFailed(failure_of(error)) from None

    def _released(self, header: decision_pb2.FilterResourcesHeader,
                  resources: Iterable[Json], options: CallOptions,
                  reader: ReleaseReader) -> Iterator[FilteredResource]:
        _core.expect(header, decision_pb2.FilterResourcesHeader)
        attempts = Attempts(self._core, "FilterResources", options,
                            is_stream=True)
        try:
            stream = self._stream("FilterResources", options, attempts)
        except CallFailed as error:
            attempts.report(error.failure.code)
            raise NoDecision(error.failure) from None
        try:
            stream.send(decision_pb2.FilterResourcesRequest(header=header))
            for resource in resources:
                reader.sent()
                if not stream.send(decision_pb2.FilterResourcesRequest(
                        resource=to_json(resource))):
                    break
                while (message := stream.take(wait=False)) is not None:
                    yield from reader.take(message)
            stream.end_sending()
            while (message := stream.take(wait=True)) is not None:
                yield from reader.take(message)
            reader.end(stream.failure)
            attempts.report("OK")
        except NoDecision as error:
            attempts.report(error.failure.code)
            raise
        finally:
            stream.close()


class RevisionWatch:
    """Iterates over changes.  When the stream ends it raises NoDecision: watch
    again, and treat every member as changed."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __iter__(self) -> Iterator[RevisionChange]:
        try:
            for message in self._call:
                yield RevisionChange(message.revision, tuple(message.changed),
                                     message.all_changed)
        except grpc.RpcError as error:
            raise _none(error) from None
        raise NoDecision(_core.failed("UNAVAILABLE",
                                      "the stream has ended").failure)

    def close(self) -> None:
        """Ends it; another thread may do so."""
        self._call.cancel()


def _undecided(error: CallFailed) -> Decision:
    return no_decision(error.failure.code, error.failure.message)


def _none(error: Exception) -> NoDecision:
    return NoDecision(error.failure if isinstance(error, CallFailed)
                      else failure_of(error))


def _answers(stream: DuplexStream, pipeline: CheckPipeline,
             most_open: int) -> Iterator[Decision]:
    """Those that have come; waits while more than `most_open` have not."""
    while pipeline.open:
        found = stream.take(wait=pipeline.open > most_open)
        decision = pipeline.answer(found, stream)
        if decision is None:
            return
        yield decision
