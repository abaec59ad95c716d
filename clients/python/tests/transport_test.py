#!/usr/bin/python3
"""What goes with a call: metadata, tokens, the hook; and over what."""

import asyncio
import time
import unittest

from support import (LONG, Asyncio, ClientTest, checked, deny, permit,
                     question)
from medplum_pdp import AsyncPdpClient, CallOptions, PdpClient, Tls
from medplum_pdp._core import is_local


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
            for bad in ("", "a b", "x\r\nauthorization: y", "\u00e4",
                        "x" * 999):
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

    def test_without_the_token_there_is_no_call_and_no_secret_told(self):
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


class ReplicasTest(ClientTest):
    def test_replicas_are_asked_in_turn_and_one_that_is_gone_is_left_out(self):
        servers = [self.answering(checked(permit())) for _ in range(2)]
        target = "ipv4:" + ",".join(server.target for server in servers)
        for client in self.clients(target):
            while not all(server.calls for server in servers):
                self.assertTrue(client.check(question()).permitted)
        servers[0].stop()
        for client in self.clients(target):
            for _ in range(20):
                self.assertTrue(client.check(question()).permitted)

    def test_a_server_that_does_not_serve_is_passed_over(self):
        starting, serving = (
            self.serve(lambda *_: checked(permit()), is_serving=is_serving)
            for is_serving in (False, True))
        target = f"ipv4:{starting.target},{serving.target}"
        for client in self.clients(target):
            for _ in range(10):
                self.assertTrue(client.check(question()).permitted)
        self.assertEqual(starting.calls, [])
        self.assertEqual(len(serving.calls), 20)

    def test_a_server_that_comes_back_is_asked_again(self):
        server = self.answering(checked(permit()))
        for client in self.clients(server.target):
            self.assertTrue(client.check(question()).permitted)
            server.stop()
            self.assertFalse(client.check(question()).permitted)
            server = self.serve(lambda *_: checked(permit()),
                                address=server.target)
            deadline = time.monotonic() + LONG
            while not client.check(question()).permitted:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)


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
