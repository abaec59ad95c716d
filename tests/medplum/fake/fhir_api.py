"""`/fhir/R4`: reads, searches and writes, as an authenticated caller."""

import json
import re
import urllib.parse
import uuid

from .access import shown
from .audit_events import references
from .logins import Login
from .notifier import CachedSubscription
from .outcome import Outcome, bad_request, dumps
from .search import Query, search
from .world import format_instant

# Stands for all that the server's validation refuses.
REFUSED_PROPERTY = "bogus"


class Answer:
    def __init__(self, status, body, headers=None,
                 content_type="application/fhir+json"):
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.headers = headers or {}
        self.content_type = content_type


def outcome_answer(outcome):
    return Answer(outcome.status, dumps(outcome.as_resource()))


class FhirApi:
    def __init__(self, world, logins, notifier, settings):
        self.world = world
        self.logins = logins
        self.notifier = notifier
        self.settings = settings

    def handle(self, caller, method, path, pairs, body, headers):
        """`path` is what follows `/fhir/R4/`."""
        parts = [part for part in path.split("/") if part]
        extended = headers.get("X-Medplum") == "extended"
        if not parts and method == "POST":
            return self._bundle(caller, body, extended)
        if len(parts) == 1 and method == "GET":
            return self._search(caller, parts[0], pairs, extended)
        if len(parts) == 2 and parts[1] == "_search" and method == "POST":
            form = urllib.parse.parse_qsl(body.decode(),
                                          keep_blank_values=True)
            return self._search(caller, parts[0], pairs + form, extended)
        if len(parts) == 1 and method == "POST":
            return self._create(caller, parts[0], body, headers, extended)
        if len(parts) == 2:
            if method == "GET":
                return self._read(caller, *parts, extended)
            if method == "PUT":
                return self._update(caller, *parts, parse(body), extended,
                                    headers.get("If-Match"))
            if method == "PATCH":
                return self._patch(caller, *parts, parse(body), extended)
            if method == "DELETE":
                return self._delete(caller, *parts)
        if len(parts) >= 3 and parts[2] == "_history" and method == "GET":
            return self._history(caller, parts, extended)
        if parts[0::2] == ["Subscription", "$get-ws-binding-token"]:
            return self._binding_token(caller, parts[1])
        if parts[2:] == ["$set-accounts"] and method == "POST":
            return self._set_accounts(caller, *parts[:2], parse(body))
        if parts[2:] == ["$expunge"] and method == "POST":
            return self._expunge(caller, *parts[:2], pairs)
        raise Outcome("not-found")

    # Reading.

    def _visible(self, caller, type_, id_, interaction="read"):
        caller.access.require(interaction, type_)
        cached = self.notifier.cached.get(id_)
        if type_ == "Subscription" and cached is not None:
            if cached.project != caller.project:
                raise Outcome("not-found")
            return None, cached.resource, {}
        found = self.world.find(type_, id_)
        if found is None:
            raise Outcome("not-found")
        entry = caller.access.entry_for(found, interaction)
        if entry is None:
            raise Outcome("not-found")
        if found.deleted:
            raise Outcome("gone")
        return found, None, entry

    def _read(self, caller, type_, id_, extended):
        found, cached, entry = self._visible(caller, type_, id_)
        if found is not None and extended and not entry.get("hiddenFields"):
            return Answer(200, found.text, etag(found.version))
        resource = cached or self.world.resource(found)
        return Answer(200, dumps(shown(resource, entry, extended)),
                      etag(resource["meta"]["versionId"]))

    def _search(self, caller, type_, pairs, extended):
        if not re.fullmatch("[A-Z][A-Za-z]+", type_):
            raise Outcome("not-found")
        query = Query(type_, pairs)
        return Answer(200, search(self.world, caller.access, query,
                                  self.settings.base_url, extended))

    def _history(self, caller, parts, extended):
        type_, id_ = parts[:2]
        caller.access.require("history", type_)
        versions = [v for v in self.world.history.get((type_, id_), [])
                    if v.version is not None]
        if not versions or self.world.find(type_, id_) is None:
            raise Outcome("not-found")
        entry = caller.access.entry_for(versions[-1], "history")
        if entry is None:
            raise Outcome("not-found")
        if len(parts) == 4:
            for version in versions:
                if version.version == parts[3]:
                    if version.deleted:
                        raise Outcome("gone")
                    return Answer(200, dumps(shown(
                        self.world.resource(version), entry, extended)))
            raise Outcome("not-found")
        entries = []
        for version in reversed(versions):
            item = {"fullUrl": f"{self.settings.base_url}fhir/R4/{type_}/{id_}",
                    "request": {"method": "GET", "url":
                                f"{type_}/{id_}/_history/{version.version}"}}
            if version.deleted:
                item["response"] = {
                    "status": "410",
                    "lastModified": format_instant(version.stamp)}
            else:
                item["resource"] = shown(self.world.resource(version), entry,
                                         extended)
            entries.append(item)
        return Answer(200, dumps({"resourceType": "Bundle", "type": "history",
                                  "entry": entries}))

    # Writing.

    def _create(self, caller, type_, body, headers, extended):
        resource = parse(body)
        if resource.get("resourceType") != type_:
            raise bad_request("Incorrect resource type: expected " + type_)
        condition = headers.get("If-None-Exist")
        if condition:
            query = Query(type_, urllib.parse.parse_qsl(condition) +
                          [("_count", "2")])
            found = json.loads(search(self.world, caller.access, query,
                                      self.settings.base_url, extended))
            if len(found["entry"]) > 1:
                raise Outcome(status=412, text="Multiple resources found")
            if found["entry"]:
                return Answer(200, dumps(found["entry"][0]["resource"]))
        return self._write(caller, resource, 201, extended)

    def _write(self, caller, resource, status, extended):
        if REFUSED_PROPERTY in resource:
            text = f'Invalid additional property "{REFUSED_PROPERTY}"'
            raise bad_request(text, "structure")
        interaction = "create" if status == 201 else "update"
        caller.access.require(interaction, resource["resourceType"])
        self._check_references(caller, resource)
        channel = (resource.get("channel") or {}).get("type")
        if resource["resourceType"] == "Subscription" and \
                channel == "websocket" and status == 201:
            return self._create_cached(caller, resource, extended)
        if status == 201:
            resource = {k: v for k, v in resource.items() if k != "id"}
        new = self.world.put(resource, project=self._project(caller, resource),
                             author=author_of(self.world, caller))
        if new is None:
            new = self.world.find(resource["resourceType"], resource["id"])
            status = 200
        text = dumps(shown(new.resource, {}, extended))
        location = f"{self.settings.base_url}fhir/R4/{new.type}/{new.id}"
        return Answer(status, text, {
            **etag(new.version),
            "Location": f"{location}/_history/{new.version}"})

    def _check_references(self, caller, resource):
        """Where the project wants it, what is named is what the caller may
        read."""
        if not caller.access.project.get("checkReferencesOnWrite"):
            return
        for reference in references({name: element for name, element
                                     in resource.items() if name != "meta"}):
            if reference.startswith(("%", "#")):
                continue
            try:
                if reference.count("/") != 1:
                    raise Outcome("not-found")
                self._visible(caller, *reference.split("/"))
            except Outcome:
                raise bad_request("Invalid reference (Not found)") from None

    @staticmethod
    def _project(caller, resource):
        if caller.access.super_admin:
            meta = resource.get("meta") or {}
            if "project" in meta or "project" in resource:
                named = resource.get("project") or {}
                return meta.get("project") or \
                    named.get("reference", "").removeprefix("Project/")
            return None if "id" in resource else caller.project
        return caller.project

    def _create_cached(self, caller, resource, extended):
        if caller.access.super_admin:
            raise bad_request("WebSocket subscriptions need a project")
        own = [c for c in self.notifier.cached.values()
               if c.author == caller.profile]
        if len(own) >= self.settings.subscriptions_per_author:
            raise bad_request("Maximum number of WebSocket subscriptions "
                              "reached")
        id_, version = str(uuid.uuid4()), str(uuid.uuid4())
        written = {**resource, "id": id_, "meta": {
            "versionId": version,
            "lastUpdated": format_instant(self.world.now_ms()),
            "author": author_of(self.world, caller),
            "project": caller.project,
            "compartment": [{"reference": f"Project/{caller.project}"}]}}
        self.notifier.cached[id_] = CachedSubscription(written, caller)
        return Answer(201, dumps(shown(written, {}, extended)), {
            **etag(version), "Location":
            f"{self.settings.base_url}fhir/R4/Subscription/{id_}"})

    def _update(self, caller, type_, id_, resource, extended, if_match=None):
        if resource.get("resourceType") != type_ or resource.get("id") != id_:
            raise bad_request("Incorrect id or resource type")
        before = self.world.find(type_, id_)
        if before is None and not caller.access.super_admin:
            raise Outcome("not-found")
        if before is not None:
            entry = caller.access.entry_for(before, "update")
            if entry is None:
                raise Outcome("forbidden")
            if if_match and if_match != f'W/"{before.version}"':
                raise Outcome("precondition-failed")
            if not before.deleted:
                resource = restored(self.world.resource(before), resource,
                                    entry)
        return self._write(caller, resource, 200, extended)

    def _patch(self, caller, type_, id_, operations, extended):
        found, _, _ = self._visible(caller, type_, id_)
        if found is None:
            raise Outcome("not-found")
        resource = patched(self.world.resource(found), operations)
        return self._update(caller, type_, id_, resource, extended)

    def _delete(self, caller, type_, id_):
        caller.access.require("delete", type_)
        if type_ == "Subscription" and id_ in self.notifier.cached:
            self.notifier.forget(id_)
            return outcome_answer(Outcome("ok"))
        self._visible(caller, type_, id_)
        if type_ == "Project":
            if not caller.access.super_admin:
                raise Outcome("forbidden")
            self.world.delete(type_, id_, notify=False)
            raise Outcome("gone")  # Deleted all the same.
        self.world.delete(type_, id_)
        return outcome_answer(Outcome("ok"))

    def _set_accounts(self, caller, type_, id_, body):
        """Replaces accounts; with `propagate`, the difference goes to what is
        in the Patient's compartment, too (semantics S-17)."""
        if not (caller.access.super_admin or caller.access.admin):
            raise Outcome("forbidden")
        found, _, _ = self._visible(caller, type_, id_)
        parameters = body.get("parameter", [])
        wanted = [p["valueReference"]["reference"] for p in parameters
                  if p["name"] == "accounts"]
        had = accounts_of(self.world.resource(found))
        targets = [found]
        if type_ == "Patient" and any(p.get("valueBoolean") for p in parameters
                                      if p["name"] == "propagate"):
            targets += self._compartment(f"Patient/{id_}")
        for target in targets:
            has = wanted if target is found else [
                a for a in accounts_of(self.world.resource(target))
                if a not in had or a in wanted]
            has = has + [a for a in wanted if a not in has]
            if caller.access.entry_for(target, "update") is not None:
                self._put_accounts(target, has)
        return Answer(200, dumps({
            "resourceType": "Parameters",
            "parameter": [{"name": "resourcesUpdated",
                           "valueInteger": len(targets)}]}))

    def _compartment(self, patient):
        """What names the patient as its subject or patient."""
        for type_ in list(self.world.current):
            for version in self.world.all_living(type_):
                resource = self.world.resource(version)
                if patient in (reference_of(resource, "subject"),
                               reference_of(resource, "patient")):
                    yield version

    def _put_accounts(self, version, accounts):
        resource = json.loads(version.text)
        meta = {k: v for k, v in resource["meta"].items()
                if k not in ("account", "accounts")}
        if accounts:
            meta["account"] = {"reference": accounts[0]}
            meta["accounts"] = [{"reference": a} for a in accounts]
        # Accounts are no content to World.put: the version is a new one.
        self.world.put({**resource, "meta": meta}, project=version.project,
                       version=str(uuid.uuid4()))

    def _expunge(self, caller, type_, id_, pairs):
        if not (caller.access.super_admin or caller.access.admin):
            raise Outcome("forbidden")
        if type_ == "Project" and ("everything", "true") in pairs:
            self.expunge_project(id_)
            return outcome_answer(Outcome("accepted"))
        self.world.expunge(type_, id_)
        return outcome_answer(Outcome("ok"))

    def expunge_project(self, project):
        for rows in list(self.world.current.values()):
            for row in list(rows.values()):
                if row.project == project:
                    self.world.expunge(row.type, row.id)

    def _binding_token(self, caller, id_):
        project = self.world.living(f"Project/{caller.project}")
        if "websocket-subscriptions" not in project.get("features", []):
            raise bad_request("WebSocket subscriptions not enabled for current "
                              "project")
        if id_ not in self.notifier.cached:
            raise Outcome("not-found")
        expires = self.logins.now() + self.settings.binding_seconds
        login = Login(caller.login.client, caller.login.membership, expires)
        token = self.logins.add(login, {"subscription_id": id_})
        return Answer(200, dumps({
            "resourceType": "Parameters",
            "parameter": [
                {"name": "token", "valueString": token},
                {"name": "expiration",
                 "valueDateTime": format_instant(expires * 1000)},
                {"name": "subscription", "valueString": id_},
                {"name": "websocket-url",
                 "valueUrl": self.settings.web_socket_url()},
            ]}))

    # Batches and transactions.

    def _bundle(self, caller, body, extended):
        bundle = parse(body)
        if bundle.get("type") == "transaction":
            return self._transaction(caller, bundle, extended)
        results = [self._item(caller, item, extended)
                   for item in bundle.get("entry", [])]
        return bundle_answer("batch-response", results)

    def _item(self, caller, item, extended):
        request = item["request"]
        path, _, query = request["url"].partition("?")
        body = dumps(item.get("resource", {})).encode()
        try:
            return self.handle(caller, request["method"], path,
                               urllib.parse.parse_qsl(query), body,
                               {"X-Medplum": "extended" if extended else "",
                                "If-None-Exist": request.get("ifNoneExist")})
        except Outcome as outcome:
            return outcome_answer(outcome)

    def _transaction(self, caller, bundle, extended):
        """All or nothing; but what is deleted in one that fails is told."""
        items = bundle.get("entry", [])
        refused = any(REFUSED_PROPERTY in item.get("resource", {})
                      for item in items)
        if refused:
            for item in items:
                if item["request"]["method"] == "DELETE":
                    self.world.tell_deleted(*item["request"]["url"].split("/"))
            text = f'Invalid additional property "{REFUSED_PROPERTY}"'
            raise bad_request(text, "structure")
        results = [self._item(caller, item, extended) for item in items]
        return bundle_answer("transaction-response", results)


