#!/usr/bin/env python3
"""The chart as helm renders it, against the schemas of Kubernetes.  What is not
there is said at the end; get_tools.sh gets it."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

from chart import (CHART, HELM, NAME, README, configuration,
                   configuration_text, helm, kubernetes_faults,
                   kubernetes_schemas, least, needs, pod_spec, render,
                   run_tests, template, workload)
from matrix import (ARCHIVE, CERT_MANAGER, DEPLOYMENT, DIRECTORY, MATRIX,
                    MONITORED, PEER, PLAIN, REFUSED, REST_HOOK)

# Of Kubernetes: the first that the chart is for, and the last known.
VERSIONS = ("1.27", "1.30", "1.37")


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

    def test_a_checkpoint_is_read_and_never_written(self):
        objects = render(least({"checkpoint": {"existingClaim": "seeds"}}))
        pod = pod_spec(objects)
        mount, = (m for m in pod["containers"][0]["volumeMounts"]
                  if m["name"] == "checkpoint")
        self.assertTrue(mount["readOnly"])
        self.assertEqual(mount["mountPath"] + "/current",
                         configuration(objects)["bootstrap-from"])
        self.assertNotIn("bootstrap-from", configuration(render(least())))

    def test_clients_look_for_new_replicas_now_and_then(self):
        def age(changes):
            limits = configuration(render(least(changes)))["limits"]
            return limits["connection-age"]

        self.assertEqual("10m", age({}))
        self.assertEqual("10m", age({"config": {
            "limits": {"batch-items": 10}}}))
        self.assertEqual("1h", age({"config": {
            "limits": {"connection-age": "1h"}}}))

    def test_records_of_a_deployment_go_to_the_archive_soon(self):
        def age(changes):
            audit = configuration(render(least(changes))).get("audit", {})
            return audit.get("max-segment-age")

        self.assertEqual("1m", age(DEPLOYMENT))
        self.assertEqual("5m", age({**DEPLOYMENT, "config": {
            "audit": {"max-segment-age": "5m"}}}))
        self.assertIsNone(age(ARCHIVE))

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

    @unittest.skipUnless(shutil.which("kubectl"), "kubectl is not here")
    def test_commands_of_the_readme_make_what_its_values_name(self):
        text = README.read_text()
        commands = re.findall(r"^    (?:kubectl|helm)(?:.*\\\n)*.*$", text,
                              re.M)
        self.assertEqual(4, len(commands))
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for name in ("client-secret", "gateway-token", "operator-token"):
                (root / name).write_text("0" * 64)
            (root / "values.yaml").write_text(
                re.search(r"```yaml\n(.*?)```", text, re.S).group(1))
            (root / "helm").symlink_to(CHART.parent)
            # No cluster is asked; `helm test` takes one, and is in
            # chart_served_test.py.
            script = f"""
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=pdp \\
    -keyout tls.key -out tls.crt 2>openssl.log
kubectl() {{ command kubectl "$@" --dry-run=client -o yaml; echo ---; }}
helm() {{
  [[ $1 == test ]] && return
  "{HELM}" template "${{@:2}}" --kube-version 1.30.0
}}
""" + "\n".join(commands)
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script], cwd=root,
                capture_output=True, text=True, timeout=60, check=False,
                env={**os.environ, "KUBECONFIG": os.devnull})
            self.assertEqual(0, done.returncode, done.stderr)
        objects = [o for o in yaml.safe_load_all(done.stdout) if o]
        files = {f"/etc/medplum-pdp/secrets/{key}" for o in objects
                 if o["metadata"]["name"] == "pdp-secrets"
                 for key in o["data"]}
        named = set(re.findall(r"/etc/medplum-pdp/secrets/[-\w]+", next(
            o["data"]["pdpd.yaml"] for o in objects
            if "pdpd.yaml" in o.get("data", {}))))
        self.assertEqual(3, len(named))
        self.assertEqual(files, named)

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


if __name__ == "__main__":
    run_tests()
