"""Runs of the load generator, alternating between two servers."""

import dataclasses
import json
import statistics
import subprocess

from servers import BIN, Failure


@dataclasses.dataclass
class Load:
    """One kind of call; what grpcload is told."""

    method: str
    request: bytes
    contains: bytes = b""  # What an answer holds.
    concurrency: int = 1
    connections: int = 1
    rate: int = 0  # Calls a second; 0: closed loop.
    window: int = 0  # Of a stream; 0: unary.
    decisions: int = 1  # In one request.


@dataclasses.dataclass
class Spread:
    """Of several runs."""

    values: list

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def low(self):
        return min(self.values)

    @property
    def high(self):
        return max(self.values)


@dataclasses.dataclass
class Effort:
    """How much is measured."""

    name: str
    repetitions: int
    seconds: float
    warmup: float


def run(server, load, effort, work):
    """One run: what grpcload says, decisions added."""
    request = work / "request.bin"
    request.write_bytes(load.request)
    command = [BIN / "grpcload", "--target", server.target, "--method",
               load.method, "--request", request, "--concurrency",
               load.concurrency, "--connections", load.connections,
               "--duration", effort.seconds, "--warmup", effort.warmup,
               "--server-pid", server.pid]
    if load.contains:
        contains = work / "contains.bin"
        contains.write_bytes(load.contains)
        command += ["--contains", contains]
    if server.header:
        command += ["--header", server.header]
    if server.tls:
        command += ["--tls-ca", server.tls.certificate, "--tls-name",
                    server.tls.name]
    if load.rate:
        command += ["--rate", load.rate]
    if load.window:
        command += ["--stream", "--window", load.window]
    done = subprocess.run([str(word) for word in command],
                          capture_output=True, text=True,
                          timeout=effort.seconds + effort.warmup + 60)
    if done.returncode != 0:
        raise Failure(f"{server.name}, {load.method}: {done.stdout}"
                      f"{done.stderr}")
    result = json.loads(done.stdout)
    result["cpu"] = result["server_cpu_us_per_call"] / load.decisions
    result["p50"] = result["latency_us"]["p50"]
    result["p99"] = result["latency_us"]["p99"]
    return result


class Pair:
    """What two servers need for the like, run by run in turns."""

    def __init__(self, ours, ruler):
        self.ours = ours
        self.ruler = ruler

    def spread(self, figure):
        return Spread([run[figure] for run in self.ours])

    def ruler_spread(self, figure):
        return Spread([run[figure] for run in self.ruler])

    def ratio(self, figure):
        """Of each run to the ruler's next to it."""
        return Spread([ours[figure] / ruler[figure]
                       for ours, ruler in zip(self.ours, self.ruler)])


def alternate(ours, our_load, ruler, ruler_load, effort, work):
    runs = Pair([], [])
    for number in range(effort.repetitions):
        sides = [(runs.ours, ours, our_load), (runs.ruler, ruler, ruler_load)]
        # Neither is always the first.
        for results, server, load in sides[::-1 if number % 2 else 1]:
            results.append(run(server, load, effort, work))
    return runs
