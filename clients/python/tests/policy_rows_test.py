#!/usr/bin/python3
"""Rows that a Filter of a real decision point lets through are those that it
permits one by one."""

import unittest

import sqlalchemy as sa
from sqlalchemy import orm

import databases
import support
from clinic import CLINIC, resources
from pdpd import EVERYTHING, Pdpd
from medplum_pdp import (Context, Obligation, PdpClient, filter_header,
                         filter_request)
from medplum_pdp.sqlalchemy import (ResourceMapping, boolean, day, reference,
                                    related, text, where_permitted)

Base = orm.declarative_base()


class Patient(Base):
    __tablename__ = "patient"
    id = sa.Column(sa.String, primary_key=True)
    project = sa.Column(sa.String)
    gender = sa.Column(sa.String)
    active = sa.Column(sa.Boolean)
    birth_date = sa.Column(sa.Date)


class Reference(Base):
    """The elements of a patient that are references."""
    __tablename__ = "reference"
    id = sa.Column(sa.Integer, primary_key=True)
    patient_id = sa.Column(sa.String)
    practitioner = sa.Column(sa.String)
    organization = sa.Column(sa.String)
    compartment = sa.Column(sa.String)


def references(column):
    return related(Reference.patient_id, Patient.id, reference(column))


MAPPING = ResourceMapping(
    Patient, "Patient", project=text(Patient.project),
    tenant=references(Reference.compartment),
    elements={
        "Patient.id": text(Patient.id),
        "Patient.gender": text(Patient.gender),
        "Patient.active": boolean(Patient.active),
        "Patient.birthDate": day(Patient.birth_date),
        "Patient.generalPractitioner": references(Reference.practitioner),
        "Patient.managingOrganization": references(Reference.organization),
    })


def rows(patient):
    """What the database keeps of a Patient."""
    meta = patient["meta"]
    yield Patient(id=patient["id"], project=meta["project"],
                  gender=patient.get("gender"), active=patient.get("active"))
    elements = {
        "practitioner": patient.get("generalPractitioner", []),
        "organization": [patient["managingOrganization"]]
        if "managingOrganization" in patient else [],
        "compartment": [{"reference": "Patient/" + patient["id"]},
                        *meta.get("accounts", []),
                        *meta.get("compartment", [])]}
    for name, found in elements.items():
        for element in found:
            yield Reference(patient_id=patient["id"],
                            **{name: element["reference"]})


class PolicyRowsTest(unittest.TestCase):
    def test_a_filter_finds_what_is_permitted_one_by_one(self):
        pdpd = Pdpd("--source", f"directory:{CLINIC}", *EVERYTHING)
        self.addCleanup(pdpd.remove)
        self.addCleanup(pdpd.stop)
        client = PdpClient(pdpd.target, plaintext=True, timeout=support.LONG)
        self.addCleanup(client.close)
        engine = databases.sqlite()
        Base.metadata.create_all(engine)
        session = orm.Session(engine)
        self.addCleanup(session.close)
        patients = resources("Patient")
        for patient in patients:
            session.add_all(rows(patient))
        session.flush()

        sizes = set()
        for membership in resources("ProjectMembership"):
            member = f"ProjectMembership/{membership['id']}"
            tenants = [None, *client.tenants(member), "Organization/other"]
            for tenant in tenants:
                context = Context(active_tenants=[tenant] if tenant else [])
                shown = client.filter_resources(
                    filter_header(member, "search", context=context), patients)
                wanted = {one.resource["id"] for one in shown}
                for query, keep in (("", lambda p: True),
                                    ("gender=female", lambda p:
                                     p.get("gender") == "female")):
                    result = client.filter(filter_request(
                        member, "Patient", query, context=context))
                    found = set(session.scalars(where_permitted(
                        sa.select(Patient.id), result, MAPPING,
                        Obligation.HIDDEN_FIELDS)))
                    self.assertEqual(
                        found, {p["id"] for p in patients
                                if p["id"] in wanted and keep(p)},
                        (member, tenant, query))
                    sizes.add(len(found))
        self.assertGreater(len(sizes), 3)


if __name__ == "__main__":
    unittest.main()
