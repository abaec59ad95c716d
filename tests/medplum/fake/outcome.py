"""The answers of the server that are no resources: OperationOutcomes."""

import json
import uuid

TRACING = "https://medplum.com/fhir/StructureDefinition/tracing"

# By name: HTTP status, severity, code, text.
KNOWN = {
    "ok": (200, "information", "informational", "All OK"),
    "accepted": (202, "information", "informational", "Accepted"),
    "unauthorized": (401, "error", "login", "Unauthorized"),
    "forbidden": (403, "error", "forbidden", "Forbidden"),
    "not-found": (404, "error", "not-found", "Not found"),
    "gone": (410, "error", "deleted", "Gone"),
    "precondition-failed": (412, "error", "processing", "Precondition Failed"),
    "too-many-requests": (429, "error", "throttled", "Too Many Requests"),
}


class Outcome(Exception):
    """An answer other than the one asked for."""

    def __init__(self, name=None, *, status=400, text=None, code="invalid"):
        super().__init__(name or text)
        self.name = name
        severity = "error"
        if name:
            status, severity, code, known_text = KNOWN[name]
            text = text or known_text
        self.status = status
        self.issue = {
            "severity": severity,
            "code": code,
            "details": {"text": text},
        }

    def as_resource(self):
        trace = [
            {"url": "requestId", "valueId": str(uuid.uuid4())},
            {"url": "traceId", "valueId": str(uuid.uuid4())},
        ]
        resource = {"resourceType": "OperationOutcome"}
        if self.name:
            resource["id"] = self.name
        resource["issue"] = [self.issue]
        resource["extension"] = [{"url": TRACING, "extension": trace}]
        return resource


def bad_request(text, code="invalid"):
    return Outcome(status=400, text=text, code=code)


def dumps(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
