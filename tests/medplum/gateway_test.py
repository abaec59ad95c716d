#!/usr/bin/env python3
"""A FHIR server behind proxies that ask first: Envoy's calls, nginx and Envoy
themselves, and requests that try to get past them."""

import json
import random
import sys
import unittest
import uuid

import grpc

import proxies
from envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc
from harness import LONG, EndToEndTest

SECRET = "gateway-gateway-gateway-gateway-1"
READABLE = ("Patient", "Practitioner", "Observation", "Organization")
LOGIN = {"policy": [
    *({"resourceType": type_, "readonly": True} for type_ in (
        "Project", "ProjectMembership", "AccessPolicy", "UserConfiguration",
        "ClientApplication", "Bot", "RelatedPerson", *READABLE)),
    {"resourceType": "Subscription"}]}
JSON = ("content-type", "application/fhir+json")

# Below the base path; {mine} may be read, {other} may not.
HOSTILE = [
    "/fhir/R4/Patient/{other}",
    "/fhir/R4/Patient/{mine}/../{other}",
    "/fhir/R4/Patient/{mine}/..%2f{other}",
    "/fhir/R4/Patient/{mine}%2f..%2f{other}",
    "/fhir/R4/Patient/{mine}/%2e%2e/{other}",
    "/fhir/R4/Patient/{mine}/.%2e/{other}",
    "/fhir/R4/Patient/{mine}/%252e%252e/{other}",
    "/fhir/R4/Patient/{mine}/..;/{other}",
    "/fhir/R4/Patient/{mine};/../{other}",
    "/fhir/R4/Patient/{mine}\\..\\{other}",
    "/fhir/R4/Patient/{mine}%5c..%5c{other}",
    "/fhir/R4/Patient/{mine}/..%c0%af{other}",
    "/fhir/R4/Patient/{mine}#/../{other}",
    "/fhir/R4/Patient/{other}#/../{mine}",
    "/fhir/R4/Patient/{other}?/../{mine}",
    "/fhir/R4/Patient/{mine}?/../{other}",
    "/fhir/R4/Patient/{mine}%3F/../{other}",
    "/fhir/R4/Patient/{mine}%00",
    "/fhir/R4/Patient/{mine}%00/../{other}",
    "/fhir/R4/Patient/{mine}/",
    "/fhir/R4/Patient//{mine}",
    "/fhir/R4//Patient/{mine}",
    "/fhir/R4/./Patient/{mine}",
    "//fhir/R4/Patient/{mine}",
    "//evil.example.com/fhir/R4/Patient/{mine}",
    "/x/../fhir/R4/Patient/{mine}",
    "/fhir/R4/../R4/Patient/{mine}",
    "/fhir/R4/../../admin",
    "/FHIR/R4/Patient/{mine}",
    "/fhir/r4/Patient/{mine}",
    "/fhir/R4/patient/{mine}",
    "/fhir/R4/%50atient/{mine}",
    "/fhir%2FR4/Patient/{mine}",
    "/fhir/R4/Patient/{mine}%0d%0aX-Pdp-Decision-Id:%20x",
    "/fhir/R4/Patient/{mine}?_method=DELETE",
    "/fhir/R4/Patient/{mine}?access_token=x",
    "/fhir/R4/Patient/{mine}?_format=json?x",
    "/fhir/R4/Patient/{mine}/$everything",
    "/fhir/R4/Patient",
    "/fhir/R4/Patient?_id={mine}&_id[]={other}",
    "/fhir/R4/Patient?_id={mine};_id={other}",
    "/fhir/R4",
    "/fhir/R4/",
    "/fhir/R4/$graphql",
    "/fhir/R4/metadata",
    "/admin/super",
    "/",
]

# With a path that may be read.
HOSTILE_HEADERS = [
    ("X-HTTP-Method-Override", "DELETE"),
    ("X-Method-Override", "PUT"),
    ("X-Original-URL", "/fhir/R4/Patient/{other}"),
    ("X-Rewrite-URL", "/fhir/R4/Patient/{other}"),
    ("X-Medplum-On-Behalf-Of", "ProjectMembership/x, ProjectMembership/y"),
    ("Authorization", "Bearer other"),
]


class GatewayTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.clinic_ = self.clinic(login=LOGIN)
        self.fake.change(reference=self.clinic_.policy, values={"resource": [
            {"resourceType": "Patient", "criteria": "Patient?gender=female"},
            {"resourceType": "Practitioner", "hiddenFields": ["birthDate"]},
            {"resourceType": "Observation"}]})
        self.mine = self.put("Patient", gender="female")
        self.other = self.put("Patient", gender="male")
        self.doctor = self.put("Practitioner", birthDate="1970-01-01")
        self.token = self.fake.add_token(
            membership=self.clinic_.member)["token"]
        self.bearer = ("authorization", f"Bearer {self.token}")

    def put(self, type_, **elements):
        return self.fake.put(project=self.clinic_.id, resource={
            "resourceType": type_, "id": str(uuid.uuid4()),
            **elements})["reference"].split("/")[1]

    def start(self, **gateway):
        secret = f"{self.directory}/gateway-token"
        with open(secret, "w", encoding="ascii") as file:
            file.write(SECRET)
        self.pdp_ = self.pdp(
            self.clinic_, medplum={"notifications": "none"},
            callers=[{"name": "gateway", "token-file": secret,
                      "permissions": ["gateway"], "subjects": "token"}],
            gateway={"ext-authz": "true", "forward-auth": "127.0.0.1:0",
                     "runner": "same_project", **gateway})
        self.stub = external_auth_pb2_grpc.AuthorizationStub(
            self.pdp_.channel)

    # --- Envoy's calls. -------------------------------------------------------

    def authorize(self, path, method="GET", headers=None, body=b"",
                  secret=SECRET, **http):
        request = external_auth_pb2.CheckRequest()
        attributes = request.attributes
        attributes.source.address.socket_address.address = "10.1.2.3"
        attributes.request.http.MergeFrom(
            external_auth_pb2.AttributeContext.HttpRequest(
                id="1", method=method, path=path, host="fhir.example.com",
                scheme="https", protocol="HTTP/2", raw_body=body,
                headers=dict([self.bearer] if headers is None else headers),
                **http))
        metadata = [("authorization", f"Bearer {secret}")] if secret else []
        return self.stub.Check(request, metadata=metadata, timeout=LONG)

    def assert_passes(self, answer):
        self.assertEqual(0, answer.status.code, answer)
        self.assertTrue(answer.HasField("ok_response"))
        return {h.header.key: h.header.value
                for h in answer.ok_response.headers}

    def assert_denied(self, answer, status=403, decided=True):
        self.assertNotEqual(0, answer.status.code)
        denied = answer.denied_response
        self.assertEqual(status, denied.status.code)
        body = json.loads(denied.body)
        if decided:
            self.assertEqual(["decisionId"], list(body))
            uuid.UUID(body["decisionId"])
        else:
            self.assertEqual({}, body)
        return body.get("decisionId")

    def record_of(self, decision_id):
        """All records of that decision: what was answered is written."""
        files = (self.pdp_.directory / "data/audit").rglob("*")
        lines = [line for file in files if file.is_file()
                 for line in file.read_text().splitlines()]
        return [json.loads(line) for line in lines if decision_id in line]

    def test_an_answer_is_that_of_a_check(self):
        self.start()
        headers = [self.bearer, ("x-request-id", "r-1"),
                   ("user-agent", "tester"), ("x-pdp-query", "forged"),
                   ("X_Pdp_Hidden-Fields", "forged")]
        answer = self.authorize(f"/fhir/R4/Patient/{self.mine}",
                                headers=headers)
        told = self.assert_passes(answer)
        self.assertEqual(["x-pdp-decision-id"], list(told))
        self.assertEqual(["x-pdp-query", "x_pdp_hidden-fields"],
                         sorted(answer.ok_response.headers_to_remove))
        self.assertEqual(told["x-pdp-decision-id"],
                         answer.dynamic_metadata["decision_id"])
        [record] = self.record_of(told["x-pdp-decision-id"])
        text = json.dumps(record)
        for part in ("ExtAuthz", "gateway", "10.1.2.3", "r-1", "tester",
                     f"Patient/{self.mine}", "PERMIT"):
            self.assertIn(part, text)

        hidden = self.authorize(f"/fhir/R4/Patient/{self.other}")
        absent = self.authorize(f"/fhir/R4/Patient/{uuid.uuid4()}")
        for denied in (hidden, absent):
            denied.dynamic_metadata.Clear()
            self.assert_denied(denied)
            denied.denied_response.body = ""
        self.assertEqual(hidden, absent)  # But for the decision's id.

    def test_who_shows_no_good_token_is_told_so(self):
        self.start()
        for authorization in (None, "Basic YTpi", "Bearer x.y.z",
                              f"Bearer {self.token}x"):
            with self.subTest(authorization):
                answer = self.authorize(
                    f"/fhir/R4/Patient/{self.mine}",
                    headers=[("authorization", authorization)]
                    if authorization else [])
                self.assert_denied(answer, 401)
                self.assertIn("www-authenticate", [
                    h.header.key for h in answer.denied_response.headers])

    def test_who_is_no_gateway_is_answered_as_a_fault(self):
        self.start()
        for secret in (None, "wrong-wrong-wrong-wrong-wrong-wrong"):
            with self.subTest(secret):
                self.assert_denied(
                    self.authorize(f"/fhir/R4/Patient/{self.mine}",
                                   secret=secret), 503, decided=False)

    def test_hostile_paths_are_refused_and_recorded(self):
        self.start()
        self.assert_passes(self.authorize(f"/fhir/R4/Patient/{self.mine}"))
        for path in HOSTILE:
            with self.subTest(path):
                answer = self.authorize(
                    path.format(mine=self.mine, other=self.other))
                decision_id = self.assert_denied(answer)
                self.assertTrue(self.record_of(decision_id))

    def test_what_an_answer_asks_for_has_to_be_honored(self):
        self.start()
        path = f"/fhir/R4/Practitioner/{self.doctor}"
        decision_id = self.assert_denied(self.authorize(path))
        events = [json.dumps(r) for r in self.record_of(decision_id)]
        self.assertEqual(2, len(events), events)
        self.assertIn("PERMIT_WITH_OBLIGATIONS", events[0])
        self.assertIn("withheld", events[1])

        self.start(honors=["hidden_fields"])
        told = self.assert_passes(self.authorize(path))
        self.assertEqual("birthDate", told["x-pdp-hidden-fields"])
        # What is hidden must not be written either.
        body = json.dumps({"resourceType": "Practitioner",
                           "id": self.doctor}).encode()
        self.assert_denied(self.authorize(path, "PUT", [self.bearer, JSON],
                                          body))
        self.start(honors=["hidden_fields", "readonly_fields"])
        told = self.assert_passes(
            self.authorize(path, "PUT", [self.bearer, JSON], body))
        self.assertEqual("birthDate", told["x-pdp-readonly-fields"])

    def test_writes_are_judged_by_their_body(self):
        self.start()

        def write(method, path, **resource):
            return self.authorize(
                path, method, [self.bearer, JSON],
                json.dumps({"resourceType": "Patient", **resource}).encode())
        mine = f"/fhir/R4/Patient/{self.mine}"
        self.assert_passes(write("POST", "/fhir/R4/Patient", gender="female"))
        self.assert_denied(write("POST", "/fhir/R4/Patient", gender="male"))
        self.assert_passes(write("PUT", mine, id=self.mine, gender="female",
                                 active=True))
        self.assert_denied(write("PUT", mine, id=self.mine, gender="male"))
        self.assert_denied(write("PUT", f"/fhir/R4/Patient/{self.other}",
                                 id=self.other, gender="female"))
        self.assert_passes(self.authorize(mine, "DELETE"))
        self.assert_denied(self.authorize(f"/fhir/R4/Patient/{self.other}",
                                          "DELETE"))
        # Readers of JSON differ about which of them it is.
        twice = (b'{"resourceType":"Patient","gender":"female",'
                 b'"gender":"male"}')
        self.assert_denied(self.authorize(
            "/fhir/R4/Patient", "POST", [self.bearer, JSON], twice), 400,
            decided=False)
        # Not all of the body, and none of it.
        self.assert_denied(self.authorize("/fhir/R4/Patient", "POST",
                                          [self.bearer, JSON]))

    def test_a_search_passes_where_it_finds_no_more_than_is_permitted(self):
        self.start()
        self.assert_passes(self.authorize("/fhir/R4/Observation?code=x"))
        self.assert_passes(self.authorize(
            "/fhir/R4/Observation/_search", "POST",
            [self.bearer,
             ("content-type", "application/x-www-form-urlencoded")],
            b"code=x"))
        self.assert_denied(self.authorize("/fhir/R4/Patient?name=a"))
        self.assert_denied(self.authorize("/fhir/R4/Organization"))
        self.assert_denied(self.authorize("/fhir/R4/Practitioner"))

        self.start(search="rewrite")
        told = self.assert_passes(self.authorize("/fhir/R4/Patient?name=a"))
        self.assertTrue(told[":path"].startswith("/fhir/R4/Patient?"))
        self.assertIn("name=a", told[":path"])
        self.assertIn("gender=female", told[":path"])
        # What goes on is itself a search that passes as it is.
        again = self.assert_passes(self.authorize(told[":path"]))
        self.assertNotIn(":path", again)

        self.start(search="header")
        told = self.assert_passes(self.authorize("/fhir/R4/Patient?name=a"))
        self.assertIn("gender=female", told["x-pdp-query"])

        self.start(runner="privileged")
        self.assert_denied(self.authorize("/fhir/R4/Observation?code=x"))

    # --- Real proxies. --------------------------------------------------------

    def through(self, start, values):
        """A proxy and the server behind it; None where there is no such
        program."""
        upstream = proxies.Upstream()
        self.addCleanup(upstream.close)
        proxy = start(self.directory, {
            "GATEWAY-TOKEN": SECRET, **values(upstream)})
        if proxy is None:
            return None, None
        self.addCleanup(proxy.close)
        return proxy, upstream

    def nginx(self):
        proxy, upstream = self.through(proxies.nginx, lambda upstream: {
            "127.0.0.1:8992": self.pdp_.ready["forward_auth"],
            "127.0.0.1:8103": upstream.address})
        self.assertIsNotNone(proxy, "nginx is missing: run .ci/install")
        return proxy, upstream

    def envoy(self):
        port = self.pdp_.target.rsplit(":", 1)[1]
        proxy, upstream = self.through(proxies.envoy, lambda upstream: {
            "port_value: 8990": f"port_value: {port}",
            "port_value: 8103": f"port_value: {upstream.port}"})
        if proxy is None:
            print("SKIPPED: no Envoy here (PDP_ENVOY, or envoy on the PATH); "
                  "the gateway was not tried with a real one",
                  file=sys.stderr, flush=True)
            self.skipTest("no Envoy")
        return proxy, upstream

    def check_what_passes(self, proxy, upstream):
        mine = f"/fhir/R4/Patient/{self.mine}"
        for target, method in ((mine, "GET"), (mine + "?_format=json", "GET"),
                               (mine + "/_history", "GET"), (mine, "DELETE"),
                               ("/fhir/R4/Observation?code=a%7Cb", "GET")):
            with self.subTest(f"{method} {target}"):
                upstream.seen.clear()
                status, _ = proxy.send(
                    target, method,
                    [self.bearer, ("X-Pdp-Decision-Id", "forged"),
                     ("X-Pdp-Hidden-Fields", "")]
                    if proxy is self.changeable else [self.bearer])
                self.assertEqual(200, status)
                [(line, headers, _)] = upstream.seen
                self.assertEqual([method, target], line.split(" ")[:2])
                told = [(n, v) for n, v in headers if n.startswith("x-pdp-")]
                self.assertEqual(["x-pdp-decision-id"], [n for n, _ in told])
                self.assertTrue(self.record_of(told[0][1]))

    changeable = None  # The proxy that is told to leave out headers.

    def check_what_does_not(self, proxy, upstream, hostile=HOSTILE):
        upstream.seen.clear()
        status, body = proxy.send(f"/fhir/R4/Patient/{self.other}",
                                  headers=[self.bearer])
        self.assertEqual(403, status)
        uuid.UUID(json.loads(body)["decisionId"])
        self.assertEqual(401, proxy.send(f"/fhir/R4/Patient/{self.mine}")[0])
        names = {"mine": self.mine, "other": self.other}
        for target in hostile:
            for form in ("{}", "http://fhir.example.com{}"):
                raw = form.format(target.format(**names))
                with self.subTest(raw):
                    status, _ = proxy.send(raw, headers=[self.bearer])
                    self.assertNotEqual(200, status)
        for name, value in HOSTILE_HEADERS:
            with self.subTest(name):
                status, _ = proxy.send(
                    f"/fhir/R4/Patient/{self.mine}",
                    headers=[self.bearer, (name, value.format(**names))])
                self.assertNotEqual(200, status)
        for method in ("POST", "PUT", "PATCH", "OPTIONS", "get", "TRACE"):
            with self.subTest(method):
                status, _ = proxy.send(f"/fhir/R4/Patient/{self.mine}", method,
                                       [self.bearer])
                self.assertNotEqual(200, status)
        self.assertEqual([], [line for line, _, _ in upstream.seen])

    def check_mutations(self, proxy, upstream, is_rewritten=lambda t: False):
        """Whatever is made of a path, what reaches the server is what may be
        read, written as it was asked for, or what `is_rewritten`."""
        chance = random.Random(7)
        pieces = ["/", "//", "..", ".", "%2f", "%2e", "%5c", ";", "?", "#",
                  "\\", "%00", "%25", "%", "+", "&", "=", "_history", "$x",
                  ":", "@", "~", "*", self.other, self.mine, "Patient",
                  "patient", "fhir", "R4", "_format=json"]
        permitted = {f"/fhir/R4/Patient/{self.mine}{tail}" for tail in
                     ("", "?", "?_format=json", "/_history", "/_history?")}
        base = ["", "fhir", "R4", "Patient", self.mine]
        upstream.seen.clear()
        sent = set()
        for _ in range(300):
            parts = list(base)
            for _ in range(chance.randint(1, 3)):
                at = chance.randint(1, len(parts))
                piece = chance.choice(pieces)
                if chance.random() < 0.3 and at < len(parts):
                    parts[at] += piece
                else:
                    parts.insert(at, piece)
            target = "/".join(parts)
            sent.add(target)
            proxy.send(target, headers=[self.bearer])
        reached = {line.split(" ")[1] for line, _, _ in upstream.seen}
        reached = {target for target in reached if not is_rewritten(target)}
        self.assertLessEqual(reached, permitted)
        self.assertLessEqual(reached, sent)

    def test_nginx_passes_on_what_was_decided_and_nothing_else(self):
        self.start()
        proxy, upstream = self.nginx()
        self.check_what_passes(proxy, upstream)
        self.check_what_does_not(proxy, upstream)
        self.check_mutations(proxy, upstream)
        # Nobody but nginx itself says what the request is.
        upstream.seen.clear()
        mine = f"/fhir/R4/Patient/{self.mine}"
        for name, value in (("X-Original-URI", mine),
                            ("X-Forwarded-Uri", mine),
                            ("X-Pdp-Authorization", f"Bearer {SECRET}"),
                            ("X-Original-Method", "GET")):
            status, _ = proxy.send(f"/fhir/R4/Patient/{self.other}", "GET",
                                   [self.bearer, (name, value)])
            self.assertEqual(403, status)
        self.assertEqual(403, proxy.send(
            mine, headers=[self.bearer, ("X-Pdp-Query", "forged")])[0])
        # More headers than are looked at: the one that counts is the last.
        many = [(f"X-A{i}", "b") for i in range(80)]
        self.assertEqual(503, proxy.send(mine, headers=[
            self.bearer, *many,
            ("X-Medplum-On-Behalf-Of", "Practitioner/x")])[0])
        self.assertEqual([], upstream.seen)

    def test_without_an_answer_nginx_passes_nothing_on(self):
        self.start()
        proxy, upstream = self.nginx()
        self.pdp_.kill()
        status, body = proxy.send(f"/fhir/R4/Patient/{self.mine}",
                                  headers=[self.bearer])
        self.assertEqual((503, b"{}"), (status, body))
        self.assertEqual([], upstream.seen)

    def test_envoy_passes_on_what_was_decided_and_nothing_else(self):
        self.start(search="rewrite")
        proxy, upstream = self.envoy()
        self.changeable = proxy
        self.check_what_passes(proxy, upstream)

        upstream.seen.clear()
        status, _ = proxy.send("/fhir/R4/Patient?name=a",
                               headers=[self.bearer])
        self.assertEqual(200, status)
        [(line, _, _)] = upstream.seen
        self.assertIn("gender=female", line)

        upstream.seen.clear()
        body = json.dumps({"resourceType": "Patient",
                           "gender": "female"}).encode()
        self.assertEqual(200, proxy.send("/fhir/R4/Patient", "POST",
                                         [self.bearer, JSON], body)[0])
        self.assertEqual(body, upstream.seen[0][2])
        self.assertEqual(403, proxy.send(
            "/fhir/R4/Patient", "POST", [self.bearer, JSON],
            body.replace(b"female", b"male"))[0])

        # But for the search, which goes on as another.
        self.check_what_does_not(proxy, upstream, [
            path for path in HOSTILE if path != "/fhir/R4/Patient"])
        self.check_mutations(
            proxy, upstream, lambda target: target.startswith(
                "/fhir/R4/Patient?gender=female&_compartment=Patient/"))

    def test_without_an_answer_envoy_passes_nothing_on(self):
        self.start()
        proxy, upstream = self.envoy()
        self.pdp_.kill()
        status, _ = proxy.send(f"/fhir/R4/Patient/{self.mine}",
                               headers=[self.bearer])
        self.assertEqual(503, status)
        self.assertEqual([], upstream.seen)

    # --- Traefik's and Caddy's headers. ---------------------------------------

    def test_forward_auth_takes_the_configured_headers_alone(self):
        self.start(**{"forward-auth-headers": "forwarded"})
        host, port = self.pdp_.ready["forward_auth"].rsplit(":", 1)
        proxy = proxies.Proxy(["/bin/true"], f"{self.directory}/true.log",
                              (host, int(port)))
        self.addCleanup(proxy.close)
        caller = ("X-Pdp-Authorization", f"Bearer {SECRET}")

        def ask(uri, *more, who=(caller,), method="GET", path="/forward-auth"):
            return proxy.send(path, headers=[
                *who, self.bearer, ("X-Forwarded-Method", method),
                ("X-Forwarded-Uri", uri), *more])[0]
        mine = f"/fhir/R4/Patient/{self.mine}"
        other = f"/fhir/R4/Patient/{self.other}"
        self.assertEqual(200, ask(mine))
        self.assertEqual(403, ask(other))
        self.assertEqual(403, ask(other, ("X-Original-URI", mine)))
        self.assertEqual(200, ask(mine, ("X-Original-URI", other)))
        self.assertEqual(400, ask(mine, ("X-Forwarded-Uri", other)))
        self.assertEqual(400, ask(mine, ("X-Forwarded-Method", "DELETE")))
        self.assertEqual(503, ask(mine, who=()))
        self.assertEqual(503, ask(mine, caller))  # Twice.
        self.assertEqual(403, ask("/fhir/R4/Patient", method="POST"))
        self.assertEqual(404, ask(mine, path="/forward-auth/x"))
        self.assertEqual(413, proxy.send("/forward-auth", "POST", [
            caller, self.bearer, ("X-Forwarded-Method", "GET"),
            ("X-Forwarded-Uri", mine)], b"x")[0])
        metrics = self.pdp_.http("/metrics")[1]
        self.assertIn('method="ForwardAuth"', metrics)


if __name__ == "__main__":
    unittest.main()
