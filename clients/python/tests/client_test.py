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
from medplum_pdp import (AsyncPdpClient, CallOptions, Effect, NoDecision,
                         Obligation, PdpClient, PermissionDenied, RetryBudget,
                         check_request, filter_request)
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

    def test_each_version_is_stripped_of_its_own_fields(self):
        oblige = types_pb2.EFFECT_PERMIT_WITH_OBLIGATIONS
        answer = permit(effect=oblige, hidden_fields=["name"], versions=[
            types_pb2.VersionFields(version_id="2", hidden_fields=["id"]),
            types_pb2.VersionFields(version_id="1")])
        server = self.answering(checked(answer))
        for client in self.clients(server.target):
            decision = client.check(question())
            for version, wanted in (("1", {"name", "id"}), ("2", {"name"}),
                                    ("3", {"id"})):
                meta = {"versionId": version}
                left = decision.strip_version(
                    {"name": 1, "id": "1", "meta": meta})
                self.assertEqual(set(left) - {"meta"}, wanted)
            for unknown in ({"name": 1}, {"meta": {}}, {"meta": []}):
                with self.assertRaises(ValueError):
                    decision.strip_version(unknown)
            with self.assertRaises(ValueError):
                decision.strip({"name": 1})

    def test_the_completed_resource_is_there_where_it_is_permitted(self):
        write = types_pb2.WriteOutcome(resource=b'{"id": "1"}')
        for answer, wanted in ((permit(write=write), {"id": "1"}),
                               (permit(), None), (deny(write=write), None)):
            server = self.answering(checked(answer))
            for client in self.clients(server.target):
                self.assertEqual(client.check(question()).completed_resource,
                                 wanted)

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

    def test_what_passes_is_asked_once_more(self):
        for code, failures, wanted in (
                (Code.UNAVAILABLE, 1, Effect.PERMIT),
                (Code.UNAVAILABLE, 2, Effect.NO_DECISION),
                (Code.CANCELLED, 1, Effect.PERMIT)):
            def script(method, request, context, code=code):
                left[0] -= 1
                if left[0] >= 0:
                    raise Status(code, "draining")
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
                  if code not in (Code.OK, Code.UNAVAILABLE, Code.CANCELLED)]
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
        with PdpClient(server.target, plaintext=True,
                       timeout=LONG) as client:
            self.assertTrue(client.check(question()).permitted)
        self.assertFalse(client.check(question()).permitted)
        self.assertFalse(list(client.check_stream([question()]))[0].permitted)

        async def run():
            async with AsyncPdpClient(server.target, plaintext=True,
                                      timeout=LONG) as client:
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


class ForgottenAwaitTest(ClientTest):
    def test_what_was_not_awaited_permits_nothing(self):
        server = self.answering(checked(permit()))

        async def run():
            async with AsyncPdpClient(server.target, plaintext=True,
                                      timeout=LONG) as client:
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


if __name__ == "__main__":
    unittest.main()
