"""What is asked, of whom: resources for pdpd, and serialized requests for each
server that is compared."""

import json
import os
import pathlib
import sys

from servers import ROOT

sys.path.insert(0, os.environ.get("PDP_PYTHON", str(ROOT / "build/python")))

from medplum.pdp.v1 import decision_pb2 as decision  # noqa: E402
from medplum.pdp.v1 import types_pb2 as types  # noqa: E402

PROJECT = "10000000-0000-4000-8000-000000000001"
PATIENT = "6513270e-269e-4d37-b2a7-4de452e6b438"
ORGANIZATION = "Organization/d23f0824-128b-4f33-8c5c-7fd0a6a3a450"
OTHER_ORGANIZATIONS = ["Organization/00000000-0000-4000-8000-000000000000",
                       "Organization/11111111-0000-4000-8000-000000000000"]
PRACTITIONER = "Practitioner/2d2e1c44-5a9f-4a6f-9d6a-2f1f6f0b7a55"
MEMBER = "ProjectMembership/30000000-0000-4000-8000-000000000001"
# Whose access items are as Cerbos is told them.
MEMBER_OF_THREE = "ProjectMembership/30000000-0000-4000-8000-000000000003"
PDP = "/medplum.pdp.v1.PolicyDecisionPoint/"
ECHO = "/pdp.bench.Echo/"
CERBOS = "/cerbos.svc.v1.CerbosService/"


def patient(bytes_wanted=3000):
    """A Patient whose JSON is of about that length."""
    resource = {
        "resourceType": "Patient", "id": PATIENT,
        "meta": {"versionId": "4f1d4f6e-0c44-4d1f-9d8f-0a3b5c7d9e01",
                 "project": PROJECT,
                 "lastUpdated": "2026-01-02T10:15:30.000Z",
                 "compartment": [{"reference": f"Project/{PROJECT}"},
                                 {"reference": f"Patient/{PATIENT}"}]},
        "identifier": [{"system": "urn:oid:1.2.36.146.595.217.0.1",
                        "value": "12345"}],
        "active": True, "gender": "female", "birthDate": "1974-12-25",
        "name": [{"use": "official", "family": "Doe",
                  "given": ["Jane", "Quincy"]}],
        "managingOrganization": {"reference": ORGANIZATION},
    }
    addresses = []
    resource["address"] = addresses
    while len(json.dumps(resource, separators=(",", ":"))) < bytes_wanted:
        addresses.append({
            "use": "home", "type": "both", "city": "PleasantVille",
            "line": [f"{len(addresses)} Erewhon St"], "district": "Rainbow",
            "state": "Vic", "postalCode": "3999",
            "period": {"start": "1974-12-25"}})
    return resource


def with_meta(resource_type, id, **elements):
    return {"resourceType": resource_type, "id": id,
            "meta": {"project": PROJECT, "versionId": "1"}, **elements}


def membership(reference, **elements):
    return with_meta("ProjectMembership", reference.partition("/")[2],
                     project={"reference": f"Project/{PROJECT}"},
                     user={"reference": f"User/{reference[-4:]}"},
                     profile={"reference": PRACTITIONER}, **elements)


def entry(resource_type, organization):
    criteria = {"Patient": "Patient?organization=",
                "Task": "Task?owner="}.get(resource_type)
    return {"resourceType": resource_type,
            "interaction": ["read", "search", "update"],
            **({"criteria": criteria + organization} if criteria else {})}


def write_clinic(directory):
    """A member by a policy of five entries, and one with three organizations.
    """
    types_granted = ["Task", "Observation", "Encounter", "Patient", "Condition"]
    resources = [
        with_meta("Project", PROJECT),
        with_meta("AccessPolicy", "five", name="Five entries", resource=[
            entry(name, ORGANIZATION) for name in types_granted]),
        with_meta("AccessPolicy", "one", name="Of an organization",
                  resource=[entry("Patient", "%organization")]),
        membership(MEMBER, accessPolicy={"reference": "AccessPolicy/five"}),
        membership(MEMBER_OF_THREE, access=[
            {"policy": {"reference": "AccessPolicy/one"},
             "parameter": [{"name": "organization",
                            "valueReference": {"reference": organization}}]}
            for organization in [*OTHER_ORGANIZATIONS, ORGANIZATION]]),
        patient()]
    for number in range(1000):
        other = patient(600)
        other["id"] = numbered_patient(number)
        other["meta"]["compartment"][1]["reference"] = f"Patient/{other['id']}"
        resources.append(other)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "clinic.json").write_text(json.dumps(
        {"resourceType": "Bundle", "type": "collection",
         "entry": [{"resource": r} for r in resources]}), encoding="utf-8")


def numbered_patient(number):
    return f"6513270e-269e-4d37-b2a7-4de452e6{number:04d}"


def check(member=MEMBER, body=None, id=PATIENT):
    resource = types.Resource(type="Patient", id=id)
    if body is not None:
        resource.body = compact(body)
    return decision.CheckRequest(
        subject=types.Subject(reference=member),
        context=types.Context(purpose_of_use="TREAT"),
        interaction=types.INTERACTION_READ, resource=resource)


def batch(count, member=MEMBER):
    return decision.BatchCheckRequest(
        subject=types.Subject(reference=member), items=[
            decision.BatchCheckItem(
                interaction=types.INTERACTION_READ, resource=types.Resource(
                    type="Patient", id=numbered_patient(number)))
            for number in range(count)])


def stream_message():
    return decision.CheckStreamRequest(id=1, check=check())


def search_filter(member=MEMBER):
    return decision.FilterRequest(
        subject=types.Subject(reference=member), resource_type="Patient",
        query="active=true")


def compact(resource):
    return json.dumps(resource, separators=(",", ":")).encode("utf-8")


# ---- messages of the other servers, by their field numbers


def field(number, value):
    if isinstance(value, str):
        value = value.encode("utf-8")
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def echo_check(body=None):
    message = (field(1, PRACTITIONER) + field(2, "read") + field(3, "Patient")
               + field(4, PATIENT))
    if body is not None:
        message += field(5, compact(body))
    return (message + field(6, field(1, "purpose") + field(2, "TREAT"))
            + field(6, field(1, "org") + field(2, ORGANIZATION)))


def echo_batch(count):
    return field(1, echo_check()) * count


def cerbos_entry(name, value):
    """An entry of a map of attributes: a string, or a list of them."""
    if isinstance(value, list):
        inner = field(6, b"".join(field(1, field(3, v)) for v in value))
    else:
        inner = field(3, value)
    return field(1, name) + field(2, inner)


def cerbos_principal():
    """A practitioner of three organizations."""
    attribute = cerbos_entry("organizations",
                             [*OTHER_ORGANIZATIONS, ORGANIZATION])
    return field(3, field(1, PRACTITIONER) + field(3, "practitioner")
                 + field(4, attribute))


def cerbos_check(ids):
    """CheckResources: may they read these Patients of ORGANIZATION?"""
    items = b""
    for id in ids:
        resource = (field(1, "Patient") + field(3, id) + field(
            4, cerbos_entry("organization", ORGANIZATION)))
        items += field(4, field(1, "read") + field(2, resource))
    return field(1, "r1") + cerbos_principal() + items


def cerbos_plan():
    """PlanResources: which Patients may they read?"""
    return (field(1, "r1") + cerbos_principal() + field(4, field(1, "Patient"))
            + field(7, "read"))