def bundle_answer(type_, results):
    return Answer(200, dumps({
        "resourceType": "Bundle", "type": type_,
        "entry": [{"response": {"status": str(result.status)},
                   "resource": json.loads(result.body)}
                  for result in results]}))


def reference_of(resource, name):
    element = resource.get(name)
    return element.get("reference") if isinstance(element, dict) else None


def accounts_of(resource):
    meta = resource.get("meta", {})
    one = [meta["account"]] if "account" in meta else []
    return [a["reference"] for a in meta.get("accounts", one)]


def restored(before, resource, entry):
    """What is readonly or hidden stays as it is, without a word."""
    result = dict(resource)
    for name in (*entry.get("readonlyFields", ()),
                 *entry.get("hiddenFields", ())):
        result.pop(name, None)
        if name in before:
            result[name] = before[name]
    return result


def etag(version):
    return {"ETag": f'W/"{version}"'}


def parse(body):
    try:
        return json.loads(body)
    except ValueError as error:
        raise bad_request("Invalid JSON") from error


def author_of(world, caller):
    profile = world.living(caller.profile) or {}
    author = {"reference": caller.profile}
    if isinstance(profile.get("name"), str):
        author["display"] = profile["name"]
    return author


def patched(resource, operations):
    """JSON Patch, as far as add, replace and remove."""
    resource = json.loads(json.dumps(resource))
    for operation in operations:
        *path, last = operation["path"].lstrip("/").split("/")
        target = resource
        for step in path:
            target = target[int(step) if isinstance(target, list) else step]
        if isinstance(target, list):
            if operation["op"] == "add":
                at = len(target) if last == "-" else int(last)
                target.insert(at, operation["value"])
            elif operation["op"] == "replace":
                target[int(last)] = operation["value"]
            else:
                target.pop(int(last))
        elif operation["op"] == "remove":
            target.pop(last, None)
        else:
            target[last] = operation["value"]
    return resource
