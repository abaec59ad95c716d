"""Which Subscription is told of a change, and by which way.

A Subscription by WebSocket is held in memory alone, as the server keeps it in
Redis alone; one by rest-hook is a resource like others.
"""

import asyncio

from .access import criteria_match, raw_policy, satisfied_entry
from .outcome import Outcome

INTERACTION = ("https://medplum.com/fhir/StructureDefinition/"
               "subscription-supported-interaction")


class CachedSubscription:
    """One by WebSocket."""

    def __init__(self, resource, caller):
        self.resource = resource
        self.project = caller.project
        self.author = caller.profile
        self.login = caller.login


class Notifier:
    def __init__(self, world, logins, settings):
        self.world = world
        self.logins = logins
        self.settings = settings
        self.cached = {}  # id -> CachedSubscription
        self.sockets = None  # WebSockets, set by the server.
        self.hooks = None  # Hooks, set by the server.
        self.tasks = set()
        world.listeners.append(self.tell)

    def tell(self, interaction, version):
        """Called at the change; the work is done a little later."""
        self.spawn(self._dispatch(interaction, version))

    def spawn(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _dispatch(self, interaction, version):
        await asyncio.sleep(self.settings.event_seconds)
        if not version.project or not self.world.living(
                f"Project/{version.project}"):
            return
        for subscription in self._rest_hooks(version, interaction):
            self.hooks.enqueue(subscription, interaction, version)
        for id_, cached in list(self.cached.items()):
            if (cached.project == version.project and
                    is_candidate(cached.resource, version, interaction,
                                 self.world) and
                    self._may_see(id_, cached, version)):
                self.spawn(self.sockets.send_event(id_, version, interaction))

    def _rest_hooks(self, version, interaction):
        for row in self.world.all_living("Subscription"):
            subscription = self.world.resource(row)
            channel = subscription.get("channel", {})
            if (row.project == version.project
                    and channel.get("type") == "rest-hook"
                    and channel.get("endpoint")
                    and is_candidate(subscription, version, interaction,
                                     self.world)):
                yield subscription

    def _may_see(self, id_, cached, version):
        """By the policy as it is written: no admin rules.  A login that is
        revoked or inactive loses the Subscription."""
        project = self.world.living(f"Project/{cached.project}")
        if "websocket-subscriptions" not in project.get("features", []):
            return False
        membership = self.world.living(cached.login.membership)
        if membership is None:
            return False
        if cached.login.revoked or membership.get("active") is False:
            self.forget(id_)
            return False
        try:
            entries = raw_policy(self.world, membership)
        except Outcome:
            return False
        return satisfied_entry(entries, version, "read",
                               self.world) is not None

    def forget(self, id_):
        """The cached Subscription is gone; nobody is told."""
        self.cached.pop(id_, None)
        self.sockets.unbind_everywhere(id_)


def is_candidate(subscription, version, interaction, world):
    if subscription.get("status") != "active":
        return False
    criteria = subscription.get("criteria", "")
    if criteria.partition("?")[0] != version.type:
        return False
    chosen = [extension.get("valueCode")
              for extension in subscription.get("extension", [])
              if extension.get("url") == INTERACTION]
    if chosen and interaction not in chosen:
        return False
    return criteria_match({"criteria": criteria}, version, world)
