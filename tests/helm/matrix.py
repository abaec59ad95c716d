"""Values of the chart: what has to be a whole chart, and what is refused.

All are changes of the least that a user writes (chart.least).
"""

import re

import yaml

from chart import README, SECRETS

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
    "replicas that begin with a checkpoint": {
        "checkpoint": {"existingClaim": "checkpoint"}},
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
    "rest-hooks to nowhere and from nobody": (
        {"config": {"medplum": {"notifications": "rest_hook"}}},
        ["config.medplum.rest-hook", "networkPolicy.restHook"]),
    "an archive that nothing gets to": ({"config": COMMAND},
                                        ["networkPolicy.archive"]),
    "what the schema refuses": ({"runAsId": 0}, ["/runAsId"]),
    # Helm takes null for "without this value".
    "no word of a network policy": (
        {"networkPolicy": {"enabled": None}}, ["missing property 'enabled'"]),
    "no word of a user": ({"runAsId": None}, ["missing property 'runAsId'"]),
    "no word of TLS": ({"tls": None}, ["missing property 'tls'"]),
    "no memory limit": ({"resources": {"limits": {"memory": None}}},
                        ["missing property 'memory'"]),
}
