#!/usr/bin/python3
"""What the clients make of each answer and of each failure."""

import asyncio
import gc
import socket
import threading
import time
import unittest
import warnings

import grpc

import support
from support import (LONG, Asyncio, ClientTest, Status, Threads, checked, deny,
                     permit, question)
from medplum_pdp import (AsyncPdpClient, BatchCheckItem, BatchCheckRequest,
                         CallOptions, Effect, NoDecision, Obligation,
                         PdpClient, PermissionDenied, RetryBudget, Tls,
                         check_request, filter_header, filter_request)
from medplum_pdp._core import is_local
from medplum_pdp._v1 import decision_pb2, types_pb2

Code = grpc.StatusCode
HIDDEN = {"effect": types_pb2.EFFECT_PERMIT_WITH_OBLIGATIONS,
          "hidden_fields": ["name"]}


class AnswersTest(ClientTest):
    def test_only_a_plain_permit_is_permitted(self):
        cases = [
            ("permit", permit(), Effect.PERMIT, 200),
            ("deny", deny(), Effect.DENY, 403),
            ("nobody", deny(reason=types_pb2.REASON_SUBJECT_UNKNOWN,
                            enforcement_http_status=401), Effect.DENY, 401),
            ("not now", deny(reason=types_pb2.REASON_RESOURCE_UNAVAILABLE,
                             enforcement_http_status=503), Effect.DENY, 503),
            ("hidden", permit(**HIDDEN), Effect.PERMIT_WITH_OBLIGATIONS, 403),
        ]
        for name, answer, effect, status in cases:
            server = self.answering(checked(answer))
            for client in self.clients(server.target):
                decision = client.check(question())
                self.assertEqual((decision.effect, decision.http_status),
                                 (effect, status), name)
                self.assertEqual(decision.permitted, effect is Effect.PERMIT)
                self.assertEqual(bool(decision), decision.permitted)
                self.assertEqual(decision.denied, effect is Effect.DENY)
                self.assertIsNone(decision.failure)

    def test_what_is_malformed_is_no_decision(self):
        cases = {
            "no decision": decision_pb2.CheckResponse(),
            "no bytes of ours": b"\xff\xff\xff",
            "effect unspecified": checked(permit(effect=0)),
            "effect unknown": checked(permit(effect=77)),
            "reason unspecified": checked(permit(reason=0)),
            "reason unknown": checked(permit(reason=7777)),
            "denial of unknown reason": checked(deny(reason=7777)),
            "denied and permitted": checked(
                deny(reason=types_pb2.REASON_PERMITTED)),
            "permit for another reason": checked(
                permit(reason=types_pb2.REASON_SCOPE)),
            "permit with 403": checked(permit(enforcement_http_status=403)),
            "permit without a status": checked(
                permit(enforcement_http_status=0)),
            "denial with 200": checked(deny(enforcement_http_status=200)),
            "permit that hides": checked(permit(hidden_fields=["name"])),
            "permit that is readonly": checked(
                permit(readonly_fields=["name"])),
            "permit with versions": checked(
                permit(versions=[types_pb2.VersionFields()])),
            "obligations for another reason": checked(
                permit(**HIDDEN, reason=types_pb2.REASON_SCOPE)),
        }
        for name, answer in cases.items():
            server = self.answering(answer)
            for client in self.clients(server.target):
                decision = client.check(question())
                self.assertEqual(decision.effect, Effect.NO_DECISION, name)
                self.assertFalse(decision.permitted_if(*Obligation), name)
                self.assertEqual(decision.http_status, 503)
                with self.assertRaises(NoDecision):
                    client.require_check(question(), *Obligation)

    def test_obligations_are_all_honored_or_it_is_denied(self):
        oblige = types_pb2.EFFECT_PERMIT_WITH_OBLIGATIONS
        cases = [
            (permit(**HIDDEN), {Obligation.HIDDEN_FIELDS}),
            (permit(effect=oblige, readonly_fields=["x"]),
             {Obligation.READONLY_FIELDS}),
            (permit(effect=oblige,
                    write=types_pb2.WriteOutcome(restored_fields=["x"])),
             {Obligation.READONLY_FIELDS}),
            (permit(effect=oblige, versions=[types_pb2.VersionFields()]),
             {Obligation.VERSION_FIELDS}),
            (permit(**HIDDEN, readonly_fields=["x"]),
             {Obligation.HIDDEN_FIELDS, Obligation.READONLY_FIELDS}),
        ]
        for answer, wanted in cases:
            server = self.answering(checked(answer))
            for client in self.clients(server.target):
                decision = client.require_check(question(), *wanted)
                self.assertEqual(decision.obligations, wanted)
                self.assertFalse(decision.permitted)
                self.assertTrue(decision.permitted_if(*Obligation))
                self.assertEqual(decision.http_status_if(*wanted), 200)
                for missing in wanted:
                    with self.assertRaises(PermissionDenied) as raised:
                        client.require_check(question(), *(wanted - {missing}))
                    self.assertEqual(raised.exception.http_status, 403)

    def test_obligations_that_nobody_knows_cannot_be_honored(self):
        answer = permit(effect=types_pb2.EFFECT_PERMIT_WITH_OBLIGATIONS)
        server = self.answering(checked(answer))
        for client in self.clients(server.target):
            self.assertFalse(client.check(question()).permitted_if(*Obligation))

    def test_strip_shows_nothing_of_what_is_not_permitted(self):
        patient = {"resourceType": "Patient", "name": [{}], "id": "1"}
        for answer in (deny(), deny(hidden_fields=["name"]), permit(effect=0)):
            server = self.answering(checked(answer))
            for client in self.clients(server.target):
                with self.assertRaises(ValueError):
                    client.check(question()).strip(patient)
        server = self.answering(checked(permit(**HIDDEN)))
        for client in self.clients(server.target):
            self.assertEqual(client.check(question()).strip(patient),
                             {"resourceType": "Patient", "id": "1"})

    def test_the_repr_shows_no_content(self):
        secret = "SECRET-CONTENT"
        answer = permit(write=types_pb2.WriteOutcome(resource=secret.encode()))
        server = self.answering(checked(answer))
        for client in self.clients(server.target):
            self.assertNotIn(secret, repr(client.check(question())))

    def test_a_filter_finds_nothing_unless_it_is_known_what(self):
        permitted = {"reason": types_pb2.REASON_PERMITTED,
                     "enforcement_http_status": 200, "queries": ["Patient?"]}
        denied = {"reason": types_pb2.REASON_INTERACTION_NOT_GRANTED,
                  "enforcement_http_status": 403}
        cases = [
            (2, permitted, "ALWAYS_PERMITTED", 200),
            (3, permitted, "CONDITIONAL", 200),
            (1, denied, "ALWAYS_DENIED", 403),
            (1, {**denied, "enforcement_http_status": 401}, "ALWAYS_DENIED",
             401),
            (1, {**denied, "enforcement_http_status": 200}, "NO_DECISION", 503),
            (0, permitted, "NO_DECISION", 503),
            (9, permitted, "NO_DECISION", 503),
            (2, {**permitted, "reason": 0}, "NO_DECISION", 503),
            (2, {**permitted, "reason": 41}, "NO_DECISION", 503),
            (2, {**permitted, "enforcement_http_status": 403}, "NO_DECISION",
             503),
            (3, {**permitted, "queries": []}, "NO_DECISION", 503),
        ]
        for kind, fields, wanted, status in cases:
            server = self.answering(
                decision_pb2.FilterResponse(kind=kind, **fields))
            for client in self.clients(server.target):
                request = filter_request(support.MEMBER, "Patient")
                result = client.filter(request)
                self.assertEqual((result.kind.name, result.http_status),
                                 (wanted, status))
                self.assertEqual(bool(result), status == 200)
                self.assertEqual(bool(result.queries), status == 200)
                if status == 200:
                    client.require_filter(request)
                    continue
                with self.assertRaises(
                        NoDecision if status == 503 else PermissionDenied):
                    client.require_filter(request)

    def test_a_refused_query_is_named(self):
        server = self.answering(decision_pb2.FilterResponse(
            kind=1, reason=types_pb2.REASON_QUERY_NOT_SAFE,
            message="the parameter `_has` tells", enforcement_http_status=403))
        for client in self.clients(server.target):
            with self.assertRaisesRegex(PermissionDenied, "_has"):
                client.require_filter(filter_request(support.MEMBER, "Patient"))


