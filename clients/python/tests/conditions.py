"""Rows, random conditions over them, and what these mean: by the comments of
medplum.pdp.v1.Comparison alone, without SQL."""

import datetime
import random

from medplum_pdp._v1 import decision_pb2 as v1

ORGANIZATIONS = [f"40000000-0000-4000-8000-00000000000{i}" for i in range(4)]
PATIENTS = [f"20000000-0000-4000-8000-0000000000{i:02}" for i in range(8)]
PROJECTS = ["10000000-0000-4000-8000-000000000001",
            "10000000-0000-4000-8000-000000000002"]
WORDS = ["male", "Male", "MALE", "mal", "a%b", "a_b", "a\\b", "axb", "'; --",
         "true", "", " male", "m\u00e4le", "\u212a", "k", "K", "\u0130", "i"]
SYSTEMS = [None, "http://s", "http://S"]
DAYS = ["1999-12-31", "2000-01-01", "2000-02-29", "2024-05-01"]
MOMENTS = ["2024-05-01T00:00:00.000Z", "2024-05-01T10:00:00.123Z",
           "2024-04-30T23:59:59.999Z"]
NUMBERS = ["0", "-1.5", "0.1", "5", "5.0", "1e3"]

OPERATORS = {
    "=": v1.COMPARISON_OPERATOR_EQUALS,
    "!=": v1.COMPARISON_OPERATOR_NOT_EQUALS,
    "starts": v1.COMPARISON_OPERATOR_STARTS_WITH,
    "contains": v1.COMPARISON_OPERATOR_CONTAINS,
    "<": v1.COMPARISON_OPERATOR_LESS_THAN,
    "<=": v1.COMPARISON_OPERATOR_LESS_THAN_OR_EQUALS,
    ">": v1.COMPARISON_OPERATOR_GREATER_THAN,
    ">=": v1.COMPARISON_OPERATOR_GREATER_THAN_OR_EQUALS,
    "exists": v1.COMPARISON_OPERATOR_EXISTS,
}
NAMES = {number: name for name, number in OPERATORS.items()}

ORDERED = ["=", "!=", "<", "<=", ">", ">="]
# path: parameter, type, operators, values.
PARAMETERS = {
    "Patient.id": ("_id", "token", ["=", "!="],
                   PATIENTS + [p.upper() for p in PATIENTS[:2]]),
    "Patient.gender": ("gender", "token", ["=", "!="], WORDS),
    "Patient.active": ("active", "token", ["=", "!="],
                       ["true", "false", "TRUE", "1"]),
    "Patient.name.text": ("text", "string",
                          ["=", "!=", "starts", "contains"],
                          [w for w in WORDS if w.isascii()]),
    "Patient.managingOrganization": (
        "organization", "reference", ["=", "!="],
        ["Organization/" + o for o in ORGANIZATIONS] + ORGANIZATIONS[:1] +
        ["Patient/" + ORGANIZATIONS[0], "organization/" + ORGANIZATIONS[0]]),
    "Patient.generalPractitioner": (
        "general-practitioner", "reference", ["=", "!="],
        ["Practitioner/1", "PRACTITIONER/1", "Practitioner/2",
         "PractitionerRole/1"]),
    "Patient.identifier": (
        "identifier", "token", ["=", "!="],
        [w for w in WORDS if w.isascii()] +
        ["http://s|male", "http://s|", "|male", "http://S| mal ", "x|male",
         "http://s|a|b"]),
    "Patient.telecom": (
        "telecom", "token", ["=", "!="],
        ["a@B.example", "A@b.EXAMPLE", "email|a@b.example", "EMAIL|A@B.example",
         "phone|a@b.example", "phone|", "123"]),
    "Patient.birthDate": ("birthdate", "date", ORDERED, DAYS + MOMENTS),
    "Patient.meta.lastUpdated": ("_lastUpdated", "date", ORDERED,
                                 DAYS + MOMENTS),
    "Patient.deceased": ("death-date", "date", ORDERED, DAYS + MOMENTS),
    "Patient.score": ("score", "quantity", ORDERED, NUMBERS),
    "Patient.multipleBirth": ("births", "number", ORDERED, NUMBERS),
    "Patient.price": ("price", "number", ORDERED, NUMBERS),
    # A concept whose code is the gender and whose text is the name.
    "Patient.maritalStatus": (
        "marital-status", "token", ["=", "!="],
        [w for w in WORDS if w.isascii()] +
        ["http://s|male", "http://s|", "|male", "http://S|male"]),
    "Patient.meta.compartment": (
        "_compartment", "reference", ["=", "!="],
        ["Organization/" + o for o in ORGANIZATIONS] +
        ["Patient/" + p for p in PATIENTS[:3]]),
    "Patient.meta.project": ("_project", "token", ["=", "!="], PROJECTS),
}


