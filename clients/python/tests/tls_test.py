#!/usr/bin/python3
"""TLS and mutual TLS, with the right certificates and with others."""

import datetime
import ipaddress
import pathlib
import tempfile
import unittest

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support import LONG, ClientTest, checked, permit, question
from medplum_pdp import Effect, Tls


class Authority:
    """A CA that writes certificates into a directory."""

    def __init__(self, directory, name):
        self.directory = directory
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(name, self.key.public_key(), True)
        self.file = directory / f"{name}.pem"
        self.file.write_bytes(_pem(self.certificate))

    def issue(self, name):
        """The files of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.directory / f"{self.name}-{name}.pem"
        certificate.write_bytes(_pem(self._sign(name, key.public_key(), False)))
        key_file = self.directory / f"{self.name}-{name}.key"
        key_file.write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        return certificate, key_file

    def _sign(self, name, public_key, is_authority):
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name)).issuer_name(_name(self.name))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(is_authority, None), True)
            .add_extension(x509.SubjectAlternativeName(
                [x509.DNSName(name),
                 x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
                if name == "pdp.test" else [x509.DNSName(name)]), False)
            .sign(self.key, hashes.SHA256()))


def _name(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


class TlsTest(ClientTest):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        directory = pathlib.Path(temporary.name)
        self.authority = Authority(directory, "ours")
        self.stranger = Authority(directory, "theirs")

    def secure(self, name="pdp.test", clients_of=None):
        certificate, key = self.authority.issue(name)
        return self.serve(
            lambda *_: checked(permit()),
            credentials=grpc.ssl_server_credentials(
                [(key.read_bytes(), certificate.read_bytes())],
                clients_of and clients_of.file.read_bytes(),
                clients_of is not None))

    def effects(self, server, **tls):
        """Of both clients."""
        return {client.check(question()).effect for client in
                self.clients(server.target, tls=Tls(**tls), timeout=LONG)}

    def test_the_right_authority(self):
        self.assertEqual({Effect.PERMIT}, self.effects(
            self.secure(), ca_file=self.authority.file))

    def test_the_wrong_authority_decides_nothing(self):
        server = self.secure()
        for tls in ({"ca_file": self.stranger.file}, {}):
            self.assertEqual({Effect.NO_DECISION}, self.effects(server, **tls))
        self.assertEqual(server.calls, [])

    def test_another_name_decides_nothing(self):
        server = self.secure(name="else.test")
        ca = self.authority.file
        self.assertEqual({Effect.NO_DECISION},
                         self.effects(server, ca_file=ca))
        self.assertEqual({Effect.PERMIT}, self.effects(
            server, ca_file=ca, server_name="else.test"))

    def test_a_server_without_tls_decides_nothing(self):
        server = self.serve(lambda *_: checked(permit()))
        self.assertEqual({Effect.NO_DECISION}, self.effects(
            server, ca_file=self.authority.file))

    def test_a_server_that_wants_a_certificate(self):
        server = self.secure(clients_of=self.authority)
        ca = self.authority.file
        for authority, wanted in ((self.authority, Effect.PERMIT),
                                  (self.stranger, Effect.NO_DECISION)):
            certificate, key = authority.issue("gateway")
            self.assertEqual({wanted}, self.effects(
                server, ca_file=ca, certificate_file=certificate,
                private_key_file=key))
        self.assertEqual({Effect.NO_DECISION},
                         self.effects(server, ca_file=ca))

    def test_files_that_are_not_there_decide_nothing(self):
        self.assertEqual({Effect.NO_DECISION}, self.effects(
            self.secure(), ca_file="/nonexistent/ca.pem"))


if __name__ == "__main__":
    unittest.main()
