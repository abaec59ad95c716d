"""Scripted trouble: of HTTP answers, and of notifications on their way."""

import asyncio
import re


class Fault:
    """Strikes `times` times (0: always), and counts."""

    def __init__(self, times):
        self.times = times
        self.hits = 0

    def strikes(self):
        if self.times and self.hits >= self.times:
            return False
        self.hits += 1
        return True


class Faults:
    """Those in force, by the number that `add` gives each."""

    def __init__(self, kind):
        self.kind = kind
        self.rules = {}
        self.next_id = 1

    def add(self, **options):
        id_ = self.next_id
        self.next_id += 1
        self.rules[id_] = self.kind(**options)
        return id_


class HttpFault(Fault):
    """Applies to the requests whose method and `path?query` match, and that are
    made by `client`, to `times` of them (0: all), after the first `skip`.

    kind      what happens
    --------  -------------------------------------------------------------
    status    answers `status`, `headers`, `body` instead
    delay     answers `seconds` later
    cut       promises the whole answer and closes after half of it
    stall     sends half of the answer, waits `seconds`, closes
    close     closes without an answer
    garbage   200 with text that is not JSON
    replace   200 with `body` (JSON)
    redirect  302 to `location`
    next      the answer, its `next` link leading to `location`
    run       the answer, nothing wrong with it (see `before` and `after`)

    `before` and `after` are lists of [method, arguments] of the control API,
    called before the request is handled, and before the answer leaves.
    """

    def __init__(self, kind="status", method=None, path="", client=None,
                 times=1, skip=0, **options):
        super().__init__(times)
        self.kind = kind
        self.method = method
        self.path = re.compile(path)
        self.client = client
        self.skip = skip
        self.options = options

    def takes(self, method, target, client):
        if self.method not in (None, method) or \
                self.client not in (None, client) or \
                not self.path.search(target):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        return self.strikes()


class HttpFaults(Faults):
    def __init__(self):
        super().__init__(HttpFault)

    def take(self, method, target, client):
        for rule in self.rules.values():
            if rule.takes(method, target, client):
                return rule
        return None


class NotificationFault(Fault):
    """Applies to notifications by `channel` (web_socket, rest_hook), of `type`
    for `interaction`; where one is left out, to any.

    kind     what happens
    -------  ----------------------------------------------
    lose     never sent
    double   sent twice
    delay    sent `seconds` later
    hold     kept until `count` are held, then sent backwards, or until released
    """

    def __init__(self, kind="lose", channel=None, type=None, interaction=None,
                 times=0, seconds=0.0, count=0):
        super().__init__(times)
        self.kind = kind
        self.wanted = (channel, type, interaction)
        self.seconds = seconds
        self.count = count
        self.held = []

    def takes(self, *actual):
        if any(wanted not in (None, is_) for wanted, is_
               in zip(self.wanted, actual)):
            return False
        return self.strikes()


class NotificationFaults(Faults):
    def __init__(self):
        super().__init__(NotificationFault)

    async def pass_on(self, channel, type_, interaction, send):
        """Awaits `send` as often, and when, the faults have it."""
        for rule in list(self.rules.values()):
            if not rule.takes(channel, type_, interaction):
                continue
            if rule.kind == "lose":
                return
            if rule.kind == "hold":
                rule.held.append(send)
                if rule.count and len(rule.held) >= rule.count:
                    await self.release(rule)
                return
            if rule.kind == "double":
                await send()
            if rule.kind == "delay":
                await asyncio.sleep(rule.seconds)
        await send()

    @staticmethod
    async def release(rule):
        held, rule.held = rule.held, []
        for send in reversed(held):
            await send()
        return len(held)
