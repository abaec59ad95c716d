#!/usr/bin/env python3
"""TLS to the Medplum server, for its API and its WebSocket, and to who issues
callers' tokens: a certificate is believed where the configured authority
vouches for it, for this host, today."""

import time
import unittest

import grpc

from authority import Authority
from fake_client import FakeMedplum
from harness import LONG, PERMIT, RARE_SWEEPS, EndToEndTest, admin_pb2
from harness import wait_until

DENIED = "INTERACTION_NOT_GRANTED"


class TlsTest(EndToEndTest):
    def setUp(self):
        self.addCleanup(lambda: self.fake.close())  # Whichever is the last.
        super().setUp()
        self.authority = Authority(self.directory, "authority")

    def serve(self, certificate, key):
        """In place of the server that speaks without TLS."""
        self.fake.close()
        self.fake = FakeMedplum(certificate, key)
        return self.clinic()

    def test_the_api_and_the_notifications_are_believed(self):
        clinic = self.serve(*self.authority.issue("server", "IP:127.0.0.1"))
        self.assertTrue(self.fake.base_url.startswith("https:"))
        pdp = self.connected(clinic, **RARE_SWEEPS,
                             medplum={"ca-file": self.authority.certificate})
        self.assertEqual(PERMIT, pdp.ask(clinic.member))
        self.assertEqual("CONNECTED", pdp.notifications(clinic.id))
        clinic.grant(False)
        self.comes(DENIED, pdp, clinic.member)

    def test_what_nobody_vouches_for_is_not_asked(self):
        other = Authority(self.directory, "other")
        for name, issuer, subject, days in (
                ("another authority", other, "IP:127.0.0.1", 1),
                ("another host", self.authority, "DNS:example.com", 1),
                ("another address", self.authority, "IP:127.0.0.2", 1),
                ("expired", self.authority, "IP:127.0.0.1", -1)):
            with self.subTest(name):
                clinic = self.serve(*issuer.issue("server", subject, days))
                pdp = self.pdp(clinic, wait=False, medplum={
                    "ca-file": self.authority.certificate})
                wait_until(lambda p=pdp: p.log_has("feed_failed"), name)
                time.sleep(0.2)
                self.assertIsNone(pdp.ready)
                self.assertEqual([], self.fake.requests())
                pdp.stop()

    def test_the_keys_of_callers_come_from_whom_the_authority_vouches_for(self):
        clinic = self.clinic()
        other = Authority(self.directory, "other")
        token = None
        for issuer, code in ((self.authority, grpc.StatusCode.OK),
                             (other, grpc.StatusCode.UNAUTHENTICATED)):
            with self.subTest(issuer.name), FakeMedplum(
                    *issuer.issue("keys", "IP:127.0.0.1")) as login:
                # One that this server signs by the keys that it serves.
                token = login.sign_token(claims={
                    "iss": "https://login.example.com", "aud": "pdp",
                    "exp": int(time.time()) + 600})
                pdp = self.pdp(clinic, callers=[{
                    "name": "console", "permissions": ["admin"],
                    "issuer": "https://login.example.com", "audience": "pdp",
                    "jwks-url": login.base_url + ".well-known/jwks.json",
                    "jwks-ca-file": self.authority.certificate}])
                wait_until(lambda p=pdp, t=token, c=code:
                           self.status_with(p, t) == c, code.name)
                self.assertEqual(code == grpc.StatusCode.OK,
                                 bool(login.requests()))
                pdp.stop()

    @staticmethod
    def status_with(pdp, token):
        try:
            pdp.admin.GetStatus(
                admin_pb2.GetStatusRequest(), timeout=LONG,
                metadata=[("authorization", f"Bearer {token}")])
            return grpc.StatusCode.OK
        except grpc.RpcError as error:
            return error.code()


if __name__ == "__main__":
    unittest.main()