def utc(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def rows(generator, count):
    """Rows of the model that databases hold, as mappings."""
    def maybe(values):
        return generator.choice(list(values) + [None])

    made = []
    for number in range(count):
        system = generator.choice(SYSTEMS)
        made.append({
            "id": PATIENTS[0][:-4] + f"{number:04}" if number >= len(PATIENTS)
            else PATIENTS[number],
            "gender": maybe(WORDS), "active": maybe([True, False]),
            "name": maybe(WORDS), "organization_id": maybe(ORGANIZATIONS),
            "practitioner": maybe(["Practitioner/1", "practitioner/1",
                                   "PractitionerRole/1"]),
            "identifier": maybe(WORDS), "identifier_system": system,
            "telecom": maybe(["a@b.example", "A@b.example", "123"]),
            "telecom_system": maybe(["email", "phone"]),
            "birth_date": maybe(
                datetime.date.fromisoformat(day) for day in DAYS),
            "updated": maybe(
                [utc(m) for m in MOMENTS] +
                [utc("2024-05-01T10:00:00.123456Z"),
                 utc("2000-01-01T23:59:59.999Z")]),
            "deceased": maybe(utc(m).replace(tzinfo=None) for m in MOMENTS),
            "score": maybe([0.0, -1.5, 0.1, 5.0, 1000.0]),
            "births": maybe([0, 5, -1, 1000]),
            "price": maybe([0.0, -1.5, 0.1, 5.0, 1000.0]),
            "shared_with": generator.sample(ORGANIZATIONS,
                                            generator.choice([0, 0, 1, 2])),
        })
    return made


def random_condition(generator, depth=3):
    """A condition that is well formed."""
    kind = generator.random()
    if depth > 0 and kind < 0.45:
        children = [random_condition(generator, depth - 1)
                    for _ in range(generator.choice([1, 2, 3]))]
        lists = v1.ConditionList(conditions=children)
        return v1.Condition(all_of=lists) if kind < 0.2 \
            else v1.Condition(any_of=lists)
    if depth > 0 and kind < 0.65:
        return v1.Condition(
            **{"not": random_condition(generator, depth - 1)})
    if kind < 0.69:
        return v1.Condition(constant=generator.random() < 0.5)
    path = generator.choice(list(PARAMETERS))
    parameter, kind, operators, values = PARAMETERS[path]
    has_exists = path not in ("Patient.id", "Patient.meta.compartment",
                              "Patient.meta.project")
    if has_exists and generator.random() < 0.2:
        operators, values = ["exists"], ["true", "false"]
    operator = generator.choice(operators)
    count = 1 if operator == "exists" else generator.choice([1, 1, 2])
    return comparison(path, operator,
                      [generator.choice(values) for _ in range(count)])


def comparison(of, operator, values, **changes):
    parameter, kind, _, _ = PARAMETERS[of]
    fields = {"parameter": parameter, "path": of, "parameter_type": kind,
              "operator": OPERATORS.get(operator, operator),
              "values": values, **changes}
    return v1.Condition(comparison=v1.Comparison(**fields))


def holds(condition, row):
    """Whether the condition is true of the row."""
    node = condition.WhichOneof("node")
    if node == "constant":
        return condition.constant
    if node == "not":
        return not holds(getattr(condition, "not"), row)
    if node == "comparison":
        return _compares(condition.comparison, row)
    children = [holds(c, row) for c in getattr(condition, node).conditions]
    return all(children) if node == "all_of" else any(children)


def _compares(c, row):
    elements = _elements(c.path, row)
    operator = NAMES[c.operator]
    if operator == "exists":
        return bool(elements) == (c.values[0] == "true")

    def some(operator):
        return any(_passes(c, operator, element, value)
                   for element in elements for value in c.values)
    return not some("=") if operator == "!=" else some(operator)


def _elements(path, row):
    """The values of a FHIR element that the row stands for."""
    def plain(name):
        return [] if row[name] is None else [row[name]]

    name = path.partition(".")[2]
    if name == "managingOrganization":
        return ["Organization/" + o for o in plain("organization_id")]
    if name == "meta.compartment":
        return ["Organization/" + o for o in
                plain("organization_id") + row["shared_with"]] + [
                    "Patient/" + row["id"]]
    if name == "meta.project":
        return [PROJECTS[0]]
    if name == "active":
        return [{True: "true", False: "false"}[v] for v in plain("active")]
    if name == "maritalStatus":
        return [] if row["gender"] is None and row["name"] is None else \
            [(row["gender"], row["name"])]
    if name in ("identifier", "telecom"):
        return [(row[name + "_system"] or "", value) for value in plain(name)]
    return plain({"id": "id", "gender": "gender", "name.text": "name",
                  "generalPractitioner": "practitioner",
                  "birthDate": "birth_date", "meta.lastUpdated": "updated",
                  "deceased": "deceased", "score": "score", "price": "price",
                  "multipleBirth": "births"}[name])


def _passes(c, operator, element, value):
    if c.parameter == "_compartment":
        return element.partition("/")[2] == value.partition("/")[2]
    if c.parameter_type in ("quantity", "number"):
        return _in_order(operator, element, float(value))
    if c.parameter_type == "date":
        return _in_order(operator, _point(element)[:len(value)], value)
    if c.path == "Patient.telecom":
        system, code = element
        return _is_token((system, _lower(code)), _lower(value))
    if c.path == "Patient.maritalStatus":
        code, text = element
        return ("|" not in value and text == value.strip(" ")) or (
            code is not None and _is_token(("http://s", code), value))
    if c.path == "Patient.identifier":
        return _is_token(element, value)
    if c.parameter == "_id":
        return _lower(element) == _lower(value)
    if operator == "starts":
        return _lower(element).startswith(_lower(value))
    if operator == "contains":
        return _lower(value) in _lower(element)
    return element == value


def _is_token(element, value):
    system, code = element
    if "|" not in value:
        return code == value.strip(" ")
    wanted_system, wanted_code = (part.strip(" ") for part in
                                  value.split("|", 1))
    if wanted_system != system:
        return False
    return code == wanted_code if wanted_code else bool(wanted_system)


def _point(element):
    if isinstance(element, datetime.datetime):
        return element.strftime("%Y-%m-%dT%H:%M:%S.") + \
            f"{element.microsecond // 1000:03}Z"
    return element.isoformat() + "T00:00:00.000Z"


def _in_order(operator, a, b):
    return {"=": a == b, "<": a < b, "<=": a <= b, ">": a > b,
            ">=": a >= b}[operator]


def _lower(text):
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def seeded(seed):
    return random.Random(seed)
