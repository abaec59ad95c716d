"""The chart, and the tools that render and check it where they are there."""

import copy
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest
import zipfile

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/medplum-pdp"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES_TEXT = (CHART / "values.yaml").read_text()
README = CHART / "README.md"

TOOLS = pathlib.Path(os.environ.get("PDP_HELM_TOOLS") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache",
    "medplum-pdp"))
HELM = shutil.which("helm") or shutil.which("helm", path=TOOLS)
NOT_ALL_RUN = 77  # ctest then lists it among those that did not run.
NAME = "clinic-medplum-pdp"  # Of the objects of release `clinic`.
SECRETS = "/etc/medplum-pdp/secrets"

# The least that a user writes.
LEAST = yaml.safe_load(f"""
secrets: {{existingSecret: pdp-secrets}}
tls: {{existingSecret: pdp-tls}}
networkPolicy:
  medplum: {{to: [{{ipBlock: {{cidr: 203.0.113.7/32}}}}]}}
config:
  callers:
    - name: gateway
      token-file: {SECRETS}/gateway-token
      permissions: [check, filter]
      subjects: token
  medplum:
    base-url: https://api.example.com/
    login:
      - project: 9d7f3a52-6d5c-4b1c-8d86-3c2f1c2f9d10
        client-id: 5a0b2f0e-8f0e-4a57-9f6e-1c1d4a3a7c11
        client-secret-file: {SECRETS}/medplum-client
""")


def values():
    return yaml.safe_load(VALUES_TEXT)


def merged(base, changes):
    """As helm merges values: mappings by key, all else replaced."""
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return copy.deepcopy(changes)
    return {key: merged(base.get(key), changes[key]) if key in changes
            else copy.deepcopy(base[key])
            for key in [*base, *(k for k in changes if k not in base)]}


def least(changes=None):
    return merged(LEAST, changes or {})


def faults(all_values):
    """What values.schema.json has against them."""
    validator = jsonschema.Draft7Validator(SCHEMA)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
            for error in validator.iter_errors(all_values)]


def helm(*arguments, **options):
    return subprocess.run(
        [HELM, *arguments], capture_output=True, text=True, timeout=60,
        check=False, env={**os.environ, "KUBECONFIG": os.devnull}, **options)


def template(some_values, chart=CHART):
    """`helm template`, as it ended."""
    return helm("template", "clinic", str(chart), "--namespace", "pdp",
                "--kube-version", "1.30.0", "--values", "-",
                input=json.dumps(some_values))


@functools.cache
def _rendered(text, chart):
    done = template(json.loads(text), chart)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    objects = [o for o in yaml.safe_load_all(done.stdout) if o]
    return {(o["kind"], o["metadata"]["name"]): o for o in objects}


def render(some_values, chart=CHART):
    """The objects by kind and name.  Raises AssertionError where there are
    none."""
    return copy.deepcopy(_rendered(json.dumps(some_values), chart))


def kubernetes_schemas(version):
    """The definitions of Kubernetes `1.N`, strict; None where they are not
    there."""
    for wheel in sorted(TOOLS.glob("kubernetes_validate-*.whl")):
        name = ("kubernetes_validate/kubernetes-json-schema/"
                f"v{version}.0-local-strict/_definitions.json")
        with zipfile.ZipFile(wheel) as archive:
            if name in archive.namelist():
                return json.loads(archive.read(name))
    return None


def kubernetes_faults(definitions, thing):
    """What Kubernetes has against an object; None where it is of a kind that
    Kubernetes itself does not have."""
    group, _, version = thing["apiVersion"].rpartition("/")
    wanted = {"group": group, "kind": thing["kind"], "version": version}
    for name, definition in definitions["$defs"].items():
        if wanted in definition.get("x-kubernetes-group-version-kind", []):
            validator = jsonschema.Draft202012Validator(
                {**definitions, "$ref": f"#/$defs/{name}"})
            return [f"{thing['kind']} "
                    f"{'.'.join(map(str, error.absolute_path))}: "
                    f"{error.message}"
                    for error in validator.iter_errors(thing)]
    return None


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


_SKIPPED = []


def needs(present, what):
    """Skips without `what`, and says so at the end, too."""
    if not present and what not in _SKIPPED:
        _SKIPPED.append(what)
    return unittest.skipUnless(present, what)


def run_tests():
    """Runs those of the program, and ends it."""
    program = unittest.main(verbosity=2, exit=False)
    for missing in _SKIPPED:
        print(f"*** SKIPPED: {missing} (tests/helm/get_tools.sh gets it)")
    if not program.result.wasSuccessful():
        sys.exit(1)
    sys.exit(NOT_ALL_RUN if _SKIPPED else 0)
