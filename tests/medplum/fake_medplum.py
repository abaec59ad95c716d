#!/usr/bin/env python3
"""A Medplum server for tests: its API for logins, policies, memberships and
Subscriptions over real sockets, built from recordings of a running server
(recordings/), with faults on demand.

    fake_medplum.py --listen 127.0.0.1:0

prints one line of JSON when it is ready:

    {"event":"ready","base_url":"http://127.0.0.1:40001/",
     "control":"http://127.0.0.1:40002/control/","pid":7}

It holds nothing at first; fake/control.py lists what can be done to it.  It ends
with SIGTERM, or when its standard input does (`--with-stdin`).
"""

import argparse
import asyncio
import json
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from fake.server import Server, Settings  # noqa: E402


async def serve(options):
    settings = Settings(**json.loads(options.settings))
    server = Server(settings)
    host, _, port = options.listen.rpartition(":")
    await server.start(host, int(port), options.tls_certificate,
                       options.tls_key)
    control = await server.start_control()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if options.with_stdin:
        loop.add_reader(sys.stdin.fileno(), ended.set)
    print(json.dumps({
        "event": "ready",
        "base_url": settings.base_url,
        "control": f"http://127.0.0.1:{control}/control/",
        "pid": os.getpid(),
    }), flush=True)
    await ended.wait()
    await server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--tls-certificate")
    parser.add_argument("--tls-key")
    parser.add_argument("--settings", default="{}",
                        help="JSON; see Settings in fake/server.py")
    parser.add_argument("--with-stdin", action="store_true",
                        help="end when standard input ends")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
