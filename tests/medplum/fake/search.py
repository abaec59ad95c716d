"""Searches by type: `GET /fhir/R4/Type?...`, their pages and their links."""

import itertools
import urllib.parse

from .access import parameter_matches, shown
from .outcome import bad_request, dumps
from .world import format_instant, parse_instant

FIELDS = ("name", "profile", "user", "project", "active", "status", "type",
          "url", "admin", "identifier", "external-id")
SUBSETTED = {"system": "http://hl7.org/fhir/v3/ObservationValue",
             "code": "SUBSETTED"}


class Query:
    """A parsed search.  Raises a 400 where the server would."""

    def __init__(self, type_, pairs):
        self.type = type_
        self.pairs = pairs
        self.count = 20
        self.offset = 0
        self.sort = None
        self.deleted = False
        self.elements = None
        self.ids = None
        self.total = None
        self.since = 0  # The earliest lastUpdated that can match.
        self.stamp_tests = []
        self.tests = []  # (name, value)
        self.cursor = None  # (stamp, ids already returned at it)
        for name, value in pairs:
            self._take(name, value)

    def _take(self, name, value):
        if name == "_count":
            self.count = int(value)
            if self.count > 1000:
                raise bad_request("Maximum _count is 1000")
        elif name == "_offset":
            self.offset = int(value)
            if self.offset > 10000:
                raise bad_request("Search offset exceeds maximum")
        elif name == "_sort":
            self.sort = value
            if value.lstrip("-") not in ("_lastUpdated", "_id"):
                raise bad_request(f"Unknown sort {value}")
        elif name == "_deleted":
            self.deleted = value == "true"
        elif name in ("_elements", "_fields"):
            self.elements = value.split(",")
        elif name == "_id":
            self.ids = value.split(",")
        elif name == "_total":
            self.total = value
        elif name == "_lastUpdated":
            self._take_stamp(value)
        elif name == "_cursor":
            parts = value.split("-", 2)
            excluded = parts[2].split(",") if len(parts) > 2 else []
            self.cursor = (int(parts[1]), frozenset(excluded))
            self.since = max(self.since, self.cursor[0])
        elif name in ("_project", "_tag") or name in FIELDS:
            self.tests.append((name, value))
        else:
            raise bad_request(f"Unknown search parameter: {name}")

    def _take_stamp(self, value):
        prefix = value[:2] if value[:2].isalpha() else "eq"
        try:
            stamp = parse_instant(value.removeprefix(prefix))
        except ValueError as error:
            raise bad_request(f"Invalid _lastUpdated: {value}") from error
        self.stamp_tests.append((prefix, stamp))
        if prefix in ("ge", "gt", "eq"):
            self.since = max(self.since, stamp)

    def may_use_cursor(self):
        return (self.sort == "_lastUpdated" and self.count >= 20
                and self.offset == 0)

    def matches(self, version, world):
        for prefix, stamp in self.stamp_tests:
            if not compare(prefix, version.stamp, stamp):
                return False
        if self.cursor and version.stamp == self.cursor[0] and \
                version.id in self.cursor[1]:
            return False
        return all(parameter_matches(name, value, version, world)
                   for name, value in self.tests)

    def candidates(self, world):
        if self.ids is not None:
            found = [world.find(self.type, id_) for id_ in self.ids]
            found = [v for v in found
                     if v is not None and v.deleted == self.deleted]
            return sorted(found, key=lambda v: (v.stamp, v.id))
        rows = world.by_time(self.type, self.since, self.deleted)
        if self.sort == "_lastUpdated":
            return rows
        rows = list(rows)
        if self.sort == "-_lastUpdated":
            rows.reverse()
        else:  # No order is promised: anything but that of time.
            rows.sort(key=lambda v: v.id[::-1])
        return rows


def compare(prefix, stamp, bound):
    return {"eq": stamp == bound, "ne": stamp != bound, "ge": stamp >= bound,
            "gt": stamp > bound, "le": stamp <= bound,
            "lt": stamp < bound}[prefix]


def search(world, access, query, base, extended):
    """Returns the Bundle as text."""
    access.require("search", query.type)
    found = (
        (version, entry)
        for version in query.candidates(world)
        for entry in (access.entry_for(version, "search"),)
        if entry is not None and query.matches(version, world))
    rows = list(itertools.islice(found, query.offset,
                                 query.offset + query.count + 1))
    page = rows[:query.count]
    entries = [
        f'{{"fullUrl":"{base}fhir/R4/{version.type}/{version.id}",'
        f'"search":{{"mode":"match"}},'
        f'"resource":{render(world, version, entry, query, extended)}}}'
        for version, entry in page
    ]
    links = [("self", query.pairs), ("first", without(query.pairs, "_cursor"))]
    if len(rows) > query.count and query.count > 0:
        links.append(("next", next_pairs(query, page)))
    text = ",".join(
        dumps({"relation": relation, "url": url_of(base, query.type, pairs)})
        for relation, pairs in links)
    total = ""
    if query.total == "accurate":
        total = f'"total":{query.offset + len(rows)},'
    return (f'{{"resourceType":"Bundle","type":"searchset",{total}'
            f'"entry":[{",".join(entries)}],"link":[{text}]}}')


def next_pairs(query, page):
    if not query.may_use_cursor():
        return without(query.pairs, "_offset") + [
            ("_offset", str(query.offset + query.count))]
    last = page[-1][0].stamp
    excluded = [version.id for version, _ in page if version.stamp == last]
    if query.cursor and query.cursor[0] == last:
        excluded += sorted(query.cursor[1])
    return without(query.pairs, "_cursor") + [
        ("_cursor", f"2-{last}-{','.join(excluded)}")]


def without(pairs, name):
    return [pair for pair in pairs if pair[0] != name]


def url_of(base, type_, pairs):
    query = urllib.parse.urlencode(pairs, safe=",:")
    return f"{base}fhir/R4/{type_}?{query}"


def render(world, version, entry, query, extended):
    if version.deleted:
        return dumps(tombstone(version, extended))
    if extended and query.elements is None and not entry.get("hiddenFields"):
        return version.text
    resource = shown(world.resource(version), entry, extended)
    if query.elements is not None:
        resource = subset(resource, query.elements)
    return dumps(resource)


def tombstone(version, extended):
    """Of a deleted row only the id and the moment are left."""
    meta = {"lastUpdated": format_instant(version.stamp)}
    if extended:
        meta["deleted"] = True
    return {"resourceType": version.type, "id": version.id, "meta": meta}


def subset(resource, elements):
    kept = {k: v for k, v in resource.items()
            if k in elements or k in ("resourceType", "id", "meta")}
    meta = dict(kept.get("meta") or {})
    meta["tag"] = meta.get("tag", []) + [SUBSETTED]
    kept["meta"] = meta
    return kept
