#!/usr/bin/env python3
"""What can be said of the chart without helm: its values, their schema, its
documentation, and the form of its templates."""

import re
import unittest

import jsonschema
import yaml

import values_table
from chart import CHART, README, ROOT, SCHEMA, faults, least, merged, values

PROTO = ROOT / "proto/medplum/pdp/config/v1/config.proto"

# What the chart itself writes into the configuration, and what it refuses.
OF_THE_CHART = {
    "Config": {"data-dir", "bootstrap-from", "listen", "http-listen",
               "socket-mode", "drain-timeout", "tls"},
    "Audit": {"directory", "archive-directory"},
    "RestHook": {"listen"},
    "Caller": {"from"},  # A sidecar that forwards would be everybody.
}

# Kubernetes' own objects, and what others put there.
OPEN_OBJECTS = {"global", "nodeAffinity", "podAffinity", "podAntiAffinity"}

# What is refused: name, the values, words of the refusal.
REFUSED = [
    ("unknown at the top", {"replica": 2}, "replica"),
    ("unknown below", {"tls": {"secret": "x"}}, "secret"),
    ("unknown in a list", {"networkPolicy": {"callers": [{"pods": {}}]}},
     "pods"),
    ("unknown in the configuration", {"config": {"medplum": {"url": "x"}}},
     "url"),
    ("a key of the chart", {"config": {"data-dir": "/x"}}, "data-dir"),
    ("no TLS by configuration",
     {"config": {"tls": {"allow-plaintext": True}}}, "tls"),
    ("whoever is on this host", {"config": {"callers": [
        {"name": "a", "from": "loopback", "permissions": ["all"]}]}}, "from"),
    ("a caller that nothing says who it is", {"config": {"callers": [
        {"name": "a", "permissions": ["all"]}]}}, "is not valid under any"),
    ("a caller without permissions", {"config": {"callers": [
        {"name": "a", "san": "dns:a"}]}}, "permissions"),
    ("a secret in the configuration", {"config": {"medplum": {"login": [
        {"project": "a", "client-id": "b", "client-secret": "c"}]}}},
     "client-secret"),
    ("a secret elsewhere", {"config": {"callers": [
        {"name": "a", "token-file": "/tmp/token", "permissions": ["all"]}]}},
     "/tmp/token"),
    ("a server without TLS",
     {"config": {"medplum": {"base-url": "http://api.example.com/"}}},
     "http://api.example.com/"),
    ("another source", {"config": {"source": "directory:/"}}, "directory:/"),
    ("an audit mode that is none", {"config": {"audit-mode": "none"}}, "none"),
    ("no duration", {"config": {"max-staleness": 300}}, "300"),
    ("root", {"runAsId": 0}, "0"),
    ("a tag that moves", {"image": {"tag": "latest"}}, "latest"),
    ("no digest", {"image": {"digest": "sha256:abc"}}, "sha256:abc"),
    ("no replica", {"replicas": 0}, "0"),
    ("everybody calls", {"networkPolicy": {"callers": [
        {"ipBlock": {"cidr": "0.0.0.0/0"}}]}}, "0.0.0.0/0"),
    ("everybody reads metrics", {"networkPolicy": {"prometheus": [
        {"ipBlock": {"cidr": "::/0"}}]}}, "::/0"),
    ("a peer that is everybody", {"networkPolicy": {"callers": [{}]}}, "{}"),
    ("no memory limit", {"resources": {"limits": {"memory": None}}}, "None"),
    ("labels of the chart",
     {"podLabels": {"app.kubernetes.io/component": "test"}}, "component"),
    ("no drain", {"drainTimeoutSeconds": 0}, "0"),
    ("a workload that is none", {"workload": "DaemonSet"}, "DaemonSet"),
    ("null for a section", {"networkPolicy": None}, "None"),
]

# What is taken.
TAKEN = [
    ("the least", {}),
    ("a caller by JWT", {"config": {"callers": [
        {"name": "a", "issuer": "https://i", "audience": "pdp",
         "jwks-url": "https://i/keys", "permissions": ["check"]}]}}),
    ("Medplum anywhere", {"networkPolicy": {"medplum": {
        "to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]
    }}}),
    ("another port", {"service": {"port": 443}}),
    ("what a parent chart says", {"global": {"imageRegistry": "x"}}),
    ("all of a configuration", {"config": {
        "mode": "parity", "max-staleness": "5m", "stale-after": "1m30s",
        "threads": 4, "shadow": True,
        "audit": {"fsync": "batch", "max-segment-bytes": 67108864,
                  "medplum": {"enabled": True, "reads": "none"}},
        "session-rules": [{"idle-timeout": "30m", "mfa": True}],
        "tenants": {"parameters": ["organization"]}}}),
]


