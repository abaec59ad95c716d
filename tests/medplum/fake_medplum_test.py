#!/usr/bin/env python3
"""The fake Medplum server notifies as the real one was recorded to: same
requests, same frames, and silent where that was silent."""

import asyncio
import json
import pathlib
import unittest

import aiohttp

from fake.hooks import signature
from fake_client import FakeMedplum

RECORDINGS = pathlib.Path(__file__).resolve().parent / "recordings"
HOOKS = json.loads((RECORDINGS / "rest-hook.json").read_text())
FRAMES = json.loads((RECORDINGS / "websocket.json").read_text())
INTERACTION = ("https://medplum.com/fhir/StructureDefinition/"
               "subscription-supported-interaction")
SECRET = ("https://www.medplum.com/fhir/StructureDefinition/"
          "subscription-secret")
# Longer than a notification takes, for those that must not come.
SILENCE = 0.15


def shape(value):
    """Names in their order, and the kinds of values."""
    if isinstance(value, dict):
        return {name: shape(element) for name, element in value.items()}
    if isinstance(value, list):
        return [shape(element) for element in value]
    return type(value).__name__


def content(resource):
    return {k: v for k, v in resource.items() if k not in ("id", "meta")}


def subscription(criteria, endpoint=None, interactions=(), secret=None,
                 **elements):
    channel = {"type": "websocket"}
    if endpoint:
        channel = {"type": "rest-hook", "endpoint": endpoint}
    extensions = [{"url": INTERACTION, "valueCode": i} for i in interactions]
    if secret:
        extensions.append({"url": SECRET, "valueString": secret})
    result = {"resourceType": "Subscription", "status": "active",
              "reason": "test", "criteria": criteria, "channel": channel}
    if extensions:
        result["extension"] = extensions
    return {**result, **elements}


class HookReceiver:
    """Keeps the requests that come: (path, [(name, value)], body)."""

    def __init__(self):
        self.requests = []
        self.status = 200
        self.arrived = asyncio.Event()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self.server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def _serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = [tuple(line.split(": ", 1)) for line in lines]
                length = int(dict(headers)["content-length"])
                body = await reader.readexactly(length)
                self.requests.append((first.split()[1], headers, body))
                self.arrived.set()
                writer.write(f"HTTP/1.1 {self.status} X\r\n"
                             "content-length: 0\r\n\r\n".encode())
        except EOFError:
            writer.close()

    async def take(self):
        while not self.requests:
            self.arrived.clear()
            await asyncio.wait_for(self.arrived.wait(), 20)
        return self.requests.pop(0)

    async def said(self, least=0):
        """What has come so far: (interaction, deleted, name)."""
        while len(self.requests) < least:
            self.arrived.clear()
            await asyncio.wait_for(self.arrived.wait(), 20)
        await asyncio.sleep(SILENCE)
        result = []
        for _, headers, body in self.requests:
            headers = dict(headers)
            result.append((headers["X-Medplum-Interaction"],
                           headers.get("X-Medplum-Deleted-Resource"),
                           json.loads(body).get("name")))
        self.requests = []
        return result


class FakeTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)
        self.fake = FakeMedplum(answer_seconds=0, event_seconds=0.002,
                                heartbeat_seconds=0.1, hook_retry_seconds=0.3)
        self.addCleanup(self.fake.close)
        self.project = self.fake.add_project(id="project-1")
        self.login = self.fake.add_login(project=self.project)
        self.api = self.fake.api(self.login)
        self.fake.settle()
        self.session = await self.enterAsyncContext(aiohttp.ClientSession())

    def policy(self, name="a", id=None, **elements):
        resource = {"resourceType": "AccessPolicy", "name": name, **elements}
        if id:
            resource["id"] = id
        return self.fake.put(resource=resource, project=self.project)

    def make(self, api, resource):
        status, made = api.create(resource)
        self.assertEqual(201, status, made)
        return made["id"]

    def hook(self, criteria, receiver, **options):
        return self.make(self.api, subscription(criteria, receiver.url,
                                                **options))

    async def bound(self, *criteria, api=None, interactions=()):
        """A socket with a Subscription for each; their ids follow."""
        api = api or self.api
        socket = await self.session.ws_connect(
            self.fake.base_url + "ws/subscriptions-r4")
        ids = []
        for one in criteria:
            ids.append(self.make(api, subscription(
                one, interactions=interactions)))
            await self.bind(socket, self.token(ids[-1], api))
            frame = await self.frame(socket)
            self.assertEqual("handshake", frame["type"])
        return socket, *ids

    def token(self, id_, api=None):
        status, parameters = (api or self.api).get(
            f"Subscription/{id_}/$get-ws-binding-token")
        self.assertEqual(200, status, parameters)
        return parameters["parameter"][0]["valueString"]

    @staticmethod
    async def bind(socket, token):
        await socket.send_str(json.dumps(
            {"type": "bind-with-token", "payload": {"token": token}}))

    @staticmethod
    async def frame(socket, heartbeats=False):
        """What comes next: its kind, and the whole frame."""
        while True:
            message = await asyncio.wait_for(socket.receive(), 20)
            if message.type != aiohttp.WSMsgType.TEXT:
                return {"type": "end"}
            bundle = json.loads(message.data)
            kind = bundle["resourceType"]
            if kind == "Bundle":
                kind = bundle["entry"][0]["resource"]["type"]
            if heartbeats or kind != "heartbeat":
                return {"type": kind, "bundle": bundle}

    async def is_silent(self, socket):
        try:
            frame = await asyncio.wait_for(self.frame(socket), SILENCE)
        except asyncio.TimeoutError:
            return True
        return frame["type"] == "end"


