"""What tests do to the server: `POST /control/METHOD` with the arguments as JSON,
answered {"result": ...}.  Every public method of Control is one; `handle`,
`call` and `run` are how they are reached.
"""

import asyncio
import inspect
import json
import secrets
import time
import uuid

from aiohttp import web

from .generate import generated_memberships, generated_policies
from .hooks import signature
from .logins import Login
from .web_socket import bundle_of, event_of, status
from .world import format_instant, parse_instant

# What the decision point's own policy has to name.
LOGIN_POLICY = [
    {"resourceType": "Project", "readonly": True},
    {"resourceType": "ProjectMembership", "readonly": True},
    {"resourceType": "User", "readonly": True},
    {"resourceType": "AccessPolicy", "readonly": True},
    {"resourceType": "UserConfiguration", "readonly": True},
    {"resourceType": "ClientApplication", "readonly": True},
    {"resourceType": "Bot", "readonly": True},
    {"resourceType": "Practitioner", "readonly": True},
    {"resourceType": "Patient", "readonly": True},
    {"resourceType": "RelatedPerson", "readonly": True},
    {"resourceType": "Subscription"},
]
# And where decisions become AuditEvents.
AUDIT_EVENTS = {"resourceType": "AuditEvent",
                "interaction": ["create", "search"]}