class FailuresTest(ClientTest):
    def test_every_status_is_no_decision(self):
        for code in Code:
            if code is Code.OK:
                continue
            server = self.answering(Status(code, "why"))
            for client in self.clients(server.target):
                decision = client.check(question())
                self.assertEqual(decision.effect, Effect.NO_DECISION)
                self.assertEqual(decision.failure.code, code.name)
                self.assertEqual(decision.failure.message, "why")
                self.assertEqual(decision.http_status, 503)
                with self.assertRaises(NoDecision) as raised:
                    client.require_check(question())
                self.assertEqual(raised.exception.http_status, 503)

    def test_unavailable_is_asked_once_more(self):
        for failures, wanted in ((1, Effect.PERMIT), (2, Effect.NO_DECISION)):
            def script(method, request, context):
                left[0] -= 1
                if left[0] >= 0:
                    raise Status(Code.UNAVAILABLE, "draining")
                return checked(permit())
            server = self.serve(script)
            for kind in (Threads, Asyncio):
                left = [failures]
                server.calls.clear()
                reports = []
                client = kind(server.target, hook=reports.append)
                self.assertIs(client.check(question()).effect, wanted)
                self.assertEqual(len(server.calls), 2)
                self.assertEqual([r.retried for r in reports], [True])
                client.close()

    def test_what_lasts_is_not_asked_again(self):
        cases = [(Code.UNAVAILABLE, f"{reason}: since noon") for reason in
                 ("STALE", "CREDENTIALS_REFUSED", "PROJECT_GONE",
                  "ACCESS_MISSING", "AUDIT_UNAVAILABLE")]
        cases += [(code, "") for code in Code
                  if code not in (Code.OK, Code.UNAVAILABLE)]
        for code, message in cases:
            server = self.answering(Status(code, message))
            for client in self.clients(server.target):
                server.calls.clear()
                client.check(question())
                self.assertEqual(len(server.calls), 1, (code, message))

    def test_a_denial_is_not_asked_again(self):
        server = self.answering(checked(deny()))
        for client in self.clients(server.target):
            server.calls.clear()
            client.check(question())
            self.assertEqual(len(server.calls), 1)

    def test_record_access_is_not_asked_again(self):
        server = self.answering(Status(Code.UNAVAILABLE, "draining"))
        for client in self.clients(server.target):
            server.calls.clear()
            with self.assertRaises(NoDecision):
                client.record_access("d-1", "viewed")
            self.assertEqual(server.calls, ["RecordAccess"])

    def test_the_budget_ends_retries_and_successes_refill_it(self):
        answers = [Status(Code.UNAVAILABLE, "draining")]

        def script(method, request, context):
            if isinstance(answers[0], Status):
                raise answers[0]
            return answers[0]
        server = self.serve(script)
        for kind in (Threads, Asyncio):
            client = kind(server.target, retry_budget=RetryBudget(2.0))
            answers[0] = Status(Code.UNAVAILABLE, "draining")
            server.calls.clear()
            for _ in range(5):
                client.check(question())
            self.assertEqual(len(server.calls), 7)
            answers[0] = checked(permit())
            for _ in range(11):
                client.check(question())
            answers[0] = Status(Code.UNAVAILABLE, "draining")
            server.calls.clear()
            for _ in range(2):
                client.check(question())
            self.assertEqual(len(server.calls), 3)
            client.close()

    def test_a_server_that_is_not_there(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            target = f"127.0.0.1:{closed.getsockname()[1]}"
        for client in self.clients(target, timeout=5.0):
            self.assertIn(client.check(question()).failure.code,
                          ("UNAVAILABLE", "DEADLINE_EXCEEDED"))

    def test_a_server_that_hangs_is_left_at_the_deadline(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            target = f"127.0.0.1:{silent.getsockname()[1]}"
            for client in self.clients(target, timeout=0.2):
                started = time.monotonic()
                decision = client.check(question())
                self.assertEqual(decision.failure.code, "DEADLINE_EXCEEDED")
                self.assertLess(time.monotonic() - started, LONG)

    def test_a_decision_that_comes_too_late_is_none(self):
        release = threading.Event()
        self.addCleanup(release.set)

        def script(method, request, context):
            release.wait(LONG)
            return checked(permit())
        server = self.serve(script)
        for client in self.clients(server.target):
            decision = client.check(question(), CallOptions(timeout=0.2))
            self.assertEqual(decision.failure.code, "DEADLINE_EXCEEDED")
            decision = client.check(question(), CallOptions(timeout=-1.0))
            self.assertEqual(decision.failure.code, "DEADLINE_EXCEEDED")

    def test_a_connection_that_breaks_while_it_is_asked(self):
        with socket.socket() as rude:
            rude.bind(("127.0.0.1", 0))
            rude.listen()

            def hang_up():
                while True:
                    try:
                        connection, _ = rude.accept()
                    except OSError:
                        return
                    connection.recv(1)
                    connection.close()
            threading.Thread(target=hang_up, daemon=True).start()
            target = f"127.0.0.1:{rude.getsockname()[1]}"
            for client in self.clients(target, timeout=5.0):
                self.assertEqual(client.check(question()).effect,
                                 Effect.NO_DECISION)
            rude.shutdown(socket.SHUT_RDWR)

    def test_a_closed_client_decides_nothing(self):
        server = self.answering(checked(permit()))
        with PdpClient(server.target, plaintext=True) as client:
            self.assertTrue(client.check(question()).permitted)
        self.assertFalse(client.check(question()).permitted)
        self.assertFalse(list(client.check_stream([question()]))[0].permitted)

        async def run():
            async with AsyncPdpClient(server.target, plaintext=True) as client:
                self.assertTrue((await client.check(question())).permitted)
            self.assertFalse((await client.check(question())).permitted)
        asyncio.run(run())

    def test_what_the_other_calls_have_for_a_failure(self):
        server = self.answering(Status(Code.UNIMPLEMENTED))
        explain = decision_pb2.ExplainRequest(check=question())
        for client in self.clients(server.target):
            for call in (lambda: client.explain(explain),
                         lambda: client.describe(support.MEMBER),
                         lambda: client.tenants(support.MEMBER),
                         lambda: client.record_access("d", "viewed")):
                with self.assertRaises(NoDecision) as raised:
                    call()
                self.assertEqual(raised.exception.failure.code, "UNIMPLEMENTED")

    def test_faults_of_the_program_are_raised(self):
        server = self.answering(checked(permit()))
        for client in self.clients(server.target):
            for wrong in (None, "Patient/1", types_pb2.Subject()):
                with self.assertRaises(TypeError):
                    client.check(wrong)
                with self.assertRaises(TypeError):
                    client.filter(wrong)
        for arguments in (("", "read", "Patient/1"),
                          (types_pb2.Subject(), "read", "Patient/1"),
                          ("Bot/1", "peek", "Patient/1"),
                          ("Bot/1", 0, "Patient/1"),
                          ("Bot/1", "read", "Patient/1/_history/2"),
                          ("Bot/1", "read", "Patient/1?x=y"),
                          ("Bot/1", "read", "patient/1"),
                          ("Bot/1", "read", "Patient/1\n")):
            with self.assertRaises(ValueError, msg=arguments):
                check_request(*arguments)

    def test_tenants_of_a_subject_without_access_are_none(self):
        tenant = decision_pb2.Tenant(reference="Organization/1")
        for reason, wanted in ((types_pb2.REASON_PERMITTED, ["Organization/1"]),
                               (types_pb2.REASON_BLOCKED, []), (999, [])):
            server = self.answering(decision_pb2.DescribeAccessResponse(
                reason=reason, tenants=[tenant, tenant]))
            for client in self.clients(server.target):
                self.assertEqual(client.tenants(support.MEMBER), wanted)


class ManyTest(ClientTest):
    def batch(self, count, **fields):
        return BatchCheckRequest(
            subject=types_pb2.Subject(reference=support.MEMBER),
            items=[BatchCheckItem(
                interaction=types_pb2.INTERACTION_READ,
                resource=types_pb2.Resource(type="Patient", id=str(i)))
                for i in range(count)], **fields)

    @staticmethod
    def judge(method, request, context):
        """Permits the resources whose id is even."""
        batch = BatchCheckRequest.FromString(request)
        results = []
        for item in batch.items:
            resource = item.resource if item.HasField("resource") else \
                batch.resources[item.resource_index]
            even = int(resource.id) % 2 == 0
            results.append(decision_pb2.BatchCheckResult(
                decision=permit() if even else deny()))
        return decision_pb2.BatchCheckResponse(results=results)

    def test_a_large_batch_is_asked_in_parts_and_answered_in_order(self):
        server = self.serve(self.judge)
        for client in self.clients(server.target):
            server.calls.clear()
            decisions = client.check_many(self.batch(2500))
            self.assertEqual([d.permitted for d in decisions],
                             [i % 2 == 0 for i in range(2500)])
            self.assertEqual(len(server.calls), 3)
            self.assertEqual(client.check_many(self.batch(0)), [])

    def test_parts_keep_the_resources_that_their_items_refer_to(self):
        resources = [types_pb2.Resource(type="Patient", id=str(i),
                                        body=b"x" * 600_000) for i in range(9)]
        request = BatchCheckRequest(
            subject=types_pb2.Subject(reference=support.MEMBER),
            resources=resources,
            items=[BatchCheckItem(resource_index=i % 9) for i in range(100)])
        server = self.serve(self.judge)
        for client in self.clients(server.target):
            server.calls.clear()
            decisions = client.check_many(request)
            self.assertEqual([d.permitted for d in decisions],
                             [i % 9 % 2 == 0 for i in range(100)])
            self.assertGreater(len(server.calls), 1)
            request.items.add(resource_index=9)
            with self.assertRaises(ValueError):
                client.check_many(request)
            del request.items[-1]

    def test_a_part_that_fails_decides_none_of_its_items(self):
        def script(method, request, context):
            if len(BatchCheckRequest.FromString(request).items) < 1000:
                raise Status(Code.RESOURCE_EXHAUSTED)
            return self.judge(method, request, context)
        server = self.serve(script)
        for client in self.clients(server.target):
            decisions = client.check_many(self.batch(1002))
            self.assertEqual(decisions[0].effect, Effect.PERMIT)
            self.assertEqual([d.effect for d in decisions[1000:]],
                             [Effect.NO_DECISION] * 2)

    def test_results_that_do_not_fit_the_items_decide_none(self):
        result = decision_pb2.BatchCheckResult
        few = [result(decision=permit())]
        cases = [few, few * 3,
                 [result(), result(error=decision_pb2.ItemError(code=3))],
                 [result(decision=permit(effect=9)),
                  result(error=decision_pb2.ItemError(code=0))]]
        for results in cases:
            server = self.answering(
                decision_pb2.BatchCheckResponse(results=results))
            for client in self.clients(server.target):
                self.assertEqual(
                    [d.effect for d in client.check_many(self.batch(2))],
                    [Effect.NO_DECISION] * 2)


class StreamTest(ClientTest):
    @staticmethod
    def judge(requests, wrong=None, last=None):
        for data in requests:
            request = decision_pb2.CheckStreamRequest.FromString(data)
            if request.id == last:
                raise Status(Code.UNAVAILABLE, "draining")
            even = int(request.check.resource.id) % 2 == 0
            yield decision_pb2.CheckStreamResponse(
                id=request.id if request.id != wrong else 77,
                decision=permit() if even else deny())

    def streaming(self, **options):
        server = support.ScriptedServer(lambda *_: None)
        self.addCleanup(server.stop)

        def stream(method, requests, context):
            try:
                for answer in self.judge(requests, **options):
                    yield answer.SerializeToString()
            except Status as status:
                context.abort(status.code, status.message)
        server._server._state.generic_handlers[0]._answer = stream
        return server

    @staticmethod
    def questions(count):
        return (check_request(support.MEMBER, "read", f"Patient/{i}")
                for i in range(count))

    def test_answers_come_in_the_order_of_the_questions(self):
        server = self.streaming()
        for client in self.clients(server.target):
            for window in (1, 7, 64):
                answers = client.check_stream(self.questions(300),
                                              window=window)
                self.assertEqual([d.permitted for d in answers],
                                 [i % 2 == 0 for i in range(300)])
            self.assertEqual(client.check_stream([]), [])

    def test_what_has_no_answer_is_no_decision(self):
        for options in ({"last": 10}, {"wrong": 10}):
            server = self.streaming(**options)
            for client in self.clients(server.target):
                answers = client.check_stream(self.questions(200))
                self.assertEqual(len(answers), 200)
                self.assertEqual([d.permitted for d in answers[:10]],
                                 [True, False] * 5)
                self.assertEqual({d.effect for d in answers[10:]},
                                 {Effect.NO_DECISION})

    def test_answers_that_cannot_be_read_decide_nothing(self):
        server = self.serve(lambda *_: [b"\xff\xff\xff"] * 3)
        for client in self.clients(server.target):
            self.assertEqual(
                {d.effect for d in client.check_stream(self.questions(9))},
                {Effect.NO_DECISION})

    def test_a_stream_that_cannot_begin_decides_nothing(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            target = f"127.0.0.1:{silent.getsockname()[1]}"
            for client in self.clients(target, stream_timeout=0.3):
                answers = client.check_stream(self.questions(500))
                self.assertEqual([d.effect for d in answers],
                                 [Effect.NO_DECISION] * 500)

    def test_what_the_questions_raise_is_raised(self):
        def questions():
            yield question()
            raise KeyError("mine")
        server = self.streaming()
        for client in self.clients(server.target):
            with self.assertRaisesRegex(KeyError, "mine"):
                client.check_stream(questions())


class ReleaseTest(ClientTest):
    HEADER = filter_header(support.MEMBER)

    def releasing(self, *parts):
        def script(method, requests, context):
            for _ in requests:
                pass
            for part in parts:
                if isinstance(part, Status):
                    raise part
            return [part if isinstance(part, bytes) else
                    decision_pb2.FilterResourcesResponse(**part)
                    for part in parts]
        return self.serve(script)

    @staticmethod
    def resource(index, data=b'{"id": "1"}'):
        return {"resource": decision_pb2.FilteredResource(
            index=index, resource=data)}

    @staticmethod
    def summary(received, permitted):
        return {"summary": decision_pb2.FilterResourcesSummary(
            received=received, permitted=permitted)}

    def test_what_is_permitted_comes_out(self):
        server = self.releasing(self.resource(0), self.resource(2),
                                self.summary(3, 2))
        for client in self.clients(server.target):
            found = client.filter_resources(self.HEADER, [{}, {}, {}])
            self.assertEqual([f.index for f in found], [0, 2])
            self.assertEqual(found.resources[0].resource, {"id": "1"})
            self.assertEqual(found.summary.received, 3)
            found = client.stream_filtered(self.HEADER, iter([{}, {}, {}]))
            self.assertEqual([f.index for f in found], [0, 2])

    def test_what_does_not_fit_is_thrown_away(self):
        summary = self.summary(2, 1)
        cases = [
            [], [self.resource(0)], [{}], [summary, summary],
            [self.resource(0), self.resource(0), summary],
            [self.resource(1), self.resource(0), summary],
            [self.resource(2), summary],
            [self.resource(0), self.summary(2, 2)],
            [self.resource(0), self.summary(1, 1)],
            [summary, self.resource(0)],
            [self.resource(0, b"[]"), summary],
            [self.resource(0, b"{"), summary],
            [b"\xff\xff\xff"], [self.resource(0), b"\xff\xff\xff", summary],
        ]
        for parts in cases:
            server = self.releasing(*parts)
            for client in self.clients(server.target):
                with self.assertRaises(NoDecision, msg=parts):
                    client.filter_resources(self.HEADER, [{}, {}])
                with self.assertRaises(NoDecision):
                    client.stream_filtered(self.HEADER, [{}, {}])

    def test_a_stream_that_fails_raises(self):
        server = self.releasing(Status(Code.INVALID_ARGUMENT, "resource 1"))
        for client in self.clients(server.target):
            with self.assertRaisesRegex(NoDecision, "INVALID_ARGUMENT"):
                client.filter_resources(self.HEADER, [{}] * 5000)


class WatchTest(ClientTest):
    CHANGES = [decision_pb2.WatchRevisionsResponse(revision=1),
               decision_pb2.WatchRevisionsResponse(
                   revision=2, changed=[support.MEMBER])]

    def test_changes_come_and_the_end_is_an_error(self):
        server = self.serve(lambda *_: self.CHANGES)
        seen = []
        with PdpClient(server.target, plaintext=True) as client:
            with self.assertRaises(NoDecision):
                for change in client.watch_revisions([support.MEMBER]):
                    seen.append((change.revision, change.changed))

        async def run():
            async with AsyncPdpClient(server.target, plaintext=True) as client:
                async for change in client.watch_revisions([support.MEMBER]):
                    seen.append((change.revision, change.changed))
        with self.assertRaises(NoDecision):
            asyncio.run(run())
        self.assertEqual(seen, [(1, ()), (2, (support.MEMBER,))] * 2)


class MetadataTest(ClientTest):
    TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    def test_trace_and_request_are_carried_on(self):
        server = self.answering(checked(permit()))
        for client in self.clients(server.target):
            client.check(question(), CallOptions(traceparent=self.TRACE,
                                                 request_id="r-1"))
            self.assertEqual(server.metadata[-1]["traceparent"], self.TRACE)
            self.assertEqual(server.metadata[-1]["x-request-id"], "r-1")

    def test_what_is_malformed_is_left_out(self):
        server = self.answering(checked(permit()))
        for client in self.clients(server.target):
            for bad in ("", "a b", "x\r\nauthorization: y", "\u00e4", "x" * 999):
                decision = client.check(question(), CallOptions(
                    traceparent=bad, request_id=bad))
                self.assertTrue(decision.permitted)
                self.assertNotIn("traceparent", server.metadata[-1])
                self.assertNotIn("x-request-id", server.metadata[-1])

    def test_the_token_is_asked_for_on_every_call(self):
        server = self.answering(checked(permit()))
        tokens = iter(["one", "two", "three", "four"])
        for client in self.clients(server.target,
                                   token_provider=lambda: next(tokens)):
            client.check(question())
            client.check(question())
        self.assertEqual([m["authorization"] for m in server.metadata],
                         ["Bearer " + t for t in ("one", "two", "three",
                                                  "four")])

    def test_without_the_token_there_is_no_call_and_no_secret_in_the_error(self):
        def broken():
            raise RuntimeError("SECRET")
        server = self.answering(checked(permit()))
        for provider in (broken, lambda: None, lambda: "", lambda: "a\nb"):
            for client in self.clients(server.target, token_provider=provider):
                decision = client.check(question())
                self.assertEqual(decision.failure.code, "UNAUTHENTICATED")
                self.assertNotIn("SECRET", repr(decision))
                self.assertNotIn("SECRET", repr(client.client))
        self.assertEqual(server.calls, [])

    def test_an_awaited_token_is_waited_for_until_the_deadline(self):
        async def token():
            return "one"

        async def never():
            await asyncio.sleep(LONG)
        server = self.answering(checked(permit()))
        for provider, wanted in ((token, True), (never, False)):
            client = Asyncio(server.target, token_provider=provider,
                             timeout=LONG if wanted else 0.1)
            self.assertEqual(client.check(question()).permitted, wanted)
            client.close()

    def test_the_hook_is_told_and_cannot_do_harm(self):
        def hook(report):
            reports.append(report)
            raise RuntimeError("mine")
        server = self.answering(checked(deny()))
        for client in self.clients(server.target, hook=hook):
            reports = []
            with self.assertLogs("medplum_pdp"):
                client.check(question())
            self.assertEqual(
                [(r.method, r.outcome, r.reason, r.retried) for r in reports],
                [("Check", "DENY", "RESOURCE_NOT_GRANTED", False)])


class ForgottenAwaitTest(ClientTest):
    def test_what_was_not_awaited_permits_nothing(self):
        server = self.answering(checked(permit()))

        async def run():
            async with AsyncPdpClient(server.target, plaintext=True) as client:
                for call in (
                        lambda: client.check(question()),
                        lambda: client.require_check(question()),
                        lambda: client.filter(
                            filter_request(support.MEMBER, "Patient"))):
                    with self.assertRaisesRegex(TypeError, "awaited"):
                        if call():
                            self.fail("permitted")
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    client.require_check(question())
                    gc.collect()
                self.assertIn("never awaited", str(caught[0].message))
                both = await asyncio.gather(client.check(question()),
                                            client.check(question()))
                self.assertTrue(all(both))
        asyncio.run(run())


class TransportTest(unittest.TestCase):
    def test_plaintext_has_to_be_asked_for(self):
        for target, options in (
                ("pdp:8990", {}), ("127.0.0.1:8990", {}), ("", {}),
                ("pdp:8990", {"tls": Tls(), "plaintext": True}),
                ("pdp:8990", {"plaintext": True,
                              "token_provider": lambda: "t"}),
                ("pdp:8990", {"plaintext": True, "timeout": 0})):
            for kind in (PdpClient, AsyncPdpClient):
                with self.assertRaises(ValueError):
                    kind(target, **options)
        PdpClient("unix:/run/pdp.sock", token_provider=lambda: "t")
        with self.assertRaises(ValueError):
            Tls(certificate_file="a")

    def test_what_stays_on_this_host(self):
        for address in ("localhost:1", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1",
                        "dns:///localhost:1", "dns:localhost:1",
                        "ipv4:127.0.0.1:1,127.0.0.2:1", "ipv6:[::1]:1",
                        "unix:/a", "unix-abstract:a"):
            self.assertTrue(is_local(address), address)
        for address in ("pdp:1", "10.0.0.1:1", "127.0.0.1.example.com:1",
                        "localhost.example.com:1", "localhost", "[::2]:1",
                        "dns:///pdp:1", "dns://1.1.1.1/localhost:1",
                        "xds:///localhost:1", "ipv4:127.0.0.1:1,10.0.0.1:1",
                        "http://localhost:1", "1127.0.0.1:1"):
            self.assertFalse(is_local(address), address)


if __name__ == "__main__":
    unittest.main()
