#!/usr/bin/env python3
"""Checks the example policies, the sample clinic and the matrix of cases.

Reads docs/security/access-policies (as a directory source would) and
tests/demo/matrix.json; prints every fault and exits 1 if there is one.  It
decides nothing: what each case comes out as is checked by `pdpctl test`.
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent / "docs" / "security" / "access-policies"
MATRIX = HERE / "matrix.json"

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}"
                  r"-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

# The guide's policy is kept as it is printed, faults included.
VERBATIM = "multi-tenant-guide-verbatim.json"
VERBATIM_FAULTS = {
    "`CodeSet` is not a resource type of the sample",
    "`Organization?_id=%current_organization`: _id takes an id",
    "`Practitioner?organization=%current_organization`: unknown parameter"
    " `organization`",
}

# The search parameters that the policies may use: those on which Medplum's two
# matchers, the one in memory and the database, agree.
PARAMETERS = {
    "*": {"_id", "_compartment", "_tag"},
    "Appointment": {"actor"},
    "DocumentReference": {"type"},
    "Observation": {"category", "code", "status"},
    "Patient": {"general-practitioner", "organization"},
    "PractitionerRole": {"organization"},
    "Schedule": {"actor"},
    "Task": {"code"},
}

INTERACTIONS = {"read", "vread", "update", "delete", "history", "create",
                "search"}
READS = {"read", "vread", "history", "search"}

# Where a resource names its patients (the patient compartment).
PATIENT_PATHS = {
    "Appointment": ["participant.actor"],
    "CareTeam": ["subject", "participant.member"],
    "Communication": ["subject", "sender", "recipient"],
    "Condition": ["subject", "asserter"],
    "DocumentReference": ["subject", "author"],
    "Encounter": ["subject"],
    "Observation": ["subject", "performer"],
    "Patient": ["link.other"],
    "QuestionnaireResponse": ["subject", "author"],
    "RelatedPerson": ["patient"],
    "Schedule": ["actor"],
    "ServiceRequest": ["subject", "performer"],
    "Task": ["for", "focus"],
}

# Types that a policy names although the sample has none of them.
OTHER_TYPES = {"Condition", "QuestionnaireResponse", "ServiceRequest",
               "Subscription", "UserConfiguration"}

# What `pdpctl test` reads.
CASE_MEMBERS = {"id", "who", "note", "subject", "interaction", "resource",
                "version", "proposed", "body", "expect"}
FILTER_MEMBERS = {"id", "who", "note", "subject", "resource_type", "query",
                  "expect"}
SUBJECT_MEMBERS = {"membership", "profile", "project", "smart_scope",
                   "launch_patient", "extended_mode", "remote_address",
                   "on_behalf_of", "active_tenants"}
EXPECT_MEMBERS = {"effect", "reason", "hidden_fields", "readonly_fields",
                  "enforcement_http_status", "medplum_http_status"}

faults = []


def fault(where, text):
    faults.append(f"{where}: {text}")


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    for key in set(keys):
        if keys.count(key) > 1:
            raise ValueError(f"member `{key}` is given twice")
    return dict(pairs)


def load(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"),
                          object_pairs_hook=no_duplicates)
    except ValueError as error:
        fault(path.name, str(error))
        return None


def walk(value, path=""):
    """Yields (path, object) for every object in `value`."""
    if isinstance(value, dict):
        yield path, value
        for key, child in value.items():
            yield from walk(child, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for child in value:
            yield from walk(child, path)


def at(value, path):
    """The values at a dotted path, through arrays."""
    values = [value]
    for step in path.split("."):
        found = []
        for item in values:
            child = item.get(step) if isinstance(item, dict) else None
            found += child if isinstance(child, list) else [child]
        values = [item for item in found if item is not None]
    return values


def load_directory():
    resources = {}
    files = {}
    for path in sorted(ROOT.rglob("*.json")):
        document = load(path)
        if document is None:
            continue
        if document.get("resourceType") == "Bundle":
            if document.get("type") != "collection":
                fault(path.name, "a Bundle must be of type collection")
            found = [entry["resource"] for entry in document["entry"]]
        else:
            found = [document]
        for resource in found:
            key = f"{resource.get('resourceType')}/{resource.get('id')}"
            if key in resources:
                fault(path.name, f"{key} is given twice")
            resources[key] = resource
            files[key] = path
    return resources, files


def patients_of(resource):
    references = []
    if resource["resourceType"] == "Patient":
        references.append("Patient/" + resource["id"])
    for path in PATIENT_PATHS.get(resource["resourceType"], []):
        for value in at(resource, path):
            reference = value.get("reference", "")
            if reference.startswith("Patient/"):
                references.append(reference)
    return references


def check_meta(key, resource, resources):
    if not UUID.fullmatch(resource.get("id", "")):
        fault(key, "the id is not a lower-case UUID")
    meta = resource.get("meta", {})
    if not UUID.fullmatch(meta.get("versionId", "")):
        fault(key, "meta.versionId is not a UUID")
    if not INSTANT.fullmatch(meta.get("lastUpdated", "")):
        fault(key, "meta.lastUpdated is not an instant")
    if f"Project/{meta.get('project')}" not in resources:
        fault(key, "meta.project is not a Project of the sample")
    accounts = [a["reference"] for a in meta.get("accounts", [])]
    expected = dict.fromkeys(
        [f"Project/{meta.get('project')}", *accounts, *patients_of(resource)])
    found = [c["reference"] for c in meta.get("compartment", [])]
    if found != list(expected):
        fault(key, f"meta.compartment should be {list(expected)}")
    if accounts and meta.get("account") != {"reference": accounts[0]}:
        fault(key, "meta.account is not the first of meta.accounts")
    inherited = dict.fromkeys(
        account["reference"] for patient in patients_of(resource)
        if patient != key
        for account in resources.get(patient, {}).get("meta", {}).get(
            "accounts", []))
    if inherited and resource["resourceType"] != "Patient":
        if accounts != list(inherited):
            fault(key, "meta.accounts are not those of its patients")


def check_references(key, value, resources):
    for path, item in walk(value):
        for name in ("reference", "url"):
            reference = item.get(name)
            if not isinstance(reference, str) or "://" in reference:
                continue
            if reference.startswith("%") or reference == "system":
                continue
            if reference not in resources:
                fault(key, f"{path}.{name} `{reference}` does not resolve")


def criteria_faults(entry, type_):
    criteria = entry["criteria"]
    pattern = re.escape(type_) + r"\?([a-zA-Z_:-]+=[^&]+&?)+"
    if not re.fullmatch(pattern, criteria) or "_has:" in criteria:
        yield f"`{criteria}` does not satisfy axp-3"
        return
    allowed = PARAMETERS["*"] | PARAMETERS.get(type_, set())
    for parameter in criteria.split("?", 1)[1].split("&"):
        code, value = parameter.split("=", 1)
        if code not in allowed:
            yield f"`{criteria}`: unknown parameter `{code}`"
        elif code == "_id" and not value.endswith(".id"):
            yield f"`{criteria}`: _id takes an id"


def entry_faults(entry, types):
    type_ = entry["resourceType"]
    if type_ not in types:
        yield f"`{type_}` is not a resource type of the sample"
    if "criteria" in entry:
        yield from criteria_faults(entry, type_)
    interactions = entry.get("interaction")
    if interactions is not None:
        if not interactions or not set(interactions) <= INTERACTIONS:
            yield f"{type_}: interaction {interactions}"
    for constraint in entry.get("writeConstraint", []):
        if (constraint.get("language") != "text/fhirpath"
                or not constraint.get("expression")):
            yield f"{type_}: a write constraint does not satisfy axp-1"
    # A nested or [x] path is erased by an update, not restored (S-18).
    writes = interactions is None or not set(interactions) <= READS
    for field in entry.get("readonlyFields", []) + entry.get(
            "hiddenFields", []):
        if writes and re.search(r"[.\[]", field):
            yield f"{type_}: `{field}` would be erased by a write"


def check_policy(key, policy, path, types):
    found = set()
    for entry in policy["resource"]:
        found |= set(entry_faults(entry, types))
    if path.name == VERBATIM:
        for text in found ^ VERBATIM_FAULTS:
            fault(key, f"the guide's policy: unexpected or missing: {text}")
        return
    for text in sorted(found):
        fault(key, text)
    if policy["name"].startswith("ClinicianPolicy"):
        for entry in policy["resource"]:
            interactions = entry.get("interaction", INTERACTIONS)
            if "search" in interactions and "criteria" not in entry:
                fault(key, f"{entry['resourceType']}: search without criteria")


def check_membership(key, membership, resources):
    for name in ("project", "user", "profile"):
        if name not in membership:
            fault(key, f"`{name}` is missing")
    if ("accessPolicy" in membership) == ("access" in membership):
        fault(key, "needs one of accessPolicy and access")
    if membership["project"]["reference"] != (
            "Project/" + membership["meta"]["project"]):
        fault(key, "meta.project differs from project")
    sources = [{"policy": membership.get("accessPolicy")}]
    for source in membership.get("access", sources):
        names = [p["name"] for p in source.get("parameter", [])]
        if len(names) != len(set(names)):
            fault(key, "a parameter is repeated: only the first would count")
        policy = resources.get(source["policy"]["reference"])
        if policy is None:
            continue  # Reported as a reference.
        if policy["meta"]["project"] != membership["meta"]["project"]:
            fault(key, "its policy belongs to another project")
        text = json.dumps(policy["resource"])
        used = set(re.findall(r"%([a-z_]+)", text)) - {
            "before", "after", "profile", "patient"}
        for name in sorted(used - set(names)):
            fault(key, f"`%{name}` of {policy['name']} is not bound")
        if "patient" not in names and "%patient" in text:
            if not membership["profile"]["reference"].startswith("Patient/"):
                fault(key, "`%patient` would be the profile, no Patient")
        if membership.get("admin") and not policy["name"].startswith("Pdp"):
            fault(key, "a member of the sample must not be a project admin")


def subject_membership(case, resources):
    subject = case["subject"]
    if "membership" in subject:
        return resources.get(subject["membership"])
    found = [r for r in resources.values()
             if r["resourceType"] == "ProjectMembership"
             and r["profile"]["reference"] == subject["profile"]
             and r["meta"]["project"] == subject["project"]]
    if len(found) > 1:
        fault(case["id"], "the subject is ambiguous")
    return found[0] if found else None


def check_members(where, value, known):
    for name in sorted(set(value) - known):
        fault(where, f"the member `{name}` is unknown")


def check_case(case, resources, types, outcomes):
    key, expect = case["id"], case["expect"]
    check_members(key, case, CASE_MEMBERS)
    check_members(key, case["subject"], SUBJECT_MEMBERS)
    check_members(key, expect, EXPECT_MEMBERS)
    interaction = case["interaction"]
    if interaction not in INTERACTIONS | {"patch"}:
        fault(key, f"unknown interaction `{interaction}`")
    membership = subject_membership(case, resources)
    known = expect.get("reason") != "SUBJECT_UNKNOWN"
    if (membership is not None) != known:
        fault(key, "the subject")
    writes = interaction in ("create", "update", "patch")
    if writes != ("proposed" in case):
        fault(key, "`proposed` goes with create, update and patch")
    if (interaction == "create") == ("resource" in case):
        fault(key, "`resource` goes with everything but create")
    if "resource" in case and case["resource"] not in resources:
        fault(key, f"`{case['resource']}` does not exist")
    if "proposed" in case:
        proposed = case["proposed"]
        check_references(key, proposed, resources)
        if proposed["resourceType"] not in types:
            fault(key, "`proposed` is of an unknown type")
        if interaction != "create" and case["resource"] != (
                f"{proposed['resourceType']}/{proposed['id']}"):
            fault(key, "`proposed` is not `resource`")
    effect = expect["effect"]
    status = expect.get("medplum_http_status")
    if effect == "DENY":
        inactive = expect.get("reason") in ("SUBJECT_UNKNOWN",
                                            "SUBJECT_INACTIVE")
        if expect.get("enforcement_http_status") != (401 if inactive else 403):
            fault(key, "enforcement_http_status")
        if status not in (400, 401, 403, 404, None):
            fault(key, f"medplum_http_status {status}")
    elif effect in ("PERMIT", "PERMIT_WITH_OBLIGATIONS"):
        if status != (201 if interaction == "create" else 200):
            fault(key, f"medplum_http_status {status}")
    else:
        fault(key, f"unknown effect `{effect}`")
    for name in ("hidden_fields", "readonly_fields"):
        if name in expect and effect != "PERMIT_WITH_OBLIGATIONS":
            fault(key, f"{name} are an obligation")
    for source in policies_of(membership):
        outcomes.setdefault(source, set()).add(effect == "DENY")


def policies_of(membership):
    if membership is None:
        return []
    if "accessPolicy" in membership:
        return [membership["accessPolicy"]["reference"]]
    return [a["policy"]["reference"] for a in membership["access"]]


def check_filter(case, resources, types):
    key, expect = case["id"], case["expect"]
    check_members(key, case, FILTER_MEMBERS)
    check_members(key, case["subject"], SUBJECT_MEMBERS)
    check_members(key, expect, {"kind", "queries"})
    if subject_membership(case, resources) is None:
        fault(key, "the subject")
    if case["resource_type"] not in types:
        fault(key, f"unknown type `{case['resource_type']}`")
    if expect["kind"] not in ("CONDITIONAL", "ALWAYS_PERMITTED",
                              "ALWAYS_DENIED"):
        fault(key, f"unknown kind `{expect['kind']}`")
    if (expect["kind"] == "CONDITIONAL") != bool(expect.get("queries")):
        fault(key, "`queries` go with CONDITIONAL")
    for query in expect.get("queries", []):
        if not query.startswith(case["resource_type"] + "?"):
            fault(key, f"`{query}` is of another type")


def check_matrix(resources, types):
    matrix = load(MATRIX)
    if matrix is None:
        return 0, 0
    cases = [case for group in matrix["groups"] for case in group["cases"]]
    ids = [case["id"] for case in cases + matrix["filters"]]
    for id_ in sorted({i for i in ids if ids.count(i) > 1}):
        fault(id_, "the id is given twice")
    outcomes = {}
    for case in cases:
        check_case(case, resources, types, outcomes)
    for case in matrix["filters"]:
        check_filter(case, resources, types)
    for key, resource in resources.items():
        if resource["resourceType"] == "AccessPolicy":
            if outcomes.get(key) != {True, False}:
                fault(key, "the matrix lacks a permit or a denial of it")
    return len(cases), len(matrix["filters"])


def check_readme(files):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in sorted(set(files.values())):
        name = path.relative_to(ROOT)
        if name.parts[0] == "policies" and str(name) not in text:
            fault("README.md", f"does not mention {name}")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        if not (ROOT / link).exists():
            fault("README.md", f"`{link}` does not exist")


def main():
    resources, files = load_directory()
    ids = [resource.get("id") for resource in resources.values()]
    for id_ in sorted({i for i in ids if ids.count(i) > 1}):
        fault(id_, "two resources have this id")
    types = {r["resourceType"] for r in resources.values()} | OTHER_TYPES
    for key, resource in resources.items():
        check_meta(key, resource, resources)
        check_references(key, resource, resources)
        if resource["resourceType"] == "AccessPolicy":
            check_policy(key, resource, files[key], types)
        if resource["resourceType"] == "ProjectMembership":
            check_membership(key, resource, resources)
    cases, filters = check_matrix(resources, types)
    check_readme(files)
    for text in faults:
        print(text)
    print(f"{len(resources)} resources, {cases} cases, {filters} filters: "
          f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
