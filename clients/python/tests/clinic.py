"""The sample clinic of docs/security/access-policies."""

import json

from pdpd import ROOT

CLINIC = ROOT / "docs/security/access-policies"


def resources(resource_type):
    """Of the sample clinic."""
    found = []
    for path in sorted(CLINIC.rglob("*.json")):
        entries = json.loads(path.read_text())
        for entry in entries.get("entry", [{"resource": entries}]):
            if entry["resource"]["resourceType"] == resource_type:
                found.append(entry["resource"])
    return found
