"""Whether answers were right: each is compared with what the server held.

A Checker asks about members without a pause, from a thread, and keeps what it was
told and when.  Afterwards `wrong` reads the server's history and names every
answer that does not follow from what its resources were within the bound that it
was given under: `stale_after` before the question where the answer did not say
STALE, `max_staleness` where it did.
"""

import bisect
import collections
import threading
import time

import grpc

from harness import PERMIT, first_word
from medplum.pdp.v1 import types_pb2

# Clocks are the same on one machine; this is for the order of two threads.
SLACK_NS = 20_000_000

Answer = collections.namedtuple("Answer",
                                "member begun ended text stale entry")


class Checker(threading.Thread):
    def __init__(self, pdp, members, pause=0.002, **consistency):
        super().__init__(daemon=True)
        self.pdp = pdp
        self.members = members
        self.pause = pause
        self.consistency = consistency
        self.answers = []
        self.errors = []
        self._ended = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self._ended.set()
        self.join()

    def run(self):
        while not self._ended.is_set():
            for member in self.members:
                self._ask(member)
                if self.pause:
                    time.sleep(self.pause)

    def _ask(self, member):
        begun = time.monotonic_ns()
        stale, entry = False, ""
        try:
            decision = self.pdp.check(member, timeout=10, **self.consistency)
            permit = decision.effect == types_pb2.EFFECT_PERMIT
            text = PERMIT if permit else "DENY"
            entry = decision.entry.policy_version_id
            stale = any(note.code == types_pb2.NOTE_CODE_STALE
                        for note in decision.notes)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.CANCELLED:
                return  # The channel was closed: it is down.
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                text = first_word(error.details())
            else:
                self.errors.append(f"{error.code()}: {error.details()}")
                return
        except ValueError:  # The channel is closed: it is down.
            return
        self.answers.append(Answer(member, begun, time.monotonic_ns(), text,
                                   stale, entry))

    def counts(self):
        return collections.Counter(answer.text for answer in self.answers)

    def wrong(self, fake, stale_after, max_staleness):
        """A line for each wrong answer.  Bounds in seconds."""
        truth = Truth(fake)
        result = list(self.errors)
        for answer in self.answers:
            if answer.text not in (PERMIT, "DENY"):
                continue  # It said that it does not know.
            bound = max_staleness if answer.stale else stale_after
            possible = truth.answers(
                answer.member, answer.begun - int(bound * 1e9) - SLACK_NS,
                answer.ended + SLACK_NS)
            if answer.text not in possible:
                result.append(f"{answer.member}: {answer.text}, but "
                              f"{possible} for {bound} s"
                              + truth.story(answer))
        return result


class Truth:
    """What the server would have answered at each moment, for members that have
    one accessPolicy, about a Patient."""

    def __init__(self, fake):
        self.fake = fake
        self.histories = {}

    def _history(self, reference):
        """When each version was committed, and the versions."""
        if reference not in self.histories:
            versions = self.fake.history(reference=reference)
            self.histories[reference] = (
                [version["committed_ns"] for version in versions], versions)
        return self.histories[reference]

    def _within(self, reference, first, last):
        """What stood there at some moment of [first, last]; None where it did
        not exist or was deleted."""
        moments, versions = self._history(reference)
        begin = bisect.bisect_right(moments, first)
        end = bisect.bisect_right(moments, last)
        found = [version["resource"]
                 for version in versions[max(0, begin - 1):end]]
        return found if begin > 0 else [None, *found]

    def answers(self, member, first, last):
        """Those that were right at some moment of [first, last].  Of different
        resources the moments may differ: who needs their order asks for it."""
        result = set()
        policies = {}
        for membership in self._within(member, first, last):
            if membership is None or membership.get("active") is False:
                result.add("DENY")
                continue
            reference = membership["accessPolicy"]["reference"]
            if reference not in policies:
                policies[reference] = self._within(reference, first, last)
            for policy in policies[reference]:
                entries = (policy or {}).get("resource", [])
                granted = any(e["resourceType"] == "Patient" for e in entries)
                result.add(PERMIT if granted else "DENY")
        return result

    def story(self, answer):
        """What had become of the member, and of its policy, before."""
        lines = []
        membership = self._within(answer.member, answer.begun,
                                  answer.begun)[0] or {}
        policy = membership.get("accessPolicy", {}).get("reference")
        for reference in filter(None, (answer.member, policy)):
            for v in self._history(reference)[1]:
                lines.append((v["committed_ns"], reference, v))
        lines.sort(key=lambda line: line[0])
        text = f", by version {answer.entry or '-'}"
        for moment, reference, v in lines:
            if moment < answer.ended:
                resource = v["resource"] or {}
                entries = resource.get("resource")
                what = ("deleted" if v["deleted"] else entries
                        if entries is not None else
                        f"active={resource.get('active', True)}")
                stamp = resource.get("meta", {}).get("lastUpdated", "")
                text += (f"\n    {(moment - answer.begun) / 1e9:8.3f} s "
                         f"{reference} {v['version']} {stamp} {what}")
        return text