def objects_of(schema, name=""):
    """Each object that the schema describes, with its name."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield name, schema
        for key, value in schema.items():
            yield from objects_of(value, key)
    elif isinstance(schema, list):
        for value in schema:
            yield from objects_of(value, name)


def fields_of_the_proto():
    """The keys of each message of the configuration."""
    text = re.sub(r"//.*", "", PROTO.read_text())
    return {name: {field.replace("_", "-") for field in re.findall(
        r"\b(\w+) = \d+;", body)} for name, body in
            re.findall(r"message (\w+) \{(.*?)\}", text, re.S)}


def resolve(schema, *path):
    for name in path:
        schema = schema["properties"][name]
        schema = schema.get("items", schema)
    return schema


MESSAGES = {
    "Config": (), "Limits": ("limits",), "Caller": ("callers",),
    "Audit": ("audit",), "AuditMedplum": ("audit", "medplum"),
    "History": ("history",), "Tenants": ("tenants",),
    "SessionRules": ("session-rules",), "Medplum": ("medplum",),
    "AccessTokens": ("medplum", "access-tokens"),
    "MedplumLogin": ("medplum", "login"),
    "RestHook": ("medplum", "rest-hook"), "Sweep": ("sweep",),
    "Attributes": ("attributes",), "Gateway": ("gateway",),
}


class Values(unittest.TestCase):
    def test_schema_is_a_schema_and_takes_the_defaults(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)
        self.assertEqual([], faults(values()))

    def test_what_is_unknown_or_unsafe_is_refused(self):
        for name, changes, words in REFUSED:
            with self.subTest(name):
                found = faults(merged(values(), least(changes)))
                self.assertTrue(found)
                self.assertIn(words, "\n".join(found))

    def test_what_is_right_is_taken(self):
        for name, changes in TAKEN:
            with self.subTest(name):
                self.assertEqual([], faults(merged(values(), least(changes))))

    def test_every_object_says_which_keys_it_may_have(self):
        count = 0
        for name, schema in objects_of(SCHEMA):
            if name in OPEN_OBJECTS:
                continue
            count += 1
            self.assertIn("additionalProperties", schema, name)
            if schema["additionalProperties"] is not False:
                self.assertEqual({"type": "string"},
                                 schema["additionalProperties"], name)
        self.assertGreater(count, 40)

    def test_every_value_of_the_schema_is_in_values_yaml_and_has_a_comment(
            self):
        described = set(SCHEMA["properties"]) - {"global"}
        self.assertEqual(described, set(values()))
        for path, comment in values_table.documented():
            if not values_table.is_section(path):
                self.assertTrue(comment.endswith("."), f"{path}: {comment}")

    def test_all_values_are_found_in_the_text(self):
        def paths(value, path=()):
            for name, below in value.items():
                yield (*path, name)
                if values_table.is_section((*path, name)):
                    yield from paths(below, (*path, name))

        self.assertEqual(list(paths(values())),
                         [path for path, _ in values_table.documented()])

    def test_configuration_has_the_keys_of_the_server(self):
        wanted = fields_of_the_proto()
        self.assertEqual({*MESSAGES, "Tls"}, set(wanted))
        for message, path in MESSAGES.items():
            with self.subTest(message):
                schema = resolve(SCHEMA["properties"]["config"], *path)
                self.assertEqual(
                    wanted[message] - OF_THE_CHART.get(message, set()),
                    set(schema["properties"]))


class Documentation(unittest.TestCase):
    def test_readme_has_the_table_of_the_values(self):
        self.assertIn(
            values_table.table(), README.read_text(),
            "write it with /usr/bin/python3 tests/helm/values_table.py --write")

    def test_example_of_the_readme_is_taken(self):
        examples = re.findall(r"```yaml\n(.*?)```", README.read_text(), re.S)
        self.assertTrue(examples)
        for example in examples:
            self.assertEqual([], faults(merged(values(),
                                               yaml.safe_load(example))))


class Templates(unittest.TestCase):
    def test_blocks_are_opened_and_closed(self):
        for path in sorted((CHART / "templates").rglob("*.*")):
            with self.subTest(path.name):
                text = re.sub(r"\{\{-?\s*/\*.*?\*/\s*-?\}\}", "",
                              path.read_text(), flags=re.S)
                depth = 0
                for action in re.findall(r"\{\{-?\s*(\w+)[^}]*\}\}", text):
                    if action in ("if", "with", "range", "define", "block"):
                        depth += 1
                    elif action == "end":
                        depth -= 1
                        self.assertGreaterEqual(depth, 0)
                self.assertEqual(0, depth)
                self.assertEqual(text.count("{{"), text.count("}}"))

    def test_what_is_included_is_defined(self):
        text = "\n".join(path.read_text() for path in
                         (CHART / "templates").rglob("*.*"))
        self.assertEqual(set(re.findall(r'include "([^"]+)"', text)),
                         set(re.findall(r'define "([^"]+)"', text)))

    def test_values_that_are_used_are_there_and_those_there_are_used(self):
        text = "\n".join(path.read_text() for path in
                         (CHART / "templates").rglob("*.*"))
        used = set(re.findall(r"(?:\$|\$v)?\.Values\.(\w+)|\$v\.(\w+)", text))
        used = {a or b for a, b in used}
        self.assertEqual(set(values()), used)

    def test_files_are_yaml_without_their_actions(self):
        for path in sorted((CHART / "templates").rglob("*.yaml")):
            with self.subTest(path.name):
                text = re.sub(r"^\s*\{\{-?.*-?\}\}\s*\n", "",
                              path.read_text(), flags=re.M)
                text = re.sub(r"\{\{.*?\}\}", "x", text)
                objects = [o for o in yaml.safe_load_all(text) if o]
                self.assertTrue(objects)
                for thing in objects:
                    self.assertIn("kind", thing)
                    self.assertIn("apiVersion", thing)


if __name__ == "__main__":
    unittest.main(verbosity=2)