class Control:
    def __init__(self, server):
        self._server = server
        self._world = server.world

    async def handle(self, request):
        body = await request.read()
        arguments = json.loads(body) if body else {}
        try:
            result = await self.call(request.match_info["method"], arguments)
        except Exception as error:  # Whatever a test did wrong, it is told.
            return web.json_response({"error": repr(error)}, status=500)
        return web.json_response({"result": result})

    async def call(self, method, arguments):
        if method.startswith("_") or method in ("handle", "call", "run"):
            raise ValueError(f"no method {method}")
        result = getattr(self, method)(**arguments)
        return await result if inspect.isawaitable(result) else result

    async def run(self, calls):
        for method, arguments in calls:
            await self.call(method, arguments)

    # Resources.

    def put(self, resource, project=None, last_updated=None, notify=True,
            version=None, author=None):
        """None where nothing changed."""
        if isinstance(last_updated, str):
            last_updated = parse_instant(last_updated)
        return describe(self._world.put(
            resource, project=project, last_updated=last_updated,
            notify=notify, version=version, author=author))

    def put_many(self, resources, project=None, notify=True):
        return [self.put(resource, project, notify=notify)
                for resource in resources]

    def change(self, reference, values, notify=True):
        """Sets elements of a living resource; one that is null goes."""
        resource = {**self._world.living(reference), **values}
        resource = {k: v for k, v in resource.items() if v is not None}
        return self.put(resource, notify=notify)

    def delete(self, reference, notify=True):
        return describe(self._world.delete(*reference.split("/"),
                                           notify=notify))

    def undelete(self, reference, notify=True):
        gone = self._world.find(*reference.split("/"))
        return self.put(self._world.resource(gone), notify=notify)

    def expunge(self, reference):
        return describe(self._world.expunge(*reference.split("/")))

    def roll_back_delete(self, reference):
        """A delete in a transaction that fails: told, and not done."""
        self._world.tell_deleted(*reference.split("/"))

    async def transaction(self, resources, hold_seconds=0.0, project=None):
        """Resources stamped now and to be seen, and told, later."""
        stamp = self._world.now_ms()
        await asyncio.sleep(hold_seconds)
        return [self.put(resource, project, last_updated=stamp)
                for resource in resources]

    def generate(self, project, memberships, policies):
        first = self._world.now_ms() - 3_600_000 - max(memberships, policies)
        for block in (generated_policies(project, policies, first),
                      generated_memberships(project, memberships, policies,
                                            first)):
            self._world.generated.setdefault(block.type, []).append(block)

    def read(self, reference):
        return self._world.living(reference)

    def history(self, reference):
        """Every version: when it was committed (CLOCK_MONOTONIC, ns), whether
        it is the end of the resource, and its content."""
        return [{"committed_ns": v.committed_ns, "version": v.version,
                 "deleted": v.deleted,
                 "resource": None if v.deleted else self._world.resource(v)}
                for v in self._world.history.get(tuple(reference.split("/")),
                                                 ())]

    def living(self, type_):
        return [self._world.resource(v)
                for v in self._world.all_living(type_)]

    # Projects and logins.

    def add_project(self, id=None, name="Project", features=None, **elements):
        if features is None:
            features = ["websocket-subscriptions"]
        resource = {"resourceType": "Project", "id": id or str(uuid.uuid4()),
                    "name": name, "strictMode": True, "features": features,
                    **elements}
        self._world.put(resource)
        return resource["id"]

    def add_login(self, project, admin=True, policy=None, watched=True,
                  public_key=None, key_id=None, audit_events=False):
        """A ClientApplication with its membership.  `policy`: the entries of
        its AccessPolicy; [] for a membership without one; default: what the
        decision point needs, with `audit_events` to post those,
        too.  `watched`: it may write nothing but Subscriptions and
        AuditEvents."""
        if policy is None:
            policy = LOGIN_POLICY + [AUDIT_EVENTS] * audit_events
        secret = secrets.token_hex(32)
        client = self.put({"resourceType": "ClientApplication",
                           "name": "Decision point", "secret": secret},
                          project)["id"]
        reference = {"reference": f"ClientApplication/{client}"}
        membership = {"resourceType": "ProjectMembership", "admin": admin,
                      "project": {"reference": f"Project/{project}"},
                      "user": reference, "profile": reference}
        result = {"client": client, "secret": secret, "project": project}
        if policy:
            made = self.put({"resourceType": "AccessPolicy",
                             "name": "Decision point", "resource": policy},
                            project)
            membership["accessPolicy"] = {"reference": made["reference"]}
            result["policy"] = made["reference"]
        result["membership"] = self.put(membership, project)["reference"]
        if watched:
            self._server.watched_clients.add(client)
        if public_key:
            self._server.logins.add_public_key(client, key_id, public_key)
        return result

    def add_token(self, membership, scope="openid", launch_patient=None,
                  claims=None, seconds=3600):
        """A token of a login of a member, with its Login.  `claims`: in place
        of the token's own."""
        login = Login("an-app", membership, self._world.now_ms() / 1000 +
                      seconds, scope=scope)
        resource = {"resourceType": "Login", "id": login.id, "scope": scope,
                    "membership": {"reference": membership}, "granted": True}
        if launch_patient:
            launch = self._world.put({
                "resourceType": "SmartAppLaunch",
                "patient": {"reference": launch_patient}}, notify=False)
            resource["launch"] = {"reference": f"SmartAppLaunch/{launch.id}"}
        self._world.put(resource, notify=False)
        return {"token": self._server.logins.add(login, claims or {}),
                "login": login.id}

    def sign_token(self, claims):
        """A token that nobody was given."""
        return self._server.logins.sign(claims)

    def revoke_login(self, login):
        for known, _ in self._server.logins.by_token.values():
            if known.id == login:
                known.revoked = True
        self.change(f"Login/{login}", {"revoked": True}, notify=False)

    def rotate_keys(self, keep=True):
        return self._server.logins.rotate_keys(keep)

    def revoke(self, client):
        """The tokens of a client are no good; new ones can be had."""
        self._server.logins.revoke(client)

    def set_active(self, membership, active):
        return self.change(membership, {"active": active})

    def set_features(self, project, features):
        return self.change(f"Project/{project}", {"features": features})

    def delete_project(self, project):
        self._world.delete("Project", project, notify=False)

    def expunge_project(self, project):
        self._server.fhir.expunge_project(project)

    # Faults.

    def set(self, **settings):
        for name, value in settings.items():
            if not hasattr(self._server.settings, name):
                raise ValueError(f"no setting {name}")
            setattr(self._server.settings, name, value)

    def set_clock(self, offset):
        self._world.clock_offset = offset

    def fault(self, **options):
        """See faults.HttpFault.  Returns its number."""
        return self._server.faults.add(**options)

    def notification_fault(self, **options):
        """See faults.NotificationFault.  Returns its number."""
        return self._server.notification_faults.add(**options)

    def fault_hits(self, id):
        return self._server.faults.rules[id].hits

    def notification_fault_hits(self, id):
        return self._server.notification_faults.rules[id].hits

    async def release(self, id):
        faults = self._server.notification_faults
        return await faults.release(faults.rules[id])

    def end_fault(self, id):
        del self._server.faults.rules[id]

    def end_notification_fault(self, id):
        del self._server.notification_faults.rules[id]

    def clear_faults(self):
        self._server.faults.rules.clear()
        self._server.notification_faults.rules.clear()

    # Sockets, and the server as a whole.

    def mute(self, on):
        """Sockets stay open, and nothing comes through them."""
        self._server.web_sockets.muted = on

    def leave_out_of_heartbeats(self, subscriptions):
        self._server.web_sockets.left_out = set(subscriptions)

    def drop_sockets(self, keep_subscriptions=False):
        return self._server.web_sockets.drop_all(keep_subscriptions)

    async def send_frame(self, text):
        """To every socket, whatever it is."""
        sockets = list(self._server.web_sockets.sockets)
        for socket in sockets:
            await socket.send(text)
        return len(sockets)

    async def forge_event(self, resource, subscription=None):
        """An event about what never was, to every socket."""
        class Forged:
            type, id = resource["resourceType"], resource["id"]
        world = self._world
        for socket in list(self._server.web_sockets.sockets):
            for id_ in [subscription] if subscription else list(socket.bound):
                text = event_of(_Fixed(resource, world),
                                self._server.settings.base_url, id_, Forged)
                await socket.send(text)

    async def forge_heartbeat(self, subscriptions):
        await self.send_frame(bundle_of(
            self._world, [status("heartbeat", id_) for id_ in subscriptions]))

    async def post_hook(self, url, headers, body, secret=None):
        """A request as a hook is sent, with headers as pairs; signed where a
        secret is given.  Returns the status."""
        headers = [tuple(pair) for pair in headers]
        if secret is not None:
            headers.append(("X-Signature", signature(secret, body.encode())))
        return await self._server.hooks.sender.post(url, headers,
                                                    body.encode())

    async def down(self, graceful=True):
        """Stops listening and drops whoever is connected.  What stops in
        order forgets its Subscriptions; what is killed does not."""
        self._server.web_sockets.drop_all(keep_subscriptions=not graceful)
        if graceful:
            self._server.notifier.cached.clear()
        await self._server.stop_listening()

    async def up(self):
        await self._server.listen()

    async def restart(self, graceful=True, down_seconds=0.0):
        await self.down(graceful)
        await asyncio.sleep(down_seconds)
        await self.up()

    async def settle(self):
        """Returns when what has changed was notified, for the first time."""
        while self._server.notifier.tasks:
            await asyncio.sleep(0.001)

    # What was seen.

    def violations(self):
        return self._server.violations

    def counts(self):
        return dict(self._server.counts)

    def requests(self, since_ns=0):
        """(CLOCK_MONOTONIC ns, method, path, client, status)."""
        return [list(r) for r in self._server.requests if r[0] >= since_ns]

    def subscriptions(self):
        """Those by WebSocket that exist, and those by rest-hook."""
        sockets = self._server.web_sockets.sockets
        bound = {id_ for socket in sockets for id_ in socket.bound}
        return {
            "web_socket": [{**cached.resource, "bound": id_ in bound}
                           for id_, cached in
                           self._server.notifier.cached.items()],
            "rest_hook": self.living("Subscription"),
            "sockets": len(sockets),
            "sockets_opened": self._server.web_sockets.opened,
            "bindings": self._server.web_sockets.bindings,
        }

    def hooks_sent(self):
        return [list(sent) for sent in self._server.hooks.sent]

    def now(self):
        return {"instant": format_instant(self._world.now_ms()),
                "monotonic_ns": time.monotonic_ns()}


class _Fixed:
    """A world of one resource, for a frame about it."""

    def __init__(self, resource, world):
        self._resource = resource
        self.now_ms = world.now_ms

    def resource(self, _):
        return self._resource


def describe(version):
    if version is None:
        return None
    return {
        "reference": f"{version.type}/{version.id}",
        "id": version.id,
        "version": version.version,
        "versioned": f"{version.type}/{version.id}/_history/{version.version}",
        "last_updated": format_instant(version.stamp),
        "committed_ns": version.committed_ns,
    }
