"""A clinic's application: its own patients in its own database, and not one
line that decides who may see them.

Patients belong to an organization and may be shared with others.  Which of them
a member finds, opens and changes is decided by the AccessPolicies in policies/;
the session's age, second factor and failed logins are judged by the session
rules in pdpd.yaml; what was done is in the decision point's audit log.
"""

import datetime

import flask
import sqlalchemy as sa
from sqlalchemy import orm

from medplum_pdp import (Context, Obligation, PdpClient, Resource, Session,
                         strip_hidden_fields)
from medplum_pdp.flask import FlaskPdp, from_url
from medplum_pdp.requests import to_json
from medplum_pdp.sqlalchemy import (ResourceMapping, any_of, day, reference_id,
                                    related, text, where_permitted)

PROJECT = "10000000-0000-4000-8000-0000000000f1"
ROLES = {"manager": "AccessPolicy/12000000-0000-4000-8000-0000000000f3"}
ORGANIZATION = from_url("organization")

Base = orm.declarative_base()


class Patient(Base):
    __tablename__ = "patient"
    id = sa.Column(sa.String, primary_key=True)
    organization_id = sa.Column(sa.String, nullable=False, index=True)
    name = sa.Column(sa.String)
    gender = sa.Column(sa.String)
    birth_date = sa.Column(sa.Date)
    shares = orm.relationship("Share", cascade="all, delete-orphan")

    def resource(self):
        """As the Patient that policies are written for."""
        organizations = [{"reference": "Organization/" + id} for id in [
            self.organization_id, *(s.organization_id for s in self.shares)]]
        found = {
            "resourceType": "Patient", "id": self.id, "gender": self.gender,
            "name": [{"text": self.name}],
            "birthDate": self.birth_date and self.birth_date.isoformat(),
            "meta": {"project": PROJECT, "accounts": organizations,
                     "compartment": [{"reference": "Patient/" + self.id},
                                     *organizations]}}
        return {name: value for name, value in found.items() if value}


class Share(Base):
    """Another organization that sees the patient, too."""
    __tablename__ = "share"
    patient_id = sa.Column(sa.ForeignKey(Patient.id), primary_key=True,
                           type_=sa.String)
    organization_id = sa.Column(sa.String, primary_key=True)


PATIENTS = ResourceMapping(
    Patient, "Patient", project=PROJECT,
    tenant=any_of(
        reference_id(Patient.organization_id, "Organization"),
        related(Share.patient_id, Patient.id,
                reference_id(Share.organization_id, "Organization")),
        reference_id(Patient.id, "Patient")),
    elements={"Patient.id": text(Patient.id),
              "Patient.gender": text(Patient.gender),
              "Patient.birthDate": day(Patient.birth_date)})


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def circumstances():
    """The facts of the session that the session rules ask for."""
    facts = Session(mfa_satisfied=flask.session.get("mfa", False),
                    failed_attempts=flask.session.get("failed", 0))
    for name in ("authenticated_at", "last_activity_at"):
        if name in flask.session:
            getattr(facts, name).FromDatetime(
                datetime.datetime.fromisoformat(flask.session[name]))
    return Context(session=facts,
                   user_agent=flask.request.headers.get("User-Agent", ""))


def create_app(engine, client, secret_key):
    app = flask.Flask(__name__)
    app.secret_key = secret_key
    sessions = orm.sessionmaker(engine)
    pdp = FlaskPdp(client, subject=lambda: flask.session.get("membership"),
                   context=circumstances, roles=ROLES)

    def database():
        if "database" not in flask.g:
            flask.g.database = sessions()
        return flask.g.database

    @app.teardown_appcontext
    def close(error):
        if "database" in flask.g:
            flask.g.pop("database").close()

    @app.after_request
    def remember_activity(response):
        # Of requests that were let in: a refused one keeps no session alive.
        if response.status_code < 400 and "membership" in flask.session:
            flask.session["last_activity_at"] = now().isoformat()
        return response

    def the_patient(organization, id):
        """As it is kept here; where it is not, what the server knows of it."""
        found = database().get(Patient, id)
        body = to_json(found.resource()) if found else b""
        return Resource(type="Patient", id=id, body=body)

    @app.post("/login")
    @pdp.public
    def login():
        # Stands in for an identity provider: never do this.
        flask.session.clear()
        flask.session["membership"] = flask.request.json["membership"]
        flask.session["mfa"] = flask.request.json.get("mfa", False)
        flask.session["authenticated_at"] = now().isoformat()
        return "", 204

    @app.get("/organizations/<organization>/patients")
    @pdp.require_organization_access(ORGANIZATION)
    def patients(organization):
        found = pdp.filter("Patient")
        rows = database().scalars(
            where_permitted(sa.select(Patient).order_by(Patient.name), found,
                            PATIENTS, Obligation.HIDDEN_FIELDS))
        return [strip_hidden_fields(row.resource(), found.hidden_fields)
                for row in rows]

    @app.get("/organizations/<organization>/patients/<id>")
    @pdp.require_organization_access(ORGANIZATION)
    @pdp.require_permission("read", the_patient,
                            honored=[Obligation.HIDDEN_FIELDS])
    def patient(organization, id):
        found = database().get(Patient, id)
        shown = pdp.current_decision().strip(found.resource())
        pdp.record_access("viewed")
        return shown

    def renamed():
        """The patient as it would be stored."""
        found = database().get(Patient, flask.request.view_args["id"])
        resource = found.resource() if found else {"resourceType": "Patient"}
        resource["name"] = [{"text": str(flask.request.json["name"])}]
        return resource

    def the_renamed_patient(organization, id):
        resource = the_patient(organization, id)
        resource.proposed = to_json(renamed())
        return resource

    @app.put("/organizations/<organization>/patients/<id>/name")
    @pdp.require_organization_access(ORGANIZATION)
    @pdp.require_permission("update", the_renamed_patient)
    def rename(organization, id):
        database().get(Patient, id).name = str(flask.request.json["name"])
        database().commit()
        pdp.record_access("updated")
        return "", 204

    @app.post("/organizations/<organization>/patients/<id>/shares")
    @pdp.require_organization_access(ORGANIZATION)
    @pdp.require_role("manager")
    @pdp.require_permission("read", the_patient)
    def share(organization, id):
        database().merge(Share(
            patient_id=id, organization_id=flask.request.json["organization"]))
        database().commit()
        pdp.record_access("shared")
        return "", 204

    pdp.init_app(app)
    return app


def main():
    engine = sa.create_engine("sqlite:///clinic.db")
    Base.metadata.create_all(engine)
    return create_app(engine, PdpClient("127.0.0.1:8990", plaintext=True),
                      secret_key="change me")
