#!/usr/bin/python3
"""Many questions: batches, streams, filtered resources, watches."""

import asyncio
import socket
import unittest

import grpc

import support
from support import ClientTest, Status, deny, permit, question
from medplum_pdp import (AsyncPdpClient, BatchCheckItem, BatchCheckRequest,
                         Effect, NoDecision, PdpClient, check_request,
                         filter_header)
from medplum_pdp._v1 import decision_pb2, types_pb2

Code = grpc.StatusCode


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


if __name__ == "__main__":
    unittest.main()
