"""The commands of a container engine that the README shows, by plain_root."""

import argparse
import os
import pathlib
import shlex
import tempfile

from plain_root import Container


def commands(page):
    """The commands that it shows, each with its ends of lines joined."""
    text = page.read_text().replace("\\\n", " ")
    return [line.strip() for line in text.splitlines()
            if line.startswith("    docker ")]


class Engine:
    """Every container has the same root and the same stage."""

    def __init__(self, root, stage):
        self._root = root
        self._stage = stage
        self._containers = {}
        self._volumes = {}

    def do(self, line):
        """Does `docker ...`; returns what it printed and its exit code."""
        words = [os.path.expandvars(word) for word in shlex.split(line)]
        return getattr(self, f"_{words[1]}")(words[2:])

    def _volume(self, text):
        source, place, *how = text.split(":")
        if "/" not in source:  # It has a name, and is made as the image has it.
            if source not in self._volumes:
                self._volumes[source] = tempfile.TemporaryDirectory()
                made = pathlib.Path(self._volumes[source].name)
                original = (self._root / place.strip("/")).stat()
                os.chown(made, original.st_uid, original.st_gid)
            source = self._volumes[source].name
        return source, place, how[0] if how else "rw"

    def _run(self, words):
        parser = argparse.ArgumentParser(prog="docker run")
        for option in ("--detach", "--read-only"):
            parser.add_argument(option, action="store_true", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--volume", action="append", default=[])
        # A Container has none, has it always, has no network, has patience.
        parser.add_argument("--cap-drop", choices=["ALL"], required=True)
        parser.add_argument("--security-opt", choices=["no-new-privileges"])
        parser.add_argument("--publish", action="append", default=[])
        parser.add_argument("--stop-timeout", type=int)
        parser.add_argument("image")
        parser.add_argument("arguments", nargs=argparse.REMAINDER)
        wanted = parser.parse_args(words)
        if wanted.name in self._containers:
            raise AssertionError(f"there is a container {wanted.name} already")
        for published in wanted.publish:
            port = published.rpartition(":")[2]
            if port not in self._stage.one("EXPOSE").listed():
                raise AssertionError(f"port {port} is not one of the image")
        container = Container(
            self._root, self._stage, wanted.arguments or None,
            volumes=[self._volume(volume) for volume in wanted.volume])
        self._containers[wanted.name] = container
        container.wait_until_healthy()
        return "", 0

    def _exec(self, words):
        done = self._containers[words[0]].run(*words[1:])
        return done.stdout + done.stderr, done.returncode

    def _stop(self, words):
        return "", self._containers[words[0]].stop()

    def _rm(self, words):
        self._containers.pop(words[0]).__exit__()
        return "", 0

    def close(self):
        for container in self._containers.values():
            container.__exit__()
        for volume in self._volumes.values():
            volume.cleanup()
