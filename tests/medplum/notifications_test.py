#!/usr/bin/env python3
"""Changes by WebSocket: that they arrive, and that what a frame says is never
believed.  Sweeps are so rare here that they bring nothing within a test."""

import time
import unittest

from harness import PERMIT, RARE_SWEEPS, EndToEndTest, wait_until

DENIED = "INTERACTION_NOT_GRANTED"
# What a notification would have brought is here by then.
SETTLED = 0.3


class NotificationsTest(EndToEndTest):
    fake_settings = {"heartbeat_seconds": 0.5}

    def setUp(self):
        super().setUp()
        self.clinic_ = self.clinic(members=2)
        self.policy = self.clinic_.policy
        self.member = self.clinic_.member

    def follow(self, **options):
        return self.connected(self.clinic_, **{**RARE_SWEEPS, **options})

    def test_policies(self):
        pdp = self.follow()
        self.clinic_.grant(False)
        self.comes(DENIED, pdp, self.member)
        self.clinic_.grant(True)
        self.comes(PERMIT, pdp, self.member)
        self.fake.delete(reference=self.policy)
        self.comes("POLICY_UNAVAILABLE", pdp, self.member)
        self.fake.undelete(reference=self.policy)
        self.comes(PERMIT, pdp, self.member)

    def test_memberships(self):
        pdp = self.follow()
        new = self.clinic_.add_member()
        self.comes(PERMIT, pdp, new)
        self.fake.set_active(membership=new, active=False)
        self.comes("SUBJECT_INACTIVE", pdp, new)
        self.fake.set_active(membership=new, active=True)
        self.comes(PERMIT, pdp, new)
        self.fake.delete(reference=new)
        wait_until(lambda: pdp.ask(new) != PERMIT)
        self.fake.undelete(reference=new)
        self.comes(PERMIT, pdp, new)
        policy = self.fake.put(project=self.clinic_.id, resource={
            "resourceType": "AccessPolicy", "resource": []})["reference"]
        self.fake.change(reference=new, values={
            "accessPolicy": {"reference": policy}})
        self.comes(DENIED, pdp, new)

    def test_clients_and_user_configurations(self):
        client = self.fake.put(project=self.clinic_.id, resource={
            "resourceType": "ClientApplication", "name": "Bot"})["reference"]
        member = self.clinic_.add_member(user={"reference": client},
                                         profile={"reference": client})
        configuration = self.fake.put(project=self.clinic_.id, resource={
            "resourceType": "UserConfiguration"})["reference"]
        configured = self.clinic_.add_member(
            userConfiguration={"reference": configuration})
        pdp = self.follow()
        self.assertEqual(PERMIT, pdp.ask(member))
        self.assertEqual(PERMIT, pdp.ask(configured))
        self.fake.delete(reference=client)
        wait_until(lambda: pdp.ask(member) != PERMIT)
        self.fake.delete(reference=configuration)
        wait_until(lambda: pdp.ask(configured) != PERMIT)

    def test_lost_ones_are_found_by_the_sweep(self):
        pdp = self.pdp(self.clinic_)
        self.fake.notification_fault(kind="lose")
        self.clinic_.grant(False)
        self.comes(DENIED, pdp, self.member)
        self.fake.delete(reference=self.clinic_.members[1])
        wait_until(lambda: pdp.ask(self.clinic_.members[1]) != PERMIT)

    def test_doubled_and_turned_ones_end_in_the_last_state(self):
        pdp = self.follow()
        self.fake.notification_fault(kind="double")
        hold = self.fake.notification_fault(kind="hold", type="AccessPolicy")
        self.fake.end_notification_fault(id=hold - 1)
        for granted in (False, True, False):
            self.clinic_.grant(granted)
        wait_until(lambda: self.fake.notification_fault_hits(id=hold) == 3)
        self.fake.release(id=hold)
        self.comes(DENIED, pdp, self.member)
        self.stays(DENIED, pdp, self.member, SETTLED)

    def test_a_frame_is_not_believed(self):
        pdp = self.follow()
        self.clinic_.grant(False)
        self.comes(DENIED, pdp, self.member)
        id_ = self.policy.split("/")[1]
        everything = [{"resourceType": "*"}]
        forged = {"resourceType": "AccessPolicy", "id": id_,
                  "resource": everything,
                  "meta": {"versionId": "9", "project": self.clinic_.id,
                           "lastUpdated": "2099-01-01T00:00:00.000Z"}}
        self.fake.forge_event(resource=forged)
        self.fake.forge_event(resource={**forged, "id": "never"})
        self.fake.forge_event(resource={
            "resourceType": "ProjectMembership", "id": "never", "admin": True,
            "project": {"reference": f"Project/{self.clinic_.id}"},
            "accessPolicy": {"reference": "AccessPolicy/never"}})
        self.fake.forge_event(resource={"resourceType": "Organization",
                                        "id": "x"})
        self.stays(DENIED, pdp, self.member, SETTLED)
        self.assertEqual("SUBJECT_UNKNOWN",
                         pdp.ask("ProjectMembership/never"))

    def test_frames_that_are_nonsense_do_no_harm(self):
        pdp = self.follow()
        for text in ("", "{", "[]", "null", '{"resourceType":"Bundle"}',
                     '{"resourceType":"Bundle","entry":[{},1]}',
                     '{"type":"x"}', "\u0000", "[" * 5000, "x" * 100000):
            self.fake.send_frame(text=text)
        self.clinic_.grant(False)
        self.comes(DENIED, pdp, self.member)

    def test_a_delete_that_was_rolled_back_removes_nothing(self):
        pdp = self.follow()
        self.fake.roll_back_delete(reference=self.policy)
        self.fake.roll_back_delete(reference=self.member)
        self.stays(PERMIT, pdp, self.member, SETTLED)

    def test_a_burst_ends_in_the_last_state(self):
        pdp = self.follow()
        for _ in range(50):
            self.clinic_.grant(True)
            self.clinic_.grant(False)
        # On the way there any state of the burst may be seen.
        self.wait_quiet()
        self.comes(DENIED, pdp, self.member)
        self.stays(DENIED, pdp, self.member, SETTLED)

    def test_what_changed_while_the_socket_was_gone_is_found_at_once(self):
        pdp = self.follow()
        for graceful in (True, False):
            with self.subTest(graceful=graceful):
                opened = self.fake.subscriptions()["sockets_opened"]
                self.fake.down(graceful=graceful)
                self.clinic_.grant(not graceful)
                self.fake.up()
                answer = DENIED if graceful else PERMIT
                self.comes(answer, pdp, self.member)
                wait_until(lambda o=opened: self.fake.subscriptions()
                           ["sockets_opened"] > o)
                wait_until(lambda: self.all_bound([self.clinic_]))
                self.wait_quiet()
                self.clinic_.grant(graceful)
                self.comes(PERMIT if graceful else DENIED, pdp, self.member)

    def test_a_dropped_socket_gets_new_subscriptions(self):
        pdp = self.follow()
        before = self.ids()
        self.fake.drop_sockets()
        wait_until(lambda: self.ids() and not self.ids() & before)
        wait_until(lambda: self.all_bound([self.clinic_]))
        self.wait_quiet()
        self.clinic_.grant(False)
        self.comes(DENIED, pdp, self.member)

    def ids(self):
        return {s["id"] for s in self.fake.subscriptions()["web_socket"]
                if s["bound"]}

    def test_a_subscription_that_heartbeats_leave_out_is_made_anew(self):
        pdp = self.follow()
        lost = next(s["id"] for s in self.fake.subscriptions()["web_socket"]
                    if s["criteria"].startswith("AccessPolicy"))
        self.fake.leave_out_of_heartbeats(subscriptions=[lost])
        wait_until(lambda: lost not in self.ids())
        self.clinic_.grant(False)
        self.comes(DENIED, pdp, self.member)

    def test_a_login_that_was_revoked_is_connected_again(self):
        pdp = self.follow()
        before = self.ids()
        self.fake.revoke(client=self.clinic_.login["client"])
        self.clinic_.grant(False)  # Told to nobody.
        self.comes(DENIED, pdp, self.member)
        wait_until(lambda: len(self.ids() - before) >= len(before))
        self.clinic_.grant(True)
        self.comes(PERMIT, pdp, self.member)

    def test_without_the_feature_the_status_says_so_and_sweeps_go_on(self):
        self.fake.set_features(project=self.clinic_.id, features=[])
        pdp = self.pdp(self.clinic_)
        wait_until(lambda: "websocket-subscriptions" in
                   pdp.feed(self.clinic_.id).notifications_message)
        self.assertEqual("DISCONNECTED", pdp.notifications(self.clinic_.id))
        self.clinic_.grant(False)
        self.comes(DENIED, pdp, self.member)
        self.assertEqual("CURRENT", pdp.state(self.clinic_.id))

    def test_without_the_grants_the_status_names_them(self):
        clinic = self.clinic(login={"policy": []})
        pdp = self.pdp(clinic)
        wait_until(lambda: "ProjectMembership" in
                   pdp.feed(clinic.id).notifications_message)
        clinic.grant(False)
        self.comes(DENIED, pdp, clinic.member)

    def test_events_go_on_past_the_end_of_the_binding_token(self):
        self.fake.set(binding_seconds=2)
        pdp = self.follow()
        end = time.monotonic() + 5
        granted = True
        while time.monotonic() < end:
            granted = not granted
            self.clinic_.grant(granted)
            self.comes(PERMIT if granted else DENIED, pdp, self.member)
            time.sleep(0.2)


if __name__ == "__main__":
    unittest.main()
