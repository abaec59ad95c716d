"""What the server holds: resources, their versions, and who is told of changes.

Nothing here waits or locks: all of it runs on the server's event loop.
"""

import bisect
import datetime
import heapq
import json
import time
import uuid

from .outcome import dumps


def format_instant(milliseconds):
    seconds, rest = divmod(int(milliseconds), 1000)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def parse_instant(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return round(moment.timestamp() * 1000)


class Version:
    """One version of a resource; of a deletion, `deleted` is true and the text
    is that of the last living version."""

    __slots__ = ("type", "id", "project", "stamp", "version", "deleted", "text",
                 "resource", "committed_ns")

    def __init__(self, type_, id_, project, stamp, version, deleted, text,
                 resource):
        self.type = type_
        self.id = id_
        self.project = project
        self.stamp = stamp
        self.version = version
        self.deleted = deleted
        self.text = text
        self.resource = resource
        self.committed_ns = time.monotonic_ns()


class Generated:
    """Many resources of a type, made from their number when they are asked for.

    `render(id, instant, i)` gives the text of number i in extended form; its
    versionId is its id.
    """

    def __init__(self, type_, project, count, first_stamp, render, prefix):
        self.type = type_
        self.project = project
        self.count = count
        self.first_stamp = first_stamp
        self.render = render
        self.prefix = prefix  # Eight hexadecimal digits.

    def id_of(self, i):
        return f"{self.prefix}-0000-4000-8000-{i:012x}"

    def index_of(self, id_):
        if not id_.startswith(self.prefix + "-0000-4000-8000-"):
            return None
        try:
            i = int(id_[-12:], 16)
        except ValueError:
            return None
        return i if i < self.count else None

    def version_at(self, i):
        id_ = self.id_of(i)
        stamp = self.first_stamp + i
        text = self.render(id_, format_instant(stamp), i)
        return Version(self.type, id_, self.project, stamp, id_, False, text,
                       None)

    def versions_from(self, stamp):
        for i in range(max(0, stamp - self.first_stamp), self.count):
            yield self.version_at(i)


class Order:
    """The ids of a type by lastUpdated.  An entry whose stamp is not the
    resource's any more is passed over."""

    def __init__(self):
        self.entries = []

    def add(self, stamp, id_):
        bisect.insort(self.entries, (stamp, id_))

    def keys_from(self, stamp):
        return self.entries[bisect.bisect_left(self.entries, (stamp, "")):]


class World:
    def __init__(self):
        self.clock_offset = 0.0  # Seconds that the server's clock is ahead.
        self.current = {}  # type -> id -> Version
        self.history = {}  # (type, id) -> [Version]
        self.live = {}  # type -> Order
        self.tombstones = {}  # type -> Order
        self.generated = {}  # type -> [Generated]
        self.expunged_generated = set()  # (type, id)
        self.listeners = []  # called with (interaction, Version)

    # What time it is for the server.

    def now_ms(self):
        return int((time.time() + self.clock_offset) * 1000)

    # Reading.

    def find(self, type_, id_):
        found = self.current.get(type_, {}).get(id_)
        if found is not None:
            return found
        if (type_, id_) in self.expunged_generated:
            return None
        for block in self.generated.get(type_, ()):
            i = block.index_of(id_)
            if i is not None:
                return block.version_at(i)
        return None

    def living(self, reference):
        """The resource that `Type/id` names, as a dict; None without one."""
        type_, _, id_ = (reference or "").partition("/")
        found = self.find(type_, id_)
        if found is None or found.deleted:
            return None
        return self.resource(found)

    @staticmethod
    def resource(version):
        if version.resource is None:
            return json.loads(version.text)
        return version.resource

    def all_living(self, type_):
        """Those of a type that were not generated."""
        return [v for v in self.current.get(type_, {}).values()
                if not v.deleted]

    def by_time(self, type_, since, deleted):
        """The versions of a type with lastUpdated >= since, oldest first."""
        own = self._own_by_time(type_, since, deleted)
        if deleted or type_ not in self.generated:
            return own
        blocks = [self._of_block(block, since)
                  for block in self.generated[type_]]
        return heapq.merge(own, *blocks, key=lambda v: (v.stamp, v.id))

    def _own_by_time(self, type_, since, deleted):
        orders = self.tombstones if deleted else self.live
        if type_ not in orders:
            return
        current = self.current[type_]
        for stamp, id_ in orders[type_].keys_from(since):
            found = current.get(id_)
            if (found is not None and found.stamp == stamp
                    and found.deleted == deleted):
                yield found

    def _of_block(self, block, since):
        replaced = self.current.get(block.type, {})
        for version in block.versions_from(since):
            if (version.id not in replaced and
                    (version.type, version.id) not in self.expunged_generated):
                yield version

    # Writing.  Each returns the new Version; None: nothing changed.

    def put(self, resource, *, project=None, author=None, last_updated=None,
            notify=True, version=None):
        """Creates or updates; a deleted resource comes back."""
        type_ = resource["resourceType"]
        id_ = resource.get("id") or str(uuid.uuid4())
        before = self.find(type_, id_)
        if before is not None and not before.deleted and version is None and \
                last_updated is None and \
                same_content(self.resource(before), resource):
            return None
        if project is None:
            project = before.project if before is not None else (
                resource.get("meta") or {}).get("project")
        if type_ == "Project":
            project = id_
        stamp = last_updated if last_updated is not None else self.now_ms()
        written = {**resource, "id": id_}
        version = version or str(uuid.uuid4())
        written["meta"] = self._meta(resource.get("meta") or {}, version, stamp,
                                     project, author)
        new = Version(type_, id_, project, stamp, version, False,
                      dumps(written), written)
        self._commit(new)
        if notify:
            self._tell("create" if before is None else "update", new)
        return new

    @staticmethod
    def _meta(given, version, stamp, project, author):
        meta = {k: v for k, v in given.items()
                if k in ("profile", "security", "tag", "account", "accounts")}
        meta["versionId"] = version
        meta["lastUpdated"] = format_instant(stamp)
        meta["author"] = author or {"reference": "system"}
        if project:
            meta["project"] = project
            meta["compartment"] = [{"reference": f"Project/{project}"},
                                   *meta.get("accounts", [])]
        return meta

    def delete(self, type_, id_, *, notify=True):
        before = self.find(type_, id_)
        if before is None or before.deleted:
            return None
        gone = Version(type_, id_, before.project, self.now_ms(),
                       str(uuid.uuid4()), True, before.text, before.resource)
        self._commit(gone)
        if notify:
            self._tell("delete", before)
        return gone

    def tell_deleted(self, type_, id_):
        """What a delete does that is rolled back: it is told, and not done."""
        self._tell("delete", self.find(type_, id_))

    def expunge(self, type_, id_):
        """Gone without a word or a trace."""
        if type_ in self.generated:
            self.expunged_generated.add((type_, id_))
        gone = self.current.get(type_, {}).pop(id_, None)
        if gone is not None:
            marker = Version(type_, id_, gone.project, self.now_ms(), None,
                             True, gone.text, gone.resource)
            self.history[type_, id_].append(marker)
        return gone

    def _commit(self, version):
        type_, id_ = version.type, version.id
        self.current.setdefault(type_, {})[id_] = version
        orders = self.tombstones if version.deleted else self.live
        orders.setdefault(type_, Order()).add(version.stamp, id_)
        self.history.setdefault((type_, id_), []).append(version)

    def _tell(self, interaction, version):
        for listener in self.listeners:
            listener(interaction, version)


def same_content(a, b):
    def content(resource):
        return {k: v for k, v in resource.items() if k != "meta"}
    return content(a) == content({**b, "id": a.get("id")})
