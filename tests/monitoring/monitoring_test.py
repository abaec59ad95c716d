#!/usr/bin/env python3
"""The alerts and the dashboard, against a real Prometheus that scrapes a real
server; what the tests need is found as in tests/medplum/harness.py."""

import json
import pathlib
import re
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/medplum"))

from harness import LONG, PERMIT, EndToEndTest, wait_until  # noqa: E402
from prometheus import ALERTS, FILES, Prometheus  # noqa: E402

ALERTS_TEST = ROOT / "tests/monitoring/alerts_test.yaml"
PAGE = ROOT / "docs/alerts.md"
METRICS_PAGE = ROOT / "docs/metrics.md"

# The panels that stay empty on a server on which nothing went wrong.
MAY_BE_EMPTY = {"Calls that failed, by code", "In flight",
                "Differences between the modes", "Filters"}


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True,
                          timeout=LONG, check=False, **options)


class AlertsTest(unittest.TestCase):
    def test_the_rules_do_what_their_tests_say(self):
        for command in (("check", "rules", ALERTS),
                        ("test", "rules", ALERTS_TEST)):
            outcome = run("promtool", *command)
            self.assertEqual(0, outcome.returncode,
                             outcome.stdout + outcome.stderr)

    def test_each_alert_has_a_test_and_a_section_in_the_docs(self):
        names = re.findall(r"- alert: (\w+)", ALERTS.read_text())
        self.assertTrue(names)
        tested = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts",
                                ALERTS_TEST.read_text()))
        sections = re.findall(r"^## (\w+)$", PAGE.read_text(), re.M)
        self.assertEqual(sorted(names), sorted(sections))
        self.assertEqual(set(names), tested)
        for name in names:
            self.assertIn(f"runbook: docs/alerts.md#{name.lower()}",
                          ALERTS.read_text())


class MonitoringTest(EndToEndTest):
    def started(self):
        clinic = self.clinic(login={"audit_events": True})
        pdp = self.connected(clinic, shadow="true", audit={
            "medplum": {"enabled": "true", "interval": "100ms"}})
        self.assertEqual(PERMIT, pdp.ask(clinic.member))
        self.assertNotEqual(PERMIT, pdp.ask("ProjectMembership/nobody"))
        return pdp

    def test_the_metrics_are_well_formed(self):
        text = self.started().http("/metrics")[1]
        outcome = run("promtool", "check", "metrics", input=text)
        self.assertEqual((0, ""), (outcome.returncode,
                                   outcome.stdout + outcome.stderr))

    def test_the_page_of_metrics_has_each_with_its_kind_and_labels(self):
        documented = {}
        for names, kind in re.findall(r"^\| (`pdp_.*?) \| (\w+) \|",
                                      METRICS_PAGE.read_text(), re.M):
            for name, labels in re.findall(r"`(\w+)(?:\{(.*?)\})?`", names):
                documented[name] = (kind, set(labels.split(",")) - {""})
        shown = {}
        for line in self.started().http("/metrics")[1].splitlines():
            if line.startswith("# TYPE"):
                name, kind = line.split()[2:]
                shown[name] = (kind, set())
            elif not line.startswith("#"):
                shown[name][1].update(
                    set(re.findall(r'(\w+)="', line)) - {"le"})
        for name, (kind, labels) in shown.items():
            self.assertIn(name, documented)
            self.assertEqual(kind, documented[name][0], name)
            if labels:  # What never happened has none.
                self.assertEqual(labels, documented[name][1], name)
        # Some are of what this server does not have.
        sources = "".join(source.read_text() for source in
                          (ROOT / "pdp/service").glob("*metrics*.cc"))
        for name in documented:
            self.assertIn(f'"{name}"', sources)

    def test_every_alert_and_panel_works_in_prometheus(self):
        pdp = self.started()
        prometheus = Prometheus(self.directory, pdp.ready["http"])
        self.addCleanup(prometheus.close)
        wait_until(lambda: prometheus.get("query", query="pdp_ready == 1")
                   .get("data", {}).get("result"), "scraped", pause=0.2)
        # That none was scraped is so at first.
        wait_until(lambda: self.are_quiet(prometheus.rules()), "quiet",
                   pause=0.2)
        time.sleep(2)  # So that there are rates.
        metrics = set(re.findall(r"^# TYPE (\w+)", pdp.http("/metrics")[1],
                                 re.M))
        for panel in self.panels():
            for target in panel["targets"]:
                with self.subTest(panel=panel["title"], expr=target["expr"]):
                    self.check_target(prometheus, metrics, panel, target)

    def check_target(self, prometheus, metrics, panel, target):
        expr = target["expr"].replace("$__rate_interval", "1m").replace(
            "$instance", ".*")
        self.assertNotIn("$", expr)
        for name in re.findall(r"pdp_\w+", expr):
            self.assertIn(re.sub(r"_(bucket|sum|count)$", "", name), metrics)
        answer = prometheus.get("query", query=expr)
        self.assertEqual("success", answer["status"], answer)
        if panel["title"] not in MAY_BE_EMPTY:
            self.assertTrue(answer["data"]["result"], "nothing is shown")

    def are_quiet(self, rules):
        for rule in rules:
            self.assertIn(rule["health"], ("ok", "unknown"), rule)
        return rules and all(
            rule["health"] == "ok" and rule.get("state", "inactive") ==
            "inactive" for rule in rules)

    def panels(self):
        dashboard = json.loads((FILES / "dashboard.json").read_text())
        return [p for p in dashboard["panels"] if p["type"] != "row"]

    def test_the_dashboard_is_laid_out(self):
        panels = json.loads((FILES / "dashboard.json").read_text())["panels"]
        self.assertEqual(len(panels), len({p["id"] for p in panels}))
        taken = set()
        for panel in panels:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                     for y in range(at["y"], at["y"] + at["h"])}
            self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            self.assertFalse(taken & cells, panel["title"])
            taken |= cells


if __name__ == "__main__":
    unittest.main()
