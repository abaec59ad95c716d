#!/usr/bin/env python3
"""Everything together, from the first load to a member whose membership is
revoked: a server with TLS that follows a fake Medplum server over TLS, asked by
clients of all languages and through a proxy, watched by Prometheus, with a
signed audit log and AuditEvents at Medplum.

What the test needs from the build is found as in tests/medplum/harness.py."""

import json
import pathlib
import secrets
import subprocess
import sys
import threading
import time
import unittest
import uuid

HERE = pathlib.Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE.parent / "medplum"), str(HERE.parent / "monitoring")]

import proxies  # noqa: E402
from askers import Behind, Pdpctl, Program, node_package  # noqa: E402
from audit_events import SECRET, AuditEventsCase  # noqa: E402
from authority import Authority, openssl  # noqa: E402
from fake_client import FakeMedplum  # noqa: E402
from harness import BIN, LONG, all_bound, wait_until  # noqa: E402
from prometheus import Prometheus, free_ports  # noqa: E402

# No decision is made from data that is older.
BOUND = 60.0


class EndToEndTest(AuditEventsCase):
    """`answers` has what everybody was ever answered: (asker, Answer)."""

    def setUp(self):
        self.addCleanup(lambda: self.fake.close())  # Whichever is the last.
        super().setUp()
        self.authority = Authority(self.directory, "authority")
        self.fake.close()
        self.fake = FakeMedplum(
            *self.authority.issue("medplum", "IP:127.0.0.1"))
        self.planted = {"a name": SECRET}
        self.answers = []
        self.tokens = {}
        self.project = self.clinic()
        self.female, self.male = (self.patient(gender)
                                  for gender in ("female", "male"))
        self.let_read("female")
        self.member = self.project.member
        self.leaver = self.project.add_member()
        self.start_all()

    # --- What there is. -------------------------------------------------------

    def patient(self, gender):
        return self.fake.put(project=self.project.id, resource={
            "resourceType": "Patient", "id": str(uuid.uuid4()),
            "name": [{"family": SECRET}], "gender": gender})["reference"]

    def let_read(self, gender):
        self.fake.change(reference=self.project.policy, values={"resource": [
            {"resourceType": "Patient",
             "criteria": f"Patient?gender={gender}"}]})

    def token_of(self, member):
        """An access token of the member's, always the same."""
        if member not in self.tokens:
            self.tokens[member] = self.fake.add_token(
                membership=member)["token"]
        return self.tokens[member]

    def token_file(self, caller):
        self.planted[f"the token of {caller}"] = secrets.token_hex(32)
        path = pathlib.Path(self.directory) / f"token-{caller}"
        path.write_text(self.planted[f"the token of {caller}"])
        return path

    def start_all(self):
        """The server, which cannot finish its first load, and everybody who
        talks to it."""
        package = node_package()  # Which may take its time.
        self.hold = self.fake.fault(kind="status", status=503, times=0,
                                    path="/AccessPolicy[?]")
        grpc, http, forward_auth = (
            f"127.0.0.1:{port}" for port in free_ports(3))
        self.signing_key, self.public_key = (
            f"{self.directory}/audit-key.{kind}" for kind in ("pem", "pub"))
        openssl("genpkey", "-algorithm", "ed25519", "-out", self.signing_key)
        openssl("pkey", "-in", self.signing_key, "-pubout", "-out",
                self.public_key)
        by_token = {name: self.token_file(name)
                    for name in ("typescript", "pdpctl", "proxy")}
        self.server = self.start_server(grpc, http, forward_auth, by_token)
        self.prometheus = Prometheus(self.directory, http)
        self.addCleanup(self.prometheus.close)
        self.askers = [
            *self.start_programs(grpc, package, by_token["typescript"]),
            Pdpctl("--target", grpc, "--tls-ca", self.authority.certificate,
                   "--token-file", by_token["pdpctl"]),
            self.start_proxy(forward_auth)]
        for asker in self.askers:
            self.addCleanup(asker.close)

    def start_server(self, grpc, http, forward_auth, token_files):
        def caller(name, **more):
            return {"name": name, "permissions": ["check"], "subjects": "any",
                    "resources": "inline", **more}
        certificate, key = self.authority.issue(
            "pdp", "IP:127.0.0.1", days=60)
        return self.pdp(
            self.project, wait=False, listen=[grpc], threads=2,
            **{"http-listen": http, "audit-mode": "required"},
            **{"stale-after": "10s", "max-staleness": f"{BOUND:.0f}s"},
            tls={"certificate-file": certificate, "private-key-file": key,
                 "client-ca-file": self.authority.certificate,
                 "require-client-certificate": "false"},
            callers=[
                caller("python", san="dns:python.example.com"),
                caller("cpp", san="dns:cpp.example.com"),
                caller("typescript",
                       **{"token-file": str(token_files["typescript"])}),
                caller("pdpctl", **{"token-file": str(token_files["pdpctl"])}),
                {"name": "proxy", "permissions": ["gateway"],
                 "subjects": "token", "token-file": str(token_files["proxy"])}],
            gateway={"forward-auth": forward_auth, "runner": "same_project"},
            audit={"signing-key-file": self.signing_key, "medplum": {
                "enabled": "true", "fold-window": "1s", "interval": "100ms"}},
            medplum={"ca-file": self.authority.certificate})

    def start_programs(self, target, package, token_file):
        ca = self.authority.certificate
        self.python = (sys.executable, "-B", HERE / "ask.py", target, ca)
        programs = [
            Program(name, *command,
                    *self.authority.issue(name, f"DNS:{name}.example.com"))
            for name, command in (
                ("python", self.python),
                ("cpp", (BIN / "end_to_end_ask", target, ca)))]
        if package:
            programs.append(Program("typescript", "node", HERE / "ask.cjs",
                                    package, target, ca, token_file))
        return programs

    def start_proxy(self, forward_auth):
        upstream = proxies.Upstream()
        proxy = proxies.nginx(self.directory, {
            "GATEWAY-TOKEN": self.planted["the token of proxy"],
            "127.0.0.1:8992": forward_auth,
            "127.0.0.1:8103": upstream.address})
        self.assertIsNotNone(proxy, "nginx is missing: run .ci/install")
        return Behind(proxy, upstream, self.token_of)

    # --- Asking. --------------------------------------------------------------

    def ask(self, asker, member, resource, **options):
        answer = asker.ask(member, "read", resource, **options)
        self.answers.append((asker.name, answer))
        return answer.effect

    def all_see(self, effect, member, resource):
        asked = len(self.answers)
        for asker in self.askers:
            self.ask(asker, member, resource)
        answers = self.answers[asked:]
        self.assertEqual({effect}, {answer.effect for _, answer in answers},
                         answers)

    def comes(self, effect, member, resource):
        """Until one sees it; so then does everybody."""
        wait_until(lambda: self.ask(self.askers[0], member, resource) == effect,
                   effect)
        self.all_see(effect, member, resource)

    def ids(self, *effects):
        return [answer.id for _, answer in self.answers
                if answer.effect in effects]

    # --- The story. -----------------------------------------------------------

    def test_from_the_first_load_to_a_revoked_membership(self):
        self.nothing_is_decided_before_all_is_loaded()
        self.everybody_is_answered_the_same()
        self.nobody_else_is_answered()
        self.what_a_caller_sends_along_is_judged()
        self.a_new_member_is_known()
        self.a_changed_policy_counts()
        self.a_revoked_membership_is_denied_everywhere()
        self.an_inactive_membership_is_denied_everywhere()
        self.prometheus_has_counted_the_same()
        self.medplum_has_an_event_of_every_denial()
        metrics = self.server.http("/metrics")[1]
        self.assertEqual(0, self.server.stop())
        self.the_audit_log_is_whole_and_has_every_answer()
        self.the_terminations_took_effect_at_once()
        self.nothing_planted_is_anywhere(metrics)

    def nothing_is_decided_before_all_is_loaded(self):
        wait_until(lambda: self.fake.fault_hits(id=self.hold) > 1, "a load")
        self.all_see("NO_DECISION", self.member, self.female)
        wait_until(lambda: self.prometheus.values("pdp_ready", "job") ==
                   {"medplum-pdp": 0}, "not ready", pause=0.2)
        wait_until(lambda: "PdpNotReady" in self.alerts("pending"),
                   "it is noticed", pause=0.2)
        self.assertIsNone(self.server.ready)
        self.fake.clear_faults()
        self.server.wait_ready()
        wait_until(lambda: all_bound(self.fake, [self.project]),
                   "notifications")
        # Clients that watch the server's health have yet to be told of it.
        for asker in self.askers:
            wait_until(lambda by=asker: self.ask(
                by, self.member, self.female) == "PERMIT", asker.name)
        self.assertFalse(self.ids("DENY"))

    def everybody_is_answered_the_same(self):
        self.all_see("PERMIT", self.member, self.female)
        self.all_see("DENY", self.member, self.male)
        self.all_see("DENY", self.member, f"Patient/{uuid.uuid4()}")

    def nobody_else_is_answered(self):
        other = Authority(self.directory, "other")
        for name, issuer, why in (
                ("stranger", self.authority, "UNAUTHENTICATED"),
                ("python", other, "UNAVAILABLE")):
            certificate = issuer.issue(f"{name}-once-more",
                                       f"DNS:{name}.example.com")
            stranger = Program(name, *self.python, *certificate)
            self.addCleanup(stranger.close)
            self.assertEqual(("NO_DECISION", why, "-"), stranger.ask(
                self.member, "read", self.female))

    def what_a_caller_sends_along_is_judged(self):
        for asker in self.askers[:-1]:  # A proxy has nothing to send along.
            for gender, effect in (("female", "PERMIT"), ("male", "DENY")):
                body = {"resourceType": "Patient", "id": str(uuid.uuid4()),
                        "meta": {"project": self.project.id},
                        "name": [{"family": SECRET}], "gender": gender}
                self.assertEqual(effect, self.ask(
                    asker, self.member, f"Patient/{body['id']}", body=body))

    def a_new_member_is_known(self):
        id_ = str(uuid.uuid4())
        self.newcomer = f"ProjectMembership/{id_}"
        for asker in self.askers[:-1]:  # Who is not there has no token.
            self.assertEqual("DENY",
                             self.ask(asker, self.newcomer, self.female))
        self.project.add_member(id=id_)
        self.comes("PERMIT", self.newcomer, self.female)

    def a_changed_policy_counts(self):
        self.let_read("male")
        self.comes("DENY", self.newcomer, self.female)
        for member in (self.member, self.newcomer):
            self.all_see("PERMIT", member, self.male)
            self.all_see("DENY", member, self.female)

    def a_revoked_membership_is_denied_everywhere(self):
        """All ask all the time, each for itself, while it is revoked."""
        asked = {asker.name: [] for asker in self.askers}
        is_going_on = threading.Event()

        def keep_asking(asker):
            seen = asked[asker.name]
            while not is_going_on.is_set() or len(seen) < 3 or any(
                    effect == "PERMIT" for _, _, effect in seen[-3:]):
                begun = time.monotonic()
                effect = self.ask(asker, self.newcomer, self.male)
                seen.append((begun, time.monotonic(), effect))
                if time.monotonic() > end:
                    return
        end = time.monotonic() + 2 * BOUND
        threads = [threading.Thread(target=keep_asking, args=(asker,))
                   for asker in self.askers]
        for thread in threads:
            thread.start()
        wait_until(lambda: all(asked.values()), "answers for all")
        revoked = self.fake.delete(reference=self.newcomer)["committed_ns"]
        is_going_on.set()
        for thread in threads:
            thread.join()

        denied_at = min(ended for seen in asked.values()
                        for _, ended, effect in seen if effect == "DENY")
        for name, seen in asked.items():
            with self.subTest(name):
                effects = [effect for _, _, effect in seen]
                self.assertEqual("PERMIT", effects[0])
                self.assertEqual(["DENY"] * 3, effects[-3:])
                self.assertEqual({"PERMIT", "DENY"}, set(effects))
                for begun, _, effect in seen:
                    if effect == "PERMIT":
                        self.assertLess(begun, denied_at)
                        self.assertLess(begun - revoked / 1e9, BOUND)
        self.all_see("DENY", self.newcomer, self.female)
        self.all_see("PERMIT", self.member, self.male)

    def an_inactive_membership_is_denied_everywhere(self):
        self.comes("PERMIT", self.leaver, self.male)
        self.fake.set_active(membership=self.leaver, active=False)
        self.comes("DENY", self.leaver, self.male)

    # --- What is left of it. --------------------------------------------------

    def prometheus_has_counted_the_same(self):
        expected = {"permit": len(self.ids("PERMIT")),
                    "deny": len(self.ids("DENY"))}
        wait_until(lambda: self.prometheus.values(
            "sum by (effect) (pdp_decision_total)", "effect") == expected,
            f"{expected}", pause=0.2)
        self.assertEqual({"medplum-pdp": 1},
                         self.prometheus.values("pdp_ready", "job"))
        # All rules work.  The calls of before it was ready did end without a
        # decision; besides them there is nothing to say.
        wait_until(lambda: "PdpNotReady" not in self.alerts("pending"),
                   "it is noticed", pause=0.2)
        self.assertLessEqual(self.alerts("firing"),
                             {"PdpErrorBudgetBurn", "PdpNoDecisions"})
        self.assertEqual({"ok"}, {
            rule["health"] for rule in self.prometheus.rules()})

    def alerts(self, state):
        return {rule["name"] for rule in self.prometheus.rules()
                if rule.get("state") == state}

    def medplum_has_an_event_of_every_denial(self):
        events = self.arrive(self.ids("DENY"), len(self.ids("PERMIT")))
        self.planted_is_not_in(json.dumps(events), "AuditEvents")

    def audit(self, command, *options):
        """What `pdpctl audit` prints, each line parsed."""
        done = subprocess.run(
            [str(BIN / "pdpctl"), "audit", *command.split(),
             str(self.server.directory / "data/audit"), *options,
             "--output", "json"],
            capture_output=True, text=True, timeout=LONG, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stderr), done.stdout)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def the_audit_log_is_whole_and_has_every_answer(self):
        [verdict] = self.audit("verify", "--public-key", self.public_key,
                               "--heads", str(self.server.log))
        self.assertTrue(verdict["ok"], verdict)
        records = {}
        for record in self.audit("query"):
            if record["kind"] == "decision" and \
                    record["effect"] != "NO_DECISION":
                self.assertNotIn(record["decision_id"], records)
                records[record["decision_id"]] = (record["caller"],
                                                  record["effect"])
        self.assertEqual(records, {
            answer.id: (name, answer.effect) for name, answer in self.answers
            if answer.effect != "NO_DECISION"})

    def the_terminations_took_effect_at_once(self):
        ended = self.audit("report terminations")
        self.assertEqual(
            {(self.newcomer, "deleted", "0", ""),
             (self.leaver, "made inactive", "0", "")},
            {(row["membership"], row["event"], row["permitted_after"],
              row["last_permitted"]) for row in ended})
        for row in ended:
            self.assertLessEqual(row["known"], row["first_denied"])

    def nothing_planted_is_anywhere(self, metrics):
        """Not in the server's files, its store included; not in its log or
        metrics."""
        for member, token in self.tokens.items():
            self.planted[f"the token of {member}"] = token.split(".")[1]
        self.planted["its own secret"] = self.project.login["secret"]
        self.planted_is_not_in(metrics, "the metrics")
        files = [self.server.log, *(
            file for file in (self.server.directory / "data").rglob("*")
            if file.is_file())]
        self.assertGreater(len(files), 3)
        for file in files:
            self.planted_is_not_in(file.read_text(errors="replace"), file)

    def planted_is_not_in(self, text, where):
        for what, planted in self.planted.items():
            self.assertNotIn(planted, text, f"{what} in {where}")


if __name__ == "__main__":
    unittest.main()
