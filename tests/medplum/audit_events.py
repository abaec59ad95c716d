"""What the tests of AuditEvents have in common: a server that posts them, and
what is to be there in the end."""

import collections
import json

from harness import LONG, RARE_SWEEPS, EndToEndTest
from harness import decision_pb2, types_pb2, wait_until

SECRET = "Featherstonehaugh"  # The name of a patient.
EVENTS = {"fold-window": "1s", "interval": "100ms"}


def details(event):
    """What the event says of the decision, by type."""
    return {detail["type"]: detail["valueString"]
            for entity in event["entity"] for detail in entity.get("detail", ())}


def count(event):
    return int(details(event).get("count", 1))


def reads(events):
    return [e for e in events if details(e).get("effect") == "PERMIT" and any(
        coding["code"] in ("read", "search") for coding in e["subtype"])]


class AuditEventsCase(EndToEndTest):
    def start(self, *projects, events=None, **options):
        return self.pdp(*projects, medplum={"notifications": "none"}, audit={
            "medplum": {"enabled": "true", **EVENTS, **(events or {})}},
            **RARE_SWEEPS, **options)

    def clinic(self, **options):
        return super().clinic(login={"audit_events": True}, **options)

    def events(self):
        return self.fake.living(type_="AuditEvent")

    def read(self, pdp, member, id="1"):
        """Of a Patient that it may read."""
        return self.check(pdp, member, "Patient", id)

    def deny(self, pdp, member):
        return self.check(pdp, member, "Observation")

    def check(self, pdp, member, type_, id="1"):
        body = {"resourceType": type_, "id": id, "name": [{"family": SECRET}],
                "meta": {"project": pdp.project_of(member)}}
        request = decision_pb2.CheckRequest(
            subject=types_pb2.Subject(reference=member),
            interaction=types_pb2.INTERACTION_READ,
            resource=types_pb2.Resource(
                type=type_, id=id, body=json.dumps(body).encode(),
                project=pdp.project_of(member)))
        request.context.purpose_of_use = "TREAT"
        request.context.user_agent = SECRET
        request.context.request_id = f"of {SECRET}"
        answer = pdp.stub.Check(request, timeout=LONG).decision
        expected = types_pb2.EFFECT_PERMIT if type_ == "Patient" \
            else types_pb2.EFFECT_DENY
        self.assertEqual(expected, answer.effect)
        return answer.decision_id

    def arrive(self, denied, permitted):
        """Waits until all is there, and checks that nothing is twice."""
        def is_there():
            events = self.events()
            ids = {details(e).get("decision") for e in events}
            return set(denied) <= ids and \
                sum(count(e) for e in reads(events)) >= permitted
        wait_until(is_there, f"{len(denied)} denials, {permitted} reads",
                   pause=0.1)
        events = self.events()
        by_decision = collections.Counter(
            details(e)["decision"] for e in events if e["outcome"] == "8")
        self.assertEqual(collections.Counter(denied), by_decision)
        self.assertEqual(permitted, sum(count(e) for e in reads(events)))
        tags = [e["meta"]["tag"][0]["code"] for e in events]
        self.assertEqual(len(tags), len(set(tags)))
        self.assertNotIn(SECRET, json.dumps(events))
        return events

    def metric(self, pdp, name, project, **labels):
        """The value of a metric of a project's events."""
        want = {f'project="{project}"',
                *(f'{k}="{v}"' for k, v in labels.items())}
        for line in pdp.http("/metrics")[1].splitlines():
            name_, _, rest = line.partition("{")
            if name_ == name and want == set(
                    rest.partition("}")[0].split(",")):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no {name} of {want}")
