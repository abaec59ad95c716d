#!/usr/bin/python3
"""Both clients with a real decision point and the sample clinic."""

import asyncio
import concurrent.futures
import os
import signal
import threading
import unittest

import support
from clinic import CLINIC, resources
from pdpd import EVERYTHING, Pdpd
from support import Asyncio, Threads
from medplum_pdp import (AsyncPdpClient, ExplainRequest, NoDecision, Obligation,
                         PdpClient, PermissionDenied, batch_request,
                         check_request, filter_header, filter_request,
                         strip_hidden_fields)
from medplum_pdp._v1 import decision_pb2

PATIENT = "ProjectMembership/13000001-0000-4000-8000-000000000020"
OWN, OTHER = (f"Patient/20000001-0000-4000-8000-00000000000{i}" for i in (1, 2))


class LiveTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pdpd = Pdpd("--source", f"directory:{CLINIC}", *EVERYTHING)
        cls.addClassCleanup(cls.pdpd.remove)
        cls.addClassCleanup(cls.pdpd.stop)

    def clients(self):
        for kind in (Threads, Asyncio):
            client = kind(self.pdpd.target)
            try:
                yield client
            finally:
                client.close()

    def test_one_many_and_a_stream_answer_the_same(self):
        references = [f"Patient/{p['id']}" for p in resources("Patient")] * 30
        for client in self.clients():
            one = [client.check(check_request(PATIENT, "read", r)).permitted
                   for r in references[:20]]
            many = client.check_many(batch_request(PATIENT, "read", references))
            stream = client.check_stream(
                check_request(PATIENT, "read", r) for r in references)
            self.assertEqual([d.permitted for d in many],
                             [d.permitted for d in stream])
            self.assertEqual([d.permitted for d in many[:20]], one)
            self.assertEqual({d.permitted for d in many}, {True, False})
            self.assertEqual({d.no_decision for d in many}, {False})

    def test_more_than_a_batch(self):
        references = [OWN, OTHER] * 600
        for client in self.clients():
            found = client.check_many(
                batch_request(PATIENT, "read", references))
            self.assertEqual([d.permitted for d in found], [True, False] * 600)

    def test_denied_unknown_and_asked_wrongly(self):
        for client in self.clients():
            self.assertEqual(
                client.check(check_request(PATIENT, "read", OTHER)).http_status,
                403)
            nobody = client.check(check_request("Practitioner/x", "read", OWN))
            self.assertEqual((nobody.reason, nobody.http_status),
                             ("SUBJECT_UNKNOWN", 401))
            wrong = client.check(decision_pb2.CheckRequest())
            self.assertEqual((wrong.failure.code, wrong.http_status),
                             ("INVALID_ARGUMENT", 503))
            with self.assertRaises(PermissionDenied):
                client.require_check(check_request(PATIENT, "read", OTHER))

    def test_stripping_here_is_stripping_there(self):
        members = [f"ProjectMembership/{m['id']}"
                   for m in resources("ProjectMembership")]
        bodies = resources("Patient") + resources("Observation")
        stripped = 0
        for client in self.clients():
            for member in members:
                found = client.filter_resources(filter_header(member), bodies)
                shown = {f.index: f.resource for f in found}
                for index, body in enumerate(bodies):
                    reference = f"{body['resourceType']}/{body['id']}"
                    decision = client.check(check_request(
                        member, "read", reference, body=body))
                    may = decision.permitted_if(Obligation.HIDDEN_FIELDS)
                    self.assertEqual(may, index in shown)
                    if not may:
                        continue
                    self.assertEqual(decision.strip(body), shown[index])
                    stripped += decision.strip(body) != body
                    self.assertEqual(strip_hidden_fields(
                        body, decision.hidden_fields), shown[index])
        self.assertGreater(stripped, 0)

    def test_a_job_streams_more_than_it_keeps(self):
        [own] = [p for p in resources("Patient") if OWN.endswith(p["id"])]
        [other] = [p for p in resources("Patient") if OTHER.endswith(p["id"])]
        many = ((own, other)[i % 2] for i in range(3000))
        for client in self.clients():
            found = client.stream_filtered(filter_header(PATIENT), many)
            self.assertEqual([f.index for f in found], list(range(0, 3000, 2)))
            many = ((own, other)[i % 2] for i in range(3000))

    def test_what_is_no_resource_ends_the_stream(self):
        for client in self.clients():
            with self.assertRaisesRegex(NoDecision, "INVALID_ARGUMENT"):
                client.filter_resources(filter_header(PATIENT), ["{"])

    def test_filter_explain_describe_and_tenants(self):
        for client in self.clients():
            found = client.require_filter(filter_request(PATIENT, "Patient"))
            self.assertTrue(found.queries)
            self.assertEqual(found.resource_type, "Patient")
            refused = client.filter(filter_request(
                PATIENT, "Patient", "_include=Patient:organization"))
            self.assertEqual(refused.reason, "QUERY_NOT_SAFE")
            explained = client.explain(ExplainRequest(
                check=check_request(PATIENT, "read", OTHER)))
            self.assertTrue(explained.summary)
            self.assertEqual(client.describe(PATIENT).membership, PATIENT)
            self.assertEqual(client.tenants("Practitioner/x"), [])

    def test_answers_of_many_threads_are_not_mixed_up(self):
        client = PdpClient(self.pdpd.target, plaintext=True,
                           timeout=support.LONG)
        self.addCleanup(client.close)

        def ask(number):
            reference = (OWN, OTHER)[number % 2]
            request = check_request(PATIENT, "read", reference)
            return all(client.check(request).permitted == (reference == OWN)
                       for _ in range(100))
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            self.assertEqual(list(threads.map(ask, range(8))), [True] * 8)

    def test_answers_of_many_tasks_are_not_mixed_up(self):
        async def run():
            async with AsyncPdpClient(self.pdpd.target, plaintext=True,
                                      timeout=support.LONG) as client:
                return await asyncio.gather(*[
                    client.check(check_request(PATIENT, "read",
                                               (OWN, OTHER)[i % 2]))
                    for i in range(500)])
        self.assertEqual([d.permitted for d in asyncio.run(run())],
                         [True, False] * 250)

    def test_access_is_recorded(self):
        for client in self.clients():
            decision = client.check(check_request(PATIENT, "read", OWN))
            client.record_access(decision.decision_id, "printed")
            with self.assertRaises(NoDecision):
                client.record_access(decision.decision_id, "no such event")
        self.assertEqual(self.pdpd.audit().count('"printed"'), 2)


