#!/usr/bin/env python3
"""The chart as helm renders it, against the schemas of Kubernetes and a real
server.  What is not there is said at the end; get_tools.sh gets it."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import yaml

from chart import (CHART, HELM, README, ROOT, SECRETS, helm,
                   kubernetes_faults, kubernetes_schemas, least, render,
                   template)

PDPD = pathlib.Path(os.environ.get("PDP_BIN", ROOT / "build/bin")) / "pdpd"
NOT_ALL_RUN = 77  # ctest then lists it among those that did not run.
LONG = 30.0  # Seconds that are never reached unless something is wrong.
NAME = "clinic-medplum-pdp"

# What a server says once it has taken its configuration.
TAKEN = re.compile('"event":"(source_not_ready|ready)"')

VERSIONS = ("1.27", "1.30", "1.37")
EXAMPLE = yaml.safe_load(
    re.search(r"```yaml\n(.*?)```", README.read_text(), re.S).group(1))

PEER = [{"podSelector": {"matchLabels": {"app": "x"}}}]
CERT_MANAGER = {"tls": {"source": "certManager", "existingSecret": "",
                        "certManager": {"issuerRef": {"name": "ca"}}}}
PLAIN = {"tls": {"source": "none", "existingSecret": ""}}
CLIENT_CA = {"tls": {"clientCa": {"existingSecret": "clients"}}}
ARCHIVE = {"archive": {"existingClaim": "archive"}}
DEPLOYMENT = {"workload": "Deployment", **ARCHIVE}
REST_HOOK = {
    "config": {"medplum": {"notifications": "rest_hook", "rest-hook": {
        "endpoint": "https://pdp.example.com",
        "secret-file": f"{SECRETS}/hook"}}},
    "networkPolicy": {"restHook": PEER}}
DIRECTORY = {
    "config": {"source": "directory:/etc/medplum-pdp/policies"},
    "policies": {"existingConfigMap": "policies"},
    "networkPolicy": {"medplum": {"to": []}}}
MONITORED = {
    "networkPolicy": {"prometheus": PEER},
    "monitoring": {name: {"enabled": True} for name in
                   ("serviceMonitor", "prometheusRule", "dashboard")}}
COMMAND = {"audit": {"archive-command": ["put"],
                     "archive-digest-command": ["digest"]}}

# Whatever has to be a whole chart.
MATRIX = {
    "the least": {},
    "the example of the README": EXAMPLE,
    "a Deployment with an archive": DEPLOYMENT,
    "a Deployment with an archive by command": {
        "workload": "Deployment", "config": COMMAND,
        "networkPolicy": {"archive": PEER}},
    "a Deployment that records as it can": {
        "workload": "Deployment", "config": {"audit-mode": "best_effort"}},
    "a StatefulSet with an archive": ARCHIVE,
    "cert-manager": CERT_MANAGER,
    "plain text behind a proxy": PLAIN,
    "certificates of clients": CLIENT_CA,
    "rest-hooks": REST_HOOK,
    "a directory of policies": DIRECTORY,
    "monitored": MONITORED,
    "autoscaling": {"autoscaling": {"enabled": True}},
    "tested by its status": {"tests": {"tokenKey": "operator"}},
    "no network policy": {"networkPolicy": {"enabled": False}},
    "callers by JWT": {
        "config": {"callers": [
            {"name": "a", "issuer": "https://i.example.com",
             "audience": "pdp", "jwks-url": "https://i.example.com/keys",
             "permissions": ["check"], "subjects": "any"}]},
        "networkPolicy": {"identityProviders": PEER}},
    "much of the configuration": {"config": {
        "mode": "strict", "stale-after": "1m", "max-staleness": "10m",
        "decision-reuse": "5s", "threads": 2, "max-bound-policies": 1000,
        "shadow": True, "reflection": True,
        "audit": {"fsync": "batch", "max-segment-bytes": 4294967296,
                  "medplum": {"enabled": True, "reads": "every",
                              "batch-size": 100}},
        "attributes": {"max-bytes": 68719476736,
                       "subscribed-types": ["Patient"]},
        "limits": {"message-bytes": 67108864, "calls-in-flight": 1000000,
                   "buffer-bytes": 68719476736, "connection-age": "30m"},
        "history": {"retention-days": 365},
        "sweep": {"interval": "30s", "full-interval": "10m"},
        "session-rules": [{"idle-timeout": "30m", "mfa": True}],
        "tenants": {"parameters": ["organization"]}}},
    "all about pods": {
        "image": {"digest": "sha256:" + "a" * 64},
        "imagePullSecrets": [{"name": "pull"}], "listenAddress": "[::]",
        "nodeSelector": {"disk": "fast"}, "priorityClassName": "high",
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}}, "podLabels": {"a": "b"},
        "podAnnotations": {"c": "d"}, "commonLabels": {"team": "e"},
        "topologySpread": {"zone": "off", "host": "off"},
        "storage": {"storageClassName": "fast", "size": "100Gi"},
        "service": {"annotations": {"a": "b"}, "port": 443},
        "serviceAccount": {"create": False, "name": "other"},
        "podDisruptionBudget": {"maxUnavailable": "30%"},
        "drainTimeoutSeconds": 60, "preStopSeconds": 10,
        "fullnameOverride": "pdp"},
}

# What is refused: the values, and what the refusal says.
REFUSED = {
    "records on what goes with the pod": (
        {"workload": "Deployment"},
        ["config.audit-mode is required", "workload: StatefulSet",
         "archive.existingClaim"]),
    "the same, written": (
        {"workload": "Deployment", "config": {"audit-mode": "required"}},
        ["config.audit-mode is required"]),
    "two archives": ({**ARCHIVE, "config": COMMAND}, ["name one of them"]),
    "no callers": ({"config": {"callers": []}}, ["nobody may ask"]),
    "no server and no login": (
        {"config": {"medplum": {"base-url": "", "login": []}}},
        ["config.medplum.base-url", "config.medplum.login"]),
    "a server that nothing gets to": (
        {"networkPolicy": {"medplum": {"to": []}}},
        ["networkPolicy.medplum.to"]),
    "a directory without policies": (
        {"config": {"source": "directory:/etc/medplum-pdp/policies"}},
        ["policies.existingConfigMap"]),
    "no certificate": ({"tls": {"existingSecret": ""}},
                       ["tls: gRPC is served with TLS"]),
    "no issuer": ({"tls": {"source": "certManager"}}, ["issuerRef.name"]),
    "certificates of clients in plain text": (
        {"tls": {"source": "none", "clientCa": {"existingSecret": "c"}}},
        ["not seen with tls.source: none"]),
    "a caller by certificate without authorities": (
        {"config": {"callers": [{"name": "a", "san": "dns:a",
                                 "permissions": ["check"]}]}},
        ["tls.clientCa.existingSecret"]),
    "keys that nothing gets to": (
        {"config": {"callers": [
            {"name": "a", "issuer": "i", "audience": "p",
             "jwks-url": "https://i/keys", "permissions": ["check"]}]}},
        ["networkPolicy.identityProviders"]),
    "files that are nowhere": ({"secrets": {"existingSecret": ""}},
                               ["secrets.existingSecret"]),
    "a scale upside down": (
        {"autoscaling": {"minReplicas": 9}}, ["minReplicas is more"]),
    "metrics that nothing reads": (
        {"monitoring": {"serviceMonitor": {"enabled": True}}},
        ["networkPolicy.prometheus"]),
    "a test without a certificate": (
        {**CLIENT_CA, "tests": {"tokenKey": "t"}}, ["tests.tokenKey"]),
    "a test that sends its token in plain text": (
        {**PLAIN, "tests": {"tokenKey": "t"}}, ["sends no token"]),
    "rest-hooks to nowhere": (
        {"config": {"medplum": {"notifications": "rest_hook"}}},
        ["config.medplum.rest-hook"]),
    "what the schema refuses": ({"runAsId": 0}, ["/runAsId"]),
}

_SKIPPED = []


def needs(present, what):
    """Skips without `what`, and says so at the end, too."""
    if not present and what not in _SKIPPED:
        _SKIPPED.append(what)
    return unittest.skipUnless(present, what)


def workload(objects):
    return next(o for (kind, _), o in objects.items()
                if kind in ("StatefulSet", "Deployment"))


def pod_spec(objects):
    return workload(objects)["spec"]["template"]["spec"]


def configuration_text(objects):
    return next(o["data"]["pdpd.yaml"] for o in objects.values()
                if "pdpd.yaml" in o.get("data", {}))


def configuration(objects):
    return yaml.safe_load(configuration_text(objects))


@needs(HELM, "helm is not here: the chart was NOT rendered")
class Rendered(unittest.TestCase):
    def test_lint_has_nothing_to_say(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "values.yaml"
            path.write_text(json.dumps(least()))
            done = helm("lint", "--strict", str(CHART), "--values", str(path),
                        "--kube-version", "1.30.0")
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertNotIn("[WARNING]", done.stdout)
        self.assertNotIn("[ERROR]", done.stdout)

    def test_the_matrix_is_what_kubernetes_takes(self):
        schemas = {version: kubernetes_schemas(version)
                   for version in VERSIONS}
        for name, changes in MATRIX.items():
            with self.subTest(name):
                objects = render(least(changes))
                for thing in objects.values():
                    for version, definitions in schemas.items():
                        if definitions is None:
                            continue
                        found = kubernetes_faults(definitions, thing)
                        if found is None:
                            self.assertRegex(thing["apiVersion"],
                                             r"^(monitoring\.coreos\.com|"
                                             r"cert-manager\.io)/v1$")
                        self.assertFalse(found, version)

    @needs(kubernetes_schemas(VERSIONS[0]),
           "the schemas of Kubernetes are not here: NOT compared with them")
    def test_kubernetes_refuses_what_is_wrong(self):
        thing = workload(render(least()))
        thing["spec"]["template"]["spec"]["containers"][0]["imagePull"] = "x"
        for version in VERSIONS:
            self.assertTrue(kubernetes_faults(kubernetes_schemas(version),
                                              thing))

    def test_values_that_do_not_go_together_are_refused_in_words(self):
        for name, (changes, words) in REFUSED.items():
            with self.subTest(name):
                done = template(least(changes))
                self.assertNotEqual(0, done.returncode)
                for word in words:
                    self.assertIn(word, done.stderr)

    def test_every_pod_has_no_rights(self):
        for name, changes in MATRIX.items():
            with self.subTest(name):
                objects = render(least(changes))
                pods = [pod_spec(objects)] + [
                    o["spec"] for (kind, _), o in objects.items()
                    if kind == "Pod"]
                self.assertEqual(2, len(pods))
                for pod in pods:
                    self.assert_without_rights(pod)

    def assert_without_rights(self, pod):
        self.assertIs(False, pod["automountServiceAccountToken"])
        self.assertNotIn("hostNetwork", pod)
        self.assertEqual(
            {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532,
             "fsGroup": 65532, "fsGroupChangePolicy": "OnRootMismatch",
             "seccompProfile": {"type": "RuntimeDefault"}},
            pod["securityContext"])
        for container in pod["containers"]:
            self.assertEqual(
                {"allowPrivilegeEscalation": False, "privileged": False,
                 "readOnlyRootFilesystem": True, "runAsNonRoot": True,
                 "capabilities": {"drop": ["ALL"]}},
                container["securityContext"])
            self.assertIn("memory", container["resources"]["limits"])
        for volume in pod.get("volumes", []):
            self.assertNotIn("hostPath", volume)

    def test_selectors_find_servers_and_not_the_test(self):
        objects = render(least(MONITORED))
        server = workload(objects)["spec"]["template"]["metadata"]["labels"]
        test = objects["Pod", f"{NAME}-test"]["metadata"]["labels"]
        selectors = [
            workload(objects)["spec"]["selector"]["matchLabels"],
            objects["NetworkPolicy", NAME]["spec"]["podSelector"][
                "matchLabels"],
            objects["PodDisruptionBudget", NAME]["spec"]["selector"][
                "matchLabels"],
            *(o["spec"]["selector"] for (kind, _), o in objects.items()
              if kind == "Service")]
        self.assertEqual(5, len(selectors))
        for selector in selectors:
            self.assertLessEqual(selector.items(), server.items())
            self.assertFalse(selector.items() <= test.items())

    def test_probes_speak_what_a_kubelet_speaks(self):
        for changes, readiness in [
                ({}, {"httpGet": {"path": "/readyz", "port": "http"}}),
                (PLAIN, {"grpc": {"port": 8990}})]:
            container = pod_spec(render(least(changes)))["containers"][0]
            self.assertLessEqual(readiness.items(),
                                 container["readinessProbe"].items())
            for probe in ("startupProbe", "livenessProbe"):
                self.assertEqual({"path": "/livez", "port": "http"},
                                 container[probe]["httpGet"])

    def test_a_pod_has_the_time_to_drain(self):
        objects = render(least({"drainTimeoutSeconds": 50,
                                "preStopSeconds": 7}))
        pod = pod_spec(objects)
        self.assertEqual(["sleep", "7"], pod["containers"][0]["lifecycle"][
            "preStop"]["exec"]["command"])
        self.assertEqual("50s", configuration(objects)["drain-timeout"])
        self.assertGreater(pod["terminationGracePeriodSeconds"], 57)

    def test_a_statefulset_keeps_its_volumes_and_a_deployment_has_none(self):
        stateful = workload(render(least()))["spec"]
        self.assertEqual({"whenDeleted": "Retain", "whenScaled": "Retain"},
                         stateful["persistentVolumeClaimRetentionPolicy"])
        self.assertEqual(["data"], [c["metadata"]["name"] for c in
                                    stateful["volumeClaimTemplates"]])
        self.assertEqual(f"{NAME}-headless", stateful["serviceName"])
        objects = render(least(DEPLOYMENT))
        self.assertNotIn("volumeClaimTemplates", workload(objects)["spec"])
        self.assertIn({"name": "data", "emptyDir": {"sizeLimit": "10Gi"}},
                      pod_spec(objects)["volumes"])

    def test_each_replica_has_an_archive_of_its_own(self):
        objects = render(least(ARCHIVE))
        mounts = pod_spec(objects)["containers"][0]["volumeMounts"]
        archive = next(m for m in mounts if m["name"] == "archive")
        self.assertEqual("$(POD_NAME)", archive["subPathExpr"])
        self.assertEqual(
            archive["mountPath"],
            configuration(objects)["audit"]["archive-directory"])

    def test_every_volume_is_there_and_every_file_is_mounted(self):
        for name, changes in MATRIX.items():
            with self.subTest(name):
                objects = render(least(changes))
                pod = pod_spec(objects)
                there = {v["name"] for v in pod["volumes"]} | {
                    c["metadata"]["name"] for c in
                    workload(objects)["spec"].get("volumeClaimTemplates", [])}
                mounts = pod["containers"][0]["volumeMounts"]
                self.assertEqual(there, {m["name"] for m in mounts})
                text = configuration_text(objects)
                for path in re.findall(
                        r"/(?:etc|var/lib|run)/medplum-pdp[-\w./]*", text):
                    self.assertTrue(
                        [m for m in mounts
                         if (path + "/").startswith(m["mountPath"] + "/")],
                        path)

    def test_a_change_of_the_configuration_is_a_new_pod(self):
        def checksum(changes):
            return workload(render(least(changes)))["spec"]["template"][
                "metadata"]["annotations"]["checksum/config"]

        self.assertEqual(checksum({}), checksum({"replicas": 5}))
        self.assertNotEqual(checksum({}),
                            checksum({"config": {"mode": "parity"}}))

    def test_autoscaling_owns_the_number_of_replicas(self):
        self.assertEqual(2, workload(render(least()))["spec"]["replicas"])
        objects = render(least({"autoscaling": {"enabled": True}}))
        self.assertNotIn("replicas", workload(objects)["spec"])
        scaler = objects["HorizontalPodAutoscaler", NAME]["spec"]
        self.assertEqual(workload(objects)["kind"],
                         scaler["scaleTargetRef"]["kind"])

    def test_nothing_else_gets_in_or_out(self):
        for name, changes in MATRIX.items():
            with self.subTest(name):
                objects = render(least(changes))
                policies = [o["spec"] for (kind, _), o in objects.items()
                            if kind == "NetworkPolicy"]
                self.assertEqual(0 if name == "no network policy" else 1,
                                 len(policies))
                for policy in policies:
                    self.assertEqual(["Ingress", "Egress"],
                                     policy["policyTypes"])
                    for rule in policy["ingress"]:
                        self.assertTrue(rule["from"] and rule["ports"])
                    for rule in policy["egress"]:
                        self.assertTrue(rule["to"] and rule["ports"])

    def test_network_policy_names_callers_medplum_prometheus_and_dns(self):
        def ports(rules):
            return sorted(p["port"] for r in rules for p in r["ports"])

        closed = {"networkPolicy": {"callers": [], "dns": []}}
        for changes, ingress, egress in [
                ({}, [8990, 8990, 8991], [53, 53, 443]),
                (closed, [8990, 8991], [443]),
                (MONITORED, [8990, 8990, 8991, 8991], [53, 53, 443]),
                (REST_HOOK, [8990, 8990, 8991, 8992], [53, 53, 443]),
                ({"networkPolicy": {"medplum": {"port": 8103}}},
                 [8990, 8990, 8991], [53, 53, 8103]),
                ({"networkPolicy": {"identityProviders": PEER}},
                 [8990, 8990, 8991], [53, 53, 443, 443]),
                (DIRECTORY, [8990, 8990, 8991], [53, 53])]:
            policy = render(least(changes))["NetworkPolicy", NAME]["spec"]
            self.assertEqual(ingress, ports(policy["ingress"]))
            self.assertEqual(egress, ports(policy["egress"]))

    def test_alerts_and_dashboard_are_those_of_the_files(self):
        objects = render(least(MONITORED))
        self.assertEqual(
            yaml.safe_load((CHART / "files/alerts.yaml").read_text()),
            objects["PrometheusRule", NAME]["spec"])
        self.assertEqual(
            json.loads((CHART / "files/dashboard.json").read_text()),
            json.loads(objects["ConfigMap", f"{NAME}-dashboard"]["data"][
                "medplum-pdp.json"]))
        endpoint = objects["ServiceMonitor", NAME]["spec"]["endpoints"][0]
        headless = objects["Service", f"{NAME}-headless"]
        self.assertIn(endpoint["port"],
                      [p["name"] for p in headless["spec"]["ports"]])
        wanted = objects["ServiceMonitor", NAME]["spec"]["selector"][
            "matchLabels"]
        monitored = [name for (kind, name), o in objects.items()
                     if kind == "Service" and
                     wanted.items() <= o["metadata"]["labels"].items()]
        self.assertEqual([f"{NAME}-headless"], monitored)

    def test_a_certificate_has_the_names_of_the_services(self):
        objects = render(least(CERT_MANAGER))
        spec = objects["Certificate", NAME]["spec"]
        for service in (NAME, f"{NAME}-headless"):
            self.assertIn(f"{service}.pdp.svc", spec["dnsNames"])
        self.assertIn(spec["secretName"], [
            v["secret"]["secretName"] for v in pod_spec(objects)["volumes"]
            if v["name"] == "tls"])

    def test_plain_text_is_said_to_the_server_only_where_it_was_asked_for(
            self):
        for name, changes in MATRIX.items():
            objects = render(least(changes))
            text = configuration_text(objects)
            self.assertEqual(name == "plain text behind a proxy",
                             "allow-plaintext" in text, name)

    def test_notes_warn_of_what_is_lost(self):
        def notes(changes):
            with tempfile.TemporaryDirectory() as directory:
                chart = pathlib.Path(directory) / "chart"
                shutil.copytree(CHART, chart)
                # Helm shows notes only when it installs.
                text = (chart / "templates/NOTES.txt").read_text()
                (chart / "templates/_notes.tpl").write_text(
                    '{{- define "notes" }}' + text + "{{ end }}")
                (chart / "templates/notes.yaml").write_text(
                    "apiVersion: v1\nkind: ConfigMap\n"
                    "metadata: {name: notes}\n"
                    'data: {text: {{ include "notes" . | toJson }}}\n')
                return render(least(changes), chart)["ConfigMap", "notes"][
                    "data"]["text"]

        least_notes = notes({})
        self.assertIn("clinic-medplum-pdp.pdp.svc:8990", least_notes)
        self.assertIn("18 of\nthem", least_notes)
        self.assertNotIn("WARNING", least_notes)
        self.assertNotIn("18 of", notes({"replicas": 1}))
        self.assertIn("WARNING: with workload: Deployment", notes(DEPLOYMENT))
        self.assertIn("WARNING: gRPC is plain text", notes(PLAIN))
        self.assertIn("WARNING: no decision is recorded",
                      notes({"config": {"audit-mode": "off"}}))


@needs(HELM and PDPD.exists(), "helm or pdpd is not here: NOT shown that the "
       "server takes the configuration")
class Served(unittest.TestCase):
    def serve(self, text):
        """Starts a server by this configuration, below a directory of its own
        where all files are that it names, and ends it as soon as it has taken
        the configuration.  Returns its exit code and what it said."""
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            config = root / "pdpd.yaml"
            config.write_text(self.moved(text, root))
            log = root / "log"
            with log.open("wb") as out:
                process = subprocess.Popen(
                    [PDPD, "--config", config], stdin=subprocess.DEVNULL,
                    stdout=out, stderr=out)
            try:
                end = time.monotonic() + LONG
                while process.poll() is None and time.monotonic() < end:
                    if TAKEN.search(log.read_text()):
                        break
                    time.sleep(0.05)
                process.terminate()
                return process.wait(LONG), log.read_text()
            finally:
                process.kill()
                process.wait()

    def moved(self, text, root):
        for place in ("etc/medplum-pdp", "var/lib/medplum-pdp",
                      "run/medplum-pdp"):
            text = text.replace(f"/{place}", f"{root}/{place}")
            (root / place).mkdir(parents=True)
        # Any port, and no IPv6, which a machine may be without.
        text = re.sub(r"(0\.0\.0\.0|\[::\]):899\d\b", "0.0.0.0:0", text)
        etc = root / "etc/medplum-pdp"
        for name in ("secrets", "tls", "clients", "policies"):
            (etc / name).mkdir()
        for path in re.findall(rf"{etc}/secrets/[-\w.]+", text):
            pathlib.Path(path).write_text("0" * 64 + "\n")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
             "/CN=pdp", "-keyout", etc / "tls/tls.key", "-out",
             etc / "tls/tls.crt"], check=True, capture_output=True)
        shutil.copy(etc / "tls/tls.crt", etc / "clients/ca.crt")
        return text

    def test_the_server_takes_what_the_chart_writes(self):
        # Nobody answers there, and nobody is asked before all is taken.
        nowhere = {"base-url": "https://127.0.0.1:1/"}
        for name, changes in MATRIX.items():
            with self.subTest(name):
                values = least(changes)
                values["config"]["medplum"].update(nowhere)
                code, said = self.serve(configuration_text(render(values)))
                self.assertEqual(0, code, said)
                self.assertRegex(said, TAKEN)

    def test_the_server_refuses_what_is_wrong(self):
        text = configuration_text(render(least()))
        code, said = self.serve(text + "\nno-such-key: 1\n")
        self.assertEqual(2, code, said)


if __name__ == "__main__":
    program = unittest.main(verbosity=2, exit=False)
    for missing in _SKIPPED:
        print(f"*** SKIPPED: {missing} (tests/helm/get_tools.sh gets it)")
    if not program.result.wasSuccessful():
        sys.exit(1)
    sys.exit(NOT_ALL_RUN if _SKIPPED else 0)