class RestHookTest(FakeTest):
    def test_recorded_signatures_verify(self):
        for name, recorded in HOOKS["examples"].items():
            headers = dict(recorded["headers"])
            with self.subTest(name):
                self.assertEqual(
                    headers["X-Signature"],
                    signature(HOOKS["hmac_secret"],
                              recorded["body"].encode()))

    async def test_requests_look_as_recorded(self):
        secret = HOOKS["hmac_secret"]
        every = ("create", "update", "delete")
        async with HookReceiver() as receiver:
            for type_ in ("AccessPolicy", "ProjectMembership", "Project"):
                self.hook(type_, receiver, interactions=every, secret=secret)
            for name, recorded in HOOKS["examples"].items():
                with self.subTest(name):
                    body = json.loads(recorded["body"])
                    await self._provoke(name, body)
                    _, headers, got = await receiver.take()
                    self._compare(recorded["headers"], headers)
                    self.assertEqual(shape(body), shape(json.loads(got)))
                    self.assertEqual(
                        list(body), [k for k in json.loads(got)])
                    self.assertEqual(signature(secret, got),
                                     dict(headers)["X-Signature"])

    async def _provoke(self, name, body):
        if name.endswith("delete"):
            id_ = self.last["id"]
            self.fake.delete(reference=f"{self.last['resourceType']}/{id_}")
            return
        if "create" in name:
            body = content(body)
            body["name" if "Policy" in name else "externalId"] = name
            if "Policy" not in name:
                del body["externalId"]
        author = {"reference": "ClientApplication/x", "display": "X"}
        if "invite" in name:
            author = None
        if "Project." in name:
            body = {**body, "id": self.project}
        elif "update" in name:
            body = {**body, "id": self.last["id"]}
        made = self.fake.put(resource=body, project=self.project,
                             author=author)
        self.last = {"resourceType": body["resourceType"], "id": made["id"]}

    def _compare(self, recorded, got):
        self.assertEqual([name for name, _ in recorded],
                         [name for name, _ in got])
        fixed = ("connection", "Content-Type", "X-Medplum-Interaction",
                 "accept", "accept-language", "sec-fetch-mode", "user-agent",
                 "accept-encoding")
        for name in fixed:
            self.assertEqual(dict(recorded)[name], dict(got)[name])

    async def test_without_interactions_all_three_fire(self):
        async with HookReceiver() as receiver:
            self.hook("AccessPolicy", receiver)
            self.policy("a", id="p")
            self.policy("b", id="p")
            self.fake.delete(reference="AccessPolicy/p")
            said = await receiver.said(least=3)
            self.assertCountEqual(
                [("create", None, "a"), ("update", None, "b"),
                 ("delete", "AccessPolicy/p", None)], said)

    async def test_only_chosen_interactions_fire(self):
        async with HookReceiver() as receiver:
            self.hook("AccessPolicy", receiver, interactions=["delete"])
            self.policy("a", id="p")
            self.policy("b", id="p")
            self.fake.delete(reference="AccessPolicy/p")
            self.assertEqual([("delete", "AccessPolicy/p", None)],
                             await receiver.said(least=1))

    async def test_all_deletes_under_a_secret_have_the_same_signature(self):
        async with HookReceiver() as receiver:
            self.hook("AccessPolicy", receiver, interactions=["delete"],
                      secret="s" * 16)
            self.policy("a", id="p")
            self.policy("b", id="q")
            self.fake.delete(reference="AccessPolicy/p")
            self.fake.delete(reference="AccessPolicy/q")
            first, second = [dict((await receiver.take())[1])
                             for _ in range(2)]
            self.assertEqual(first["X-Signature"], second["X-Signature"])

    async def test_a_delete_that_is_rolled_back_is_told(self):
        async with HookReceiver() as receiver:
            self.policy("a", id="p")
            self.hook("AccessPolicy", receiver)
            editor = self.fake.api(self.fake.add_login(
                project=self.project, policy=[], watched=False))
            await receiver.said()
            status, outcome = editor.request("POST", "fhir/R4", {
                "resourceType": "Bundle", "type": "transaction", "entry": [
                    {"request": {"method": "DELETE", "url": "AccessPolicy/p"}},
                    {"request": {"method": "POST", "url": "AccessPolicy"},
                     "resource": {"resourceType": "AccessPolicy",
                                  "name": "no"}},
                    {"request": {"method": "POST", "url": "Patient"},
                     "resource": {"resourceType": "Patient", "bogus": 1}}]})
            recorded = json.loads(
                (RECORDINGS / "rest-hook-more.json").read_text())
            self.assertEqual(
                shape(recorded["transaction_rollback"]["body"]["extension"]),
                shape(outcome["extension"]))
            self.assertEqual(400, status)
            self.assertEqual([("delete", "AccessPolicy/p", None)],
                             await receiver.said(least=1))
            self.assertEqual(200, self.api.get("AccessPolicy/p")[0])

    async def test_what_is_silent(self):
        async with HookReceiver() as receiver:
            self.policy("a", id="p")
            self.policy("match", id="filtered")
            self.hook("AccessPolicy?name=match", receiver)
            self.hook("Project", receiver)
            self.hook("AccessPolicy", receiver, status="off")
            self.hook("AccessPolicy", receiver, status="requested")
            cases = {
                "leaving a filter":
                    lambda: self.policy("left", id="filtered"),
                "expunge": lambda: self.fake.expunge(
                    reference="AccessPolicy/filtered"),
                "no change": lambda: self.fake.change(
                    reference=f"Project/{self.project}", values={}),
                "another project": lambda: self.fake.put(
                    resource={"resourceType": "AccessPolicy",
                              "name": "match"}, project="elsewhere"),
            }
            await receiver.said()
            for name, act in cases.items():
                with self.subTest(name):
                    act()
                    self.assertEqual([], await receiver.said())

    async def test_an_end_in_the_past_is_ignored(self):
        async with HookReceiver() as receiver:
            self.hook("AccessPolicy", receiver, end="2020-01-01T00:00:00Z")
            self.policy("a")
            self.assertEqual([("create", None, "a")],
                             await receiver.said(least=1))

    async def test_an_undelete_comes_as_an_update(self):
        async with HookReceiver() as receiver:
            self.policy("a", id="p")
            self.fake.delete(reference="AccessPolicy/p")
            await asyncio.sleep(SILENCE)
            self.hook("AccessPolicy", receiver)
            self.fake.undelete(reference="AccessPolicy/p")
            self.assertEqual([("update", None, "a")],
                             await receiver.said(least=1))

    async def test_a_header_is_cut_at_its_second_colon(self):
        async with HookReceiver() as receiver:
            made = subscription("AccessPolicy", receiver.url)
            made["channel"]["header"] = ["X-Key: a:b"]
            self.make(self.api, made)
            self.policy("a")
            _, headers, _ = await receiver.take()
            self.assertEqual("a", dict(headers)["X-Key"])

    async def test_retries_leave_out_what_was_superseded(self):
        async with HookReceiver() as receiver:
            self.hook("AccessPolicy", receiver)
            receiver.status = 500
            self.policy("superseded", id="p")
            self.policy("kept", id="q")
            self.policy("deleted", id="r")
            self.policy("newer", id="p")
            self.fake.delete(reference="AccessPolicy/r")
            first = await receiver.said(least=5)
            self.assertEqual(5, len(first))
            receiver.status = 200
            while len(receiver.requests) < 3:
                await asyncio.sleep(0.05)
            self.assertCountEqual(
                [("create", None, "kept"), ("update", None, "newer"),
                 ("delete", "AccessPolicy/r", None)], await receiver.said())

    async def test_deleting_a_project_is_silent_and_its_tokens_give_400(self):
        async with HookReceiver() as receiver:
            self.hook("Project", receiver)
            main = self.fake.add_project(superAdmin=True)
            root = self.fake.api(self.fake.add_login(project=main, policy=[],
                                                     watched=False))
            self.assertEqual(410, root.delete(f"Project/{self.project}")[0])
            self.assertEqual([], await receiver.said())
            self.assertEqual(400, self.api.get("AccessPolicy")[0])