class KilledTest(unittest.TestCase):
    def setUp(self):
        self.pdpd = Pdpd("--source", f"directory:{CLINIC}", *EVERYTHING)
        self.addCleanup(self.pdpd.remove)
        self.addCleanup(self.pdpd.stop)

    def test_a_server_that_is_killed_decides_nothing_more(self):
        for kind in (Threads, Asyncio):
            client = kind(self.pdpd.target, timeout=support.LONG)
            self.addCleanup(client.close)
            if self.pdpd.process.poll() is None:
                self.assertTrue(client.check(
                    check_request(PATIENT, "read", OWN)).permitted)
            self.pdpd.stop(signal.SIGKILL)
            decision = client.check(check_request(PATIENT, "read", OWN))
            self.assertTrue(decision.no_decision)
            self.assertTrue(all(d.no_decision for d in client.check_stream(
                check_request(PATIENT, "read", OWN) for _ in range(300))))

    def test_a_watch_begins_and_ends_with_an_error(self):
        with PdpClient(self.pdpd.target, plaintext=True) as client:
            watch = client.watch_revisions([PATIENT])
            changes = iter(watch)
            first = next(changes)
            self.assertGreater(first.revision, 0)
            self.assertEqual((first.changed, first.all_changed), ((), False))
            self.pdpd.stop(signal.SIGKILL)
            with self.assertRaises(NoDecision):
                next(changes)

    def test_a_watch_of_asyncio(self):
        async def run():
            async with AsyncPdpClient(self.pdpd.target,
                                      plaintext=True) as client:
                changes = client.watch_revisions([PATIENT])
                self.assertGreater((await changes.__anext__()).revision, 0)
                await changes.aclose()
        asyncio.run(run())

    def test_a_watch_is_closed_by_another_thread(self):
        with PdpClient(self.pdpd.target, plaintext=True) as client:
            watch = client.watch_revisions()
            changes = iter(watch)
            next(changes)
            threading.Timer(0.2, watch.close).start()
            with self.assertRaises(NoDecision) as raised:
                next(changes)
            self.assertEqual(raised.exception.failure.code, "CANCELLED")

    def test_a_client_made_before_a_fork_asks_in_the_child(self):
        with PdpClient(self.pdpd.target, plaintext=True,
                       timeout=support.LONG) as client:
            child = os.fork()
            if child == 0:
                found = client.check(check_request(PATIENT, "read", OWN))
                os._exit(0 if found.permitted else 1)
            self.assertEqual(os.waitstatus_to_exitcode(
                os.waitpid(child, 0)[1]), 0)
            self.assertTrue(client.check(check_request(
                PATIENT, "read", OWN)).permitted)


if __name__ == "__main__":
    unittest.main()
