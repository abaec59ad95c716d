"""AuditEvents as the decision point may write them: the one batch that it may
send, and what is wrong with one."""

import json
import re

SYSTEM = "urn:medplum-pdp:audit"
REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
# Of FHIR R4; those in capitals are required.
EVENT = {"RESOURCETYPE", "META", "TYPE", "subtype", "ACTION", "period",
         "RECORDED", "OUTCOME", "outcomeDesc", "purposeOfEvent", "AGENT",
         "SOURCE", "entity"}
AGENT = {"TYPE", "who", "altId", "REQUESTOR", "policy", "network",
         "purposeOfUse"}
ENTITY = {"what", "TYPE", "role", "name", "detail"}


def faults_of_batch(body):
    """What is wrong with a request to `/fhir/R4`; [] where it is a batch of
    conditional creates of AuditEvents."""
    try:
        bundle = json.loads(body)
    except ValueError:
        return ["not JSON"]
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "batch":
        return ["not a batch"]
    faults = []
    for entry in bundle.get("entry", []):
        faults += faults_of_entry(entry)
    return faults


def faults_of_entry(entry):
    request, event = entry.get("request", {}), entry.get("resource", {})
    if (request.get("method"), request.get("url")) != ("POST", "AuditEvent"):
        return [f"{request.get('method')} {request.get('url')}"]
    tags = [tag for tag in event.get("meta", {}).get("tag", ())
            if tag.get("system") == SYSTEM]
    if len(tags) != 1 or request.get("ifNoneExist") != \
            f"_tag={SYSTEM}%7C{tags[0]['code']}":
        return ["not created under the condition of its identity"]
    return faults_of_event(event)


def faults_of_event(event):
    faults = []

    def must(holds, what):
        if not holds:
            faults.append(f"{what}: {json.dumps(event)}")
    must(event.get("resourceType") == "AuditEvent", "resourceType")
    must(fits(event, EVENT), "elements")
    must(set(event["meta"]) <= {"tag", "project"}, "meta")
    must(event["outcome"] in ("0", "4", "8", "12"), "outcome")
    must(event["action"] in ("C", "R", "U", "D", "E"), "action")
    must(INSTANT.fullmatch(event["recorded"]), "recorded")
    must(fits(event["source"], {"OBSERVER", "TYPE"}), "source")
    must(event["agent"], "an agent")
    must(sum(agent["requestor"] for agent in event["agent"]) == 1,
         "one requestor")
    for agent in event["agent"]:
        must(fits(agent, AGENT), "agent")
    for entity in event.get("entity", ()):
        must(fits(entity, ENTITY), "entity")
        for detail in entity.get("detail", ()):
            must(set(detail) == {"type", "valueString"}, "detail")
    for reference in references(event):
        must(REFERENCE.fullmatch(reference), f"reference {reference}")
    return faults


def fits(element, names):
    required = {camel(name) for name in names if name.isupper()}
    allowed = {name for name in names if not name.isupper()} | required
    return required <= set(element) <= allowed


def camel(name):
    return {"RESOURCETYPE": "resourceType"}.get(name, name.lower())


def references(element):
    if isinstance(element, dict):
        for name, value in element.items():
            if name == "reference":
                yield value
            else:
                yield from references(value)
    elif isinstance(element, list):
        for item in element:
            yield from references(item)
