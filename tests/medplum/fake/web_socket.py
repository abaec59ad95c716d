"""`/ws/subscriptions-r4`: bindings, heartbeats and events."""

import asyncio
import json
import uuid

import aiohttp
from aiohttp import web

from .outcome import bad_request, dumps
from .world import format_instant


class Socket:
    def __init__(self, response, transport):
        self.response = response
        self.transport = transport
        self.bound = {}  # Subscription id -> Login of the binding token.

    async def send(self, text):
        if not self.response.closed:
            try:
                await self.response.send_str(text)
            except (ConnectionError, RuntimeError):
                pass


class WebSockets:
    def __init__(self, world, logins, notifier, faults, settings):
        self.world = world
        self.logins = logins
        self.notifier = notifier
        self.faults = faults
        self.settings = settings
        self.sockets = set()
        self.opened = 0
        self.bindings = 0
        self.muted = False  # No heartbeats, no events, no pongs; all open.
        self.left_out = set()  # Subscriptions that heartbeats do not name.

    async def serve(self, request):
        response = web.WebSocketResponse(compress=False, autoping=True,
                                         max_msg_size=1 << 20)
        await response.prepare(request)
        socket = Socket(response, request.transport)
        self.sockets.add(socket)
        self.opened += 1
        try:
            async for message in response:
                if message.type != aiohttp.WSMsgType.TEXT:
                    break
                await self._take(socket, message.data)
        finally:
            self.sockets.discard(socket)
            for id_ in list(socket.bound):
                self.notifier.cached.pop(id_, None)
        return response

    async def _take(self, socket, text):
        try:
            message = json.loads(text)
        except ValueError:
            await self._complain(socket, "Invalid message")
            return
        kind = message.get("type")
        token = (message.get("payload") or {}).get("token")
        if kind == "ping":
            if not self.muted:
                await socket.send('{"type":"pong"}')
        elif kind == "bind-with-token":
            await self._bind(socket, token)
        elif kind == "unbind-from-token":
            known = self.logins.by_token.get(token)
            id_ = known and known[1].get("subscription_id")
            if id_:
                socket.bound.pop(id_, None)
                self.notifier.cached.pop(id_, None)

    async def _bind(self, socket, token):
        known = self.logins.by_token.get(token)
        if known is None:
            await self._complain(socket, "Token failed to validate")
            return
        login, claims = known
        id_ = claims.get("subscription_id")
        if id_ is None:
            await self._complain(socket, "Token claims missing subscription_id")
            socket.transport.close()
            return
        # A Subscription that is gone is bound all the same, in silence.
        socket.bound[id_] = login
        self.bindings += 1
        await socket.send(bundle_of(self.world, [status("handshake", id_)]))

    async def _complain(self, socket, text):
        await socket.send(dumps(bad_request(text).as_resource()))

    async def heartbeats(self):
        while True:
            await asyncio.sleep(self.settings.heartbeat_seconds)
            for socket in list(self.sockets):
                self._drop_expired(socket)
                entries = [status("heartbeat", id_) for id_ in socket.bound
                           if id_ not in self.left_out]
                if entries and not self.muted:
                    await socket.send(bundle_of(self.world, entries))

    def _drop_expired(self, socket):
        now = self.logins.now()
        for id_, login in list(socket.bound.items()):
            if login.expires <= now:
                del socket.bound[id_]

    async def send_event(self, id_, version, interaction):
        for socket in list(self.sockets):
            self._drop_expired(socket)
            if id_ not in socket.bound or self.muted:
                continue
            text = event_of(self.world, self.settings.base_url, id_, version)
            await self.faults.pass_on("web_socket", version.type, interaction,
                                      lambda s=socket, t=text: s.send(t))

    def unbind_everywhere(self, id_):
        for socket in self.sockets:
            socket.bound.pop(id_, None)

    def drop_all(self, keep_subscriptions):
        """Closes every socket without a word: the end of the file."""
        dropped = len(self.sockets)
        for socket in list(self.sockets):
            if keep_subscriptions:
                socket.bound = {}
            socket.transport.close()
        return dropped


def status(kind, id_):
    return {"resource": {
        "resourceType": "SubscriptionStatus",
        "id": str(uuid.uuid4()),
        "status": "active",
        "type": kind,
        "subscription": {"reference": f"Subscription/{id_}"},
    }}


def bundle_of(world, entries):
    return dumps({
        "id": str(uuid.uuid4()),
        "resourceType": "Bundle",
        "type": "history",
        "timestamp": format_instant(world.now_ms()),
        "entry": entries,
    })


def event_of(world, base, id_, version):
    """A create, an update and a delete look the same; a delete brings the last
    living version."""
    resource = world.resource(version)
    focus = {"reference": f"{version.type}/{version.id}"}
    if isinstance(resource.get("name"), str):
        focus["display"] = resource["name"]
    head = {"resource": {
        "id": str(uuid.uuid4()),
        "resourceType": "SubscriptionStatus",
        "status": "active",
        "type": "event-notification",
        "subscription": {"reference": f"Subscription/{id_}"},
        "notificationEvent": [{
            "eventNumber": "0",
            "timestamp": format_instant(world.now_ms()),
            "focus": focus,
        }],
    }}
    body = {
        "resource": resource,
        "fullUrl": f"{base}fhir/R4/{version.type}/{version.id}",
    }
    return bundle_of(world, [head, body])