class WebSocketTest(FakeTest):
    def frames(self, name):
        recorded = FRAMES[name]
        return json.loads(recorded) if isinstance(recorded, str) else recorded

    async def test_frames_look_as_recorded(self):
        socket = await self.session.ws_connect(
            self.fake.base_url + "ws/subscriptions-r4")
        ids = [self.make(self.api, subscription(type_)) for type_ in
               ("AccessPolicy", "ProjectMembership", "Project", "User", "Bot")]
        status, parameters = self.api.get(
            f"Subscription/{ids[0]}/$get-ws-binding-token")
        self.assertEqual(200, status)
        self.assertEqual(shape(FRAMES["binding_parameters"]),
                         shape(parameters))
        await self.bind(socket, self.token(ids[0]))
        frame = (await self.frame(socket))["bundle"]
        self.assertEqual(self._text(self.frames("handshake")),
                         self._text(frame))
        for id_ in ids[1:]:
            await self.bind(socket, self.token(id_))
            await self.frame(socket)
        frame = (await self.frame(socket, heartbeats=True))["bundle"]
        self.assertEqual(self._text(self.frames("heartbeat")),
                         self._text(frame))
        for name in FRAMES:
            if name.startswith("event "):
                with self.subTest(name):
                    await self._event(socket, name)

    @staticmethod
    def _text(frame):
        """The shape as text: with the order of names."""
        return json.dumps(shape(frame))

    async def _event(self, socket, name):
        recorded = FRAMES[name]
        resource = recorded["entry"][1]["resource"]
        type_ = resource["resourceType"]
        author = resource["meta"]["author"]
        author = author if "display" in author else None
        if "delete" in name:
            # The last living version, whose author the recording has.
            body = {**resource, "id": self.last, "description": "x"}
            self.fake.put(resource=body, project=self.project, author=author)
            await self.frame(socket)
            del body["description"]
            self.fake.put(resource=body, project=self.project, author=author)
            await self.frame(socket)
            self.fake.delete(reference=f"{type_}/{self.last}")
        elif "create" in name:
            self.last = self.fake.put(resource=content(resource),
                                      project=self.project,
                                      author=author)["id"]
        else:
            self.last = self.project if type_ == "Project" else self.last
            self.fake.put(resource={**resource, "id": self.last},
                          project=self.project, author=author)
        frame = (await self.frame(socket))["bundle"]
        self.assertEqual(self._text(recorded), self._text(frame))
        event = frame["entry"][0]["resource"]["notificationEvent"][0]
        self.assertEqual("0", event["eventNumber"])

    async def test_a_ping_is_answered(self):
        socket = await self.session.ws_connect(
            self.fake.base_url + "ws/subscriptions-r4")
        await socket.send_str(FRAMES["ping->"])
        message = await asyncio.wait_for(socket.receive(), 20)
        self.assertEqual(FRAMES["pong<-"], message.data)

    async def test_closing_deletes_the_subscription_and_rebinding_is_silent(
            self):
        socket, id_ = await self.bound("AccessPolicy")
        token = self.token(id_)
        await socket.close()
        while self.fake.subscriptions()["sockets"]:
            await asyncio.sleep(0.01)
        self.assertEqual(404, self.api.get(f"Subscription/{id_}")[0])
        socket = await self.session.ws_connect(
            self.fake.base_url + "ws/subscriptions-r4")
        await self.bind(socket, token)
        await self.frame(socket)
        self.policy("a")
        self.assertTrue(await self.is_silent(socket))

    async def test_after_a_kill_the_same_token_binds_again(self):
        for graceful in (True, False):
            with self.subTest(graceful=graceful):
                socket, id_ = await self.bound("AccessPolicy")
                token = self.token(id_)
                self.fake.restart(graceful=graceful)
                self.assertEqual("end", (await self.frame(socket))["type"])
                socket = await self.session.ws_connect(
                    self.fake.base_url + "ws/subscriptions-r4")
                await self.bind(socket, token)
                await self.frame(socket)
                self.policy("a")
                self.assertEqual(graceful, await self.is_silent(socket))

    async def test_without_the_feature_there_is_no_token(self):
        self.fake.set_features(project=self.project, features=[])
        id_ = self.make(self.api, subscription("AccessPolicy"))
        status, _ = self.api.get(f"Subscription/{id_}/$get-ws-binding-token")
        self.assertEqual(400, status)

    async def test_what_ends_events_without_a_word(self):
        cases = {
            "feature": lambda login: self.fake.set_features(
                project=self.project, features=[]),
            "grant": lambda login: self.fake.change(
                reference=login["policy"], values={"resource": []}),
            "membership": lambda login: self.fake.delete(
                reference=login["membership"]),
            "revoked": lambda login: self.fake.revoke(client=login["client"]),
            "inactive": lambda login: self.fake.set_active(
                membership=login["membership"], active=False),
        }
        for name, act in cases.items():
            with self.subTest(name):
                login = self.fake.add_login(project=self.project)
                socket, _ = await self.bound("AccessPolicy",
                                             api=self.fake.api(login))
                act(login)
                await asyncio.sleep(SILENCE)
                self.policy("a")
                self.assertTrue(await self.is_silent(socket))
                self.assertFalse(socket.closed)
                self.fake.set_features(project=self.project,
                                       features=["websocket-subscriptions"])

    async def test_a_project_admin_is_told_of_named_admin_types_only(self):
        member = {"resourceType": "ProjectMembership",
                  "profile": {"reference": "Practitioner/1"}}
        for policy, silent in (([], True), ([{"resourceType": "*"}], True),
                               (None, False)):
            with self.subTest(policy=policy):
                login = self.fake.add_login(project=self.project,
                                            policy=policy)
                socket, _, _ = await self.bound(
                    "AccessPolicy", "ProjectMembership",
                    api=self.fake.api(login))
                self.fake.put(resource=member, project=self.project)
                self.assertEqual(silent, await self.is_silent(socket))
                self.policy("a")
                if policy != []:
                    continue
                self.assertFalse(await self.is_silent(socket))

    async def test_bad_tokens_are_answered_by_an_outcome(self):
        for token, ends in (("garbage", False), (self.api.token, True)):
            socket = await self.session.ws_connect(
                self.fake.base_url + "ws/subscriptions-r4")
            await self.bind(socket, token)
            frame = await self.frame(socket)
            self.assertEqual("OperationOutcome", frame["type"])
            if ends:
                self.assertEqual("end", (await self.frame(socket))["type"])

    async def test_an_unbound_subscription_is_deleted(self):
        socket, id_ = await self.bound("AccessPolicy")
        await socket.send_str(json.dumps({
            "type": "unbind-from-token",
            "payload": {"token": self.token(id_)}}))
        await asyncio.sleep(SILENCE)
        self.assertEqual(404, self.api.get(f"Subscription/{id_}")[0])

    async def test_who_may_have_one(self):
        main = self.fake.add_project(superAdmin=True)
        root = self.fake.api(self.fake.add_login(project=main))
        self.assertEqual(400, root.create(subscription("AccessPolicy"))[0])
        for _ in range(20):
            self.make(self.api, subscription("AccessPolicy"))
        self.assertEqual(400,
                         self.api.create(subscription("AccessPolicy"))[0])
        found = self.api.get("Subscription?_sort=_lastUpdated")[1]
        self.assertEqual([], found["entry"])

    async def test_notifications_can_be_lost_doubled_delayed_and_turned(self):
        socket, _ = await self.bound("AccessPolicy")

        async def names(count):
            return [(await self.frame(socket))["bundle"]["entry"][1]
                    ["resource"]["name"] for _ in range(count)]
        self.fake.notification_fault(kind="lose", times=1)
        self.policy("lost")
        await asyncio.sleep(SILENCE)
        self.fake.notification_fault(kind="double", times=1)
        self.policy("twice")
        self.assertEqual(["twice", "twice"], await names(2))
        self.fake.notification_fault(kind="hold", times=2, count=2)
        self.policy("first")
        await asyncio.sleep(SILENCE)
        self.policy("second")
        self.assertEqual(["second", "first"], await names(2))
        self.fake.notification_fault(kind="delay", times=1, seconds=0.1)
        self.policy("late")
        await asyncio.sleep(0.05)
        self.policy("early")
        self.assertEqual(["early", "late"], await names(2))

    async def test_frames_can_be_forged(self):
        socket, id_ = await self.bound("AccessPolicy")
        self.fake.forge_event(resource={"resourceType": "AccessPolicy",
                                        "id": "never"})
        event = (await self.frame(socket))["bundle"]["entry"]
        self.assertEqual(f"Subscription/{id_}",
                         event[0]["resource"]["subscription"]["reference"])
        self.assertEqual("never", event[1]["resource"]["id"])
        self.assertEqual(404, self.api.get("AccessPolicy/never")[0])


if __name__ == "__main__":
    unittest.main(warnings="ignore")
