"""rest-hook deliveries: their requests, their retries."""

import asyncio
import hashlib
import hmac
import random
import urllib.parse
import uuid

SECRET = ("https://www.medplum.com/fhir/StructureDefinition/"
          "subscription-secret")
ATTEMPTS = 5


class HttpSender:
    """Posts over plain HTTP/1.1 with the headers in the order given."""

    def __init__(self):
        self.idle = {}  # (host, port) -> [(reader, writer)]

    async def post(self, url, headers, body):
        """Returns the status; 0 where there was no answer."""
        parts = urllib.parse.urlsplit(url)
        where = (parts.hostname, parts.port or 80)
        head = [f"POST {parts.path or '/'} HTTP/1.1", f"host: {parts.netloc}",
                "connection: keep-alive"]
        head += [f"{name}: {value}" for name, value in headers]
        head += ["accept: */*", "accept-language: *", "sec-fetch-mode: cors",
                 "user-agent: node", "accept-encoding: gzip, deflate",
                 f"content-length: {len(body)}"]
        request = "\r\n".join(head).encode() + b"\r\n\r\n" + body
        fresh = False
        while not fresh:
            idle = self.idle.setdefault(where, [])
            fresh = not idle
            try:
                connection = (await asyncio.open_connection(*where) if fresh
                              else idle.pop())
                status, reusable = await asyncio.wait_for(
                    exchange(*connection, request), 120)
            except (OSError, EOFError, ValueError, asyncio.TimeoutError):
                continue  # An idle connection may have ended: try a new one.
            if reusable:
                idle.append(connection)
            else:
                connection[1].close()
            return status
        return 0

    def close(self):
        for connections in self.idle.values():
            for _, writer in connections:
                writer.close()
        self.idle = {}


async def exchange(reader, writer, request):
    writer.write(request)
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value
               in (line.partition(":") for line in lines[1:] if line)}
    status = int(lines[0].split()[1])
    length = headers.get("content-length")
    if length is None:
        return status, status == 204 and headers.get("connection") != "close"
    await reader.readexactly(int(length))
    return status, headers.get("connection", "").lower() != "close"


class Hooks:
    def __init__(self, world, faults, settings):
        self.world = world
        self.faults = faults
        self.settings = settings
        self.sender = HttpSender()
        self.running = asyncio.Semaphore(settings.hook_parallel)
        self.tasks = set()
        self.sent = []  # The deliveries made: (Type/id, interaction, status).

    def enqueue(self, subscription, interaction, version):
        async def once():
            self._spawn(self._deliver(subscription, interaction, version))
        self._spawn(self.faults.pass_on("rest_hook", version.type, interaction,
                                        once))

    def _spawn(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _deliver(self, subscription, interaction, version):
        trace = str(uuid.uuid4())
        pause = self.settings.hook_retry_seconds
        for attempt in range(ATTEMPTS):
            if attempt and not self._still_wanted(subscription, interaction,
                                                  version):
                return
            async with self.running:
                status = 0
                if self.settings.allow_unsafe_outbound:
                    status = await self.post(subscription, interaction, version,
                                             trace)
            if not self.settings.allow_unsafe_outbound or 200 <= status < 400:
                return
            await asyncio.sleep(pause * random.uniform(0.9, 1.1))
            pause *= 2

    def _still_wanted(self, subscription, interaction, version):
        living = self.world.living(f"Subscription/{subscription['id']}")
        if living is None or living.get("status") != "active":
            return False
        if interaction == "delete":
            return True
        now = self.world.find(version.type, version.id)
        return (now is not None and not now.deleted and
                now.version == version.version)

    async def post(self, subscription, interaction, version, trace):
        headers, body = hook_of(subscription, interaction, version, trace)
        status = await self.sender.post(subscription["channel"]["endpoint"],
                                        headers, body)
        self.sent.append((f"{version.type}/{version.id}", interaction, status))
        return status


def hook_of(subscription, interaction, version, trace):
    """The headers, in order, and the body."""
    headers = [("Content-Type", "application/fhir+json"),
               ("X-Medplum-Subscription", subscription["id"]),
               ("X-Medplum-Interaction", interaction)]
    body = version.text.encode()
    if interaction == "delete":
        headers.append(("X-Medplum-Deleted-Resource",
                        f"{version.type}/{version.id}"))
        body = b"{}"
    for line in subscription["channel"].get("header", []):
        pieces = line.split(":")  # What follows a second colon is lost.
        if len(pieces) > 1:
            headers.append((pieces[0].strip(), pieces[1].strip()))
    for extension in subscription.get("extension", []):
        if extension.get("url") == SECRET:
            headers.append(("X-Signature",
                            signature(extension["valueString"], body)))
    headers.append(("x-trace-id", trace))
    return headers, body


def signature(secret, body):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
