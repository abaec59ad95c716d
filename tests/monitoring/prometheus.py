"""A real Prometheus with the chart's rules."""

import contextlib
import json
import pathlib
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ROOT / "helm/medplum-pdp/files"
ALERTS = FILES / "alerts.yaml"
LONG = 30.0  # Seconds that are never reached unless something is wrong.


def free_ports(count):
    """Of 127.0.0.1, each another."""
    with contextlib.ExitStack() as open_at_once:
        probes = [open_at_once.enter_context(socket.socket())
                  for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


class Prometheus:
    """Scrapes `target` every second, by the rules of the chart."""

    def __init__(self, directory, target):
        directory = pathlib.Path(directory)
        [port] = free_ports(1)
        config = directory / "prometheus.yaml"
        config.write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{ALERTS}]
scrape_configs:
  - job_name: medplum-pdp
    static_configs: [{{targets: ["{target}"]}}]
""")
        self.url = f"http://127.0.0.1:{port}"
        self.log = (directory / "prometheus.log").open("wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={config}",
             f"--storage.tsdb.path={directory / 'tsdb'}",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def close(self):
        self.process.terminate()
        self.process.wait(LONG)
        self.log.close()

    def get(self, path, **query):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            try:
                answer = urllib.request.urlopen(url, timeout=LONG)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                return json.load(answer)
        except (OSError, ValueError):  # It is starting.
            return {"status": "unreachable"}

    def rules(self):
        groups = self.get("rules").get("data", {}).get("groups", [])
        return [rule for group in groups for rule in group["rules"]]

    def values(self, expr, label):
        """What the expression is now, by the value of a label."""
        answer = self.get("query", query=expr).get("data", {})
        return {series["metric"].get(label): float(series["value"][1])
                for series in answer.get("result", ())}
