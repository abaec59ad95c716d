#!/usr/bin/env python3
"""What replicas have in common, and what they do not."""

import unittest

import grpc

from replicas import ReplicasTest
from harness import LONG, PERMIT, RARE_SWEEPS, wait_until
from medplum.pdp.v1 import decision_pb2, types_pb2

DENIED = "INTERACTION_NOT_GRANTED"


class ReplicasOfOneProjectTest(ReplicasTest):
    def setUp(self):
        super().setUp()
        self.clinic_ = self.clinic(members=3)
        self.member = self.clinic_.member

    def edit(self, granted):
        """The version that Medplum has of the policy then."""
        self.clinic_.grant(granted)
        last = self.fake.history(reference=self.clinic_.policy)[-1]
        return f"{self.clinic_.policy}/_history/{last['version']}"

    def test_a_change_reaches_every_one_also_those_that_are_not_told(self):
        pdps = self.replicas(self.clinic_).pdps
        # The Subscriptions of a login are enough for one.
        wait_until(lambda: [pdp.notifications(self.clinic_.id)
                            for pdp in pdps].count("CONNECTED") == 1)
        for granted in (False, True):
            self.edit(granted)
            for pdp in pdps:
                self.comes(PERMIT if granted else DENIED, pdp, self.member)

    def test_where_medplum_allows_more_subscriptions_every_one_is_told(self):
        self.fake.set(subscriptions_per_author=60)
        pdps = self.replicas(self.clinic_, **RARE_SWEEPS).pdps
        wait_until(lambda: all(pdp.notifications(self.clinic_.id) ==
                               "CONNECTED" for pdp in pdps))
        self.wait_quiet()
        self.edit(False)
        for pdp in pdps:
            self.comes(DENIED, pdp, self.member)

    def test_a_version_of_medplum_counts_at_every_one(self):
        pdps = self.replicas(self.clinic_, **RARE_SWEEPS).pdps
        wait_until(lambda: self.all_bound([self.clinic_]))
        self.wait_quiet()
        self.fake.notification_fault(kind="lose")
        version = self.edit(False)
        for pdp in pdps:
            self.assertEqual(PERMIT, pdp.ask(self.member))
            self.assertEqual(DENIED, pdp.ask(self.member,
                                             at_least_as_fresh=[version]))

    def test_a_revision_is_of_the_one_that_gave_it(self):
        replicas = self.replicas(self.clinic_, count=1)
        first, = replicas.pdps
        for granted in (False, True):  # What a later one never sees.
            self.edit(granted)
            self.comes(PERMIT if granted else DENIED, first, self.member)
        second = replicas.add(self.clinic_)
        decisions = [pdp.check(self.member) for pdp in (first, second)]
        self.assertEqual(*(d.effect for d in decisions))
        self.assertGreater(decisions[0].revision, decisions[1].revision)
        with self.assertRaises(grpc.RpcError) as raised:
            second.stub.Check(decision_pb2.CheckRequest(
                subject=types_pb2.Subject(reference=self.member),
                interaction=types_pb2.INTERACTION_READ,
                resource=types_pb2.Resource(type="Patient", id="1"),
                consistency=types_pb2.Consistency(
                    at_least_revision=decisions[0].revision)), timeout=LONG)
        self.assertEqual(grpc.StatusCode.UNAVAILABLE, raised.exception.code())

    def test_a_decision_is_in_the_audit_log_of_the_one_that_made_it(self):
        first, second = self.replicas(self.clinic_, count=2).pdps
        decision = first.check(self.member).decision_id
        explain = decision_pb2.ExplainRequest(decision_id=decision)
        first.stub.Explain(explain, timeout=LONG)
        with self.assertRaises(grpc.RpcError) as raised:
            second.stub.Explain(explain, timeout=LONG)
        self.assertEqual(grpc.StatusCode.NOT_FOUND, raised.exception.code())
        # What was then done is recorded by whoever is told.
        second.stub.RecordAccess(decision_pb2.RecordAccessRequest(
            decision_id=decision, event="viewed", success=True), timeout=LONG)


class ShardsTest(ReplicasTest):
    """Each server has the logins of some projects."""

    def test_a_shard_decides_of_its_own_projects_alone(self):
        clinics = [self.clinic(), self.clinic()]
        shards = [self.pdp(clinic) for clinic in clinics]
        for clinic in clinics:
            for own, shard in zip(clinics, shards):
                with self.subTest(asked_of_its_own=clinic is own):
                    self.assertEqual(
                        PERMIT if clinic is own else "SUBJECT_UNKNOWN",
                        shard.ask(clinic.member))

    def test_what_a_linked_project_shares_is_known_where_it_is_used(self):
        shared = self.clinic(name="Shared")
        clinic = self.clinic(link=[
            {"project": {"reference": f"Project/{shared.id}"}}])
        member = clinic.add_member(policy=shared.policy)
        shard = self.pdp(clinic)
        self.assertEqual(PERMIT, shard.ask(member))
        self.assertEqual("SUBJECT_UNKNOWN", shard.ask(shared.member))
        shared.grant(False)
        self.comes(DENIED, shard, member)


if __name__ == "__main__":
    unittest.main()
