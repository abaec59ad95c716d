#!/usr/bin/python3
"""Of any answer whatever: what is permitted was permitted in every way."""

import random
import unittest

import support
from medplum_pdp import Effect, FilterKind, Obligation
from medplum_pdp._v1 import decision_pb2, types_pb2
from medplum_pdp.decision import decision_from
from medplum_pdp.filters import filter_from

CASES = 20_000


def random_decision(generator):
    """Around a permit, one that may be wrong in any field."""
    message = support.permit(
        effect=generator.choice([2, 2, 2, 3, 3, 1, 0, 4, -1]),
        reason=generator.choice([1, 1, 1, 1, 0, 11, 52, 999]),
        enforcement_http_status=generator.choice([200] * 4 + [0, 403, 401, 503,
                                                              201, 302]))
    if generator.random() < 0.3:
        message.hidden_fields.append("name")
    if generator.random() < 0.2:
        message.readonly_fields.append("name")
    if generator.random() < 0.2:
        message.write.restored_fields.append("name")
    if generator.random() < 0.2:
        message.versions.add(version_id="1")
    return message


def obligations_of(message):
    return {obligation for obligation, present in (
        (Obligation.HIDDEN_FIELDS, message.hidden_fields),
        (Obligation.READONLY_FIELDS, message.readonly_fields or
         message.write.restored_fields),
        (Obligation.VERSION_FIELDS, message.versions)) if present}


class AnswersTest(unittest.TestCase):
    def test_what_is_permitted_is_permitted_in_every_way(self):
        generator = random.Random(1)
        seen = set()
        for _ in range(CASES):
            message = random_decision(generator)
            decision = decision_from(message)
            honored = {o for o in Obligation if generator.random() < 0.7}
            sound = message.reason == types_pb2.REASON_PERMITTED and \
                message.enforcement_http_status == 200
            obligations = obligations_of(message)
            plain = sound and message.effect == 2 and not obligations
            honors = sound and message.effect == 3 and obligations and \
                obligations <= honored
            self.assertEqual(decision.permitted, plain, message)
            self.assertEqual(decision.permitted_if(*honored),
                             bool(plain or honors), message)
            self.assertEqual(decision.http_status_if(*honored) == 200,
                             bool(plain or honors))
            self.assertIn(decision.http_status, (200, 401, 403, 503))
            seen.add(decision.effect)
        self.assertEqual(seen, set(Effect))

    def test_bytes_that_were_changed_never_permit_what_they_do_not_say(self):
        generator = random.Random(2)
        permit = support.permit(message="m").SerializeToString()
        for _ in range(CASES):
            data = bytearray(permit)
            for _ in range(generator.choice([1, 2, 3])):
                data[generator.randrange(len(data))] = generator.randrange(256)
            try:
                message = types_pb2.Decision.FromString(bytes(data))
            except Exception:  # What the client makes NO_DECISION.
                continue
            if decision_from(message).permitted:
                self.assertEqual(
                    (message.effect, message.reason,
                     message.enforcement_http_status), (2, 1, 200))
                self.assertEqual(obligations_of(message), set())

    def test_a_filter_finds_something_only_where_it_is_permitted(self):
        generator = random.Random(3)
        seen = set()
        for _ in range(CASES):
            message = decision_pb2.FilterResponse(
                kind=generator.choice([2, 3, 2, 3, 1, 0, 4]),
                reason=generator.choice([1, 1, 1, 0, 11, 45, 999]),
                enforcement_http_status=generator.choice([200, 200, 0, 403,
                                                          503]),
                queries=["Patient?"] * generator.choice([0, 1, 2]))
            result = filter_from(message, "Patient")
            sound = message.kind in (2, 3) and message.reason == 1 and \
                message.enforcement_http_status == 200 and \
                len(message.queries) > 0
            self.assertEqual(result.permitted, sound, message)
            self.assertEqual(result.http_status == 200, sound)
            if not sound:
                self.assertEqual(result.queries, ())
                self.assertIsNone(result.condition)
            seen.add(result.kind)
        self.assertEqual(seen, set(FilterKind))


if __name__ == "__main__":
    unittest.main()
