#!/usr/bin/python3
"""Filters as where-clauses, on SQLite and on PostgreSQL."""

import datetime
import unittest
import uuid
import warnings

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql

import support  # noqa: F401
import conditions
import databases
from conditions import (ORGANIZATIONS, PATIENTS, PROJECTS, comparison, holds,
                        random_condition, seeded)
from medplum_pdp import FilterKind, FilterResult, Obligation
from medplum_pdp._v1 import decision_pb2 as v1
from medplum_pdp.sqlalchemy import (
    HiddenFieldsNotHonored, MappingError, NotExpressible, ResourceMapping,
    absent, any_of, boolean, coding, constant, contact_point, day,
    filter_to_sqlalchemy, instant, number, reference, reference_id, related,
    text, where_permitted)

Base = orm.declarative_base()
POSTGRES = None
SEEDS = range(3)
CONDITIONS = 250


def setUpModule():
    global POSTGRES
    POSTGRES = databases.Postgres()
    unittest.addModuleCleanup(POSTGRES.stop)


class Patient(Base):
    __tablename__ = "patient"
    id = sa.Column(sa.String, primary_key=True)
    # NOCASE makes equality blind to case in SQLite; so does PostgreSQL's
    # collation `blind`, which the tests give to this column.
    gender = sa.Column(sa.String)
    active = sa.Column(sa.Boolean)
    name = sa.Column(sa.Text)
    organization_id = sa.Column(sa.String)
    practitioner = sa.Column(sa.String)
    identifier = sa.Column(sa.String)
    identifier_system = sa.Column(sa.String)
    telecom = sa.Column(sa.String)
    telecom_system = sa.Column(sa.String)
    birth_date = sa.Column(sa.Date)
    updated = sa.Column(sa.DateTime(timezone=True))
    deceased = sa.Column(sa.DateTime)
    score = sa.Column(sa.Float)
    births = sa.Column(sa.Integer)
    price = sa.Column(sa.Numeric(10, 3, asdecimal=False))


class Share(Base):
    __tablename__ = "share"
    id = sa.Column(sa.Integer, primary_key=True)
    patient_id = sa.Column(sa.String)
    organization_id = sa.Column(sa.String)


TENANT = any_of(
    reference_id(Patient.organization_id, "Organization"),
    related(Share.patient_id, Patient.id,
            reference_id(Share.organization_id, "Organization")),
    reference_id(Patient.id, "Patient"))

ELEMENTS = {
    "Patient.id": text(Patient.id),
    "Patient.gender": text(Patient.gender),
    "Patient.active": boolean(Patient.active),
    "Patient.name.text": text(Patient.name),
    "Patient.managingOrganization":
        reference_id(Patient.organization_id, "Organization"),
    "Patient.generalPractitioner": reference(Patient.practitioner),
    "Patient.identifier": coding(Patient.identifier,
                                 system=Patient.identifier_system),
    "Patient.telecom": contact_point(Patient.telecom, Patient.telecom_system),
    "Patient.birthDate": day(Patient.birth_date),
    "Patient.meta.lastUpdated": instant(Patient.updated),
    "Patient.deceased": instant(Patient.deceased),
    "Patient.score": number(Patient.score),
    "Patient.multipleBirth": number(Patient.births),
    "Patient.price": number(Patient.price),
    "Patient.maritalStatus": coding(Patient.gender, system="http://s",
                                    text=Patient.name),
}
MAPPING = ResourceMapping(Patient, "Patient", tenant=TENANT,
                          project=PROJECTS[0], elements=ELEMENTS)


def result(condition, **fields):
    return FilterResult(**{
        "kind": FilterKind.CONDITIONAL, "resource_type": "Patient",
        "condition": condition, **fields})


class Database:
    """The rows, in one database."""

    def __init__(self, name, engine, rows):
        self.name = name
        self.rows = rows
        self.session = orm.Session(engine)
        Base.metadata.create_all(engine)
        for row in rows:
            values = dict(row)
            shared = values.pop("shared_with")
            self.session.add(Patient(**values))
            for organization in shared:
                self.session.add(Share(patient_id=row["id"],
                                       organization_id=organization))
        # A share of nobody, which a careless NOT IN would stumble over.
        self.session.add(Share(patient_id=None,
                               organization_id=ORGANIZATIONS[0]))
        self.session.add(Share(patient_id=PATIENTS[0], organization_id=None))
        self.session.flush()

    def find(self, filter_result, mapping=MAPPING, *honored):
        with warnings.catch_warnings():
            warnings.simplefilter("error", sa.exc.SAWarning)
            return set(self.session.scalars(where_permitted(
                sa.select(Patient.id), filter_result, mapping, *honored)))


class SqlTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.databases = []
        rows = conditions.rows(seeded(0), 80)
        engines = [("SQLite", databases.sqlite())]
        if POSTGRES.engine is not None:
            engines.append(("PostgreSQL", POSTGRES.engine))
        for name, engine in engines:
            with engine.begin() as connection:
                if name == "PostgreSQL":
                    connection.execute(sa.text(
                        "CREATE COLLATION blind (provider = icu, "
                        "locale = 'und-u-ks-level2', deterministic = false)"))
            Patient.__table__.c.gender.type = sa.String(
                collation="blind" if name == "PostgreSQL" else "NOCASE")
            database = Database(name, engine, rows)
            cls.databases.append(database)
            cls.addClassCleanup(database.session.close)

    def test_postgresql_is_there(self):
        if POSTGRES.missing:
            self.skipTest(databases.ABSENT + POSTGRES.missing)

    def assert_finds(self, condition):
        for database in self.databases:
            wanted = {row["id"] for row in database.rows
                      if holds(condition, row)}
            found = database.find(result(condition))
            self.assertEqual(found, wanted, f"{database.name}: {condition}")

    def test_finds_what_the_tree_says(self):
        selective = 0
        for seed in SEEDS:
            generator = seeded(seed)
            for _ in range(CONDITIONS):
                condition = random_condition(generator)
                self.assert_finds(condition)
                count = sum(holds(condition, row)
                            for row in self.databases[0].rows)
                selective += 0 < count < len(self.databases[0].rows)
        # The test would show nothing if all found all or nothing.
        self.assertGreater(selective, len(SEEDS) * CONDITIONS / 3)

    def test_each_comparison_and_its_negation(self):
        for path, (_, _, operators, values) in conditions.PARAMETERS.items():
            for operator in operators:
                for value in values:
                    condition = comparison(path, operator, [value])
                    self.assert_finds(condition)
                    self.assert_finds(v1.Condition(**{"not": condition}))

    def test_own_and_shared(self):
        row = next(row for row in self.databases[0].rows if row["shared_with"])
        own = comparison("Patient.meta.compartment", "=",
                         ["Organization/" + row["shared_with"][0]])
        for database in self.databases:
            found = database.find(result(own))
            self.assertIn(row["id"], found)
            self.assertLess(len(found), len(database.rows))

    def test_no_context_finds_nothing(self):
        everything = v1.Condition(constant=True)
        for denied in (
                None, FilterResult(FilterKind.NO_DECISION),
                FilterResult(FilterKind.ALWAYS_DENIED, "Patient"),
                result(everything, kind=FilterKind.ALWAYS_DENIED),
                result(everything, kind=FilterKind.NO_DECISION)):
            for database in self.databases:
                self.assertEqual(database.find(denied), set())
        for database in self.databases:
            self.assertEqual(len(database.find(result(everything))),
                             len(database.rows))

    def test_what_is_not_understood_finds_nothing_even_when_negated(self):
        nothing = [
            v1.Condition(),
            v1.Condition(all_of=v1.ConditionList()),
            v1.Condition(any_of=v1.ConditionList()),
            comparison("Patient.gender", "=", []),
            comparison("Patient.gender", "!=", []),
            comparison("Patient.gender", 0, ["male"]),
            comparison("Patient.gender", 77, ["male"]),
            comparison("Patient.gender", "<", ["male"]),
            comparison("Patient.gender", "exists", ["maybe"]),
            comparison("Patient.gender", "exists", ["true", "false"]),
            comparison("Patient.gender", "=", ["male"],
                       parameter_type="special"),
            comparison("Patient.gender", "=", ["ma\0le"]),
            comparison("Patient.name.text", "contains", ["\u00e4"]),
            comparison("Patient.name.text", "<", ["a"]),
            comparison("Patient.birthDate", "contains", ["2000"]),
            comparison("Patient.birthDate", "<", ["2000"]),
            comparison("Patient.birthDate", "<", ["2000-13-01"]),
            comparison("Patient.birthDate", "<", ["9999-12-31"]),
            comparison("Patient.birthDate", "<",
                       ["2000-01-01T00:00:00+02:00"]),
            comparison("Patient.meta.lastUpdated", "<", ["now"]),
            comparison("Patient.score", "<", ["NaN"]),
            comparison("Patient.score", "<", ["1e999"]),
            comparison("Patient.score", "contains", ["1"]),
            comparison("Patient.active", "starts", ["t"]),
            comparison("Patient.meta.compartment", "contains",
                       ["Organization/4"]),
            comparison("Patient.managingOrganization", "starts",
                       ["Organization/"]),
        ]
        everything = v1.Condition(constant=True)
        for condition in nothing:
            for wrapped in (
                    condition, v1.Condition(**{"not": condition}),
                    v1.Condition(any_of=v1.ConditionList(
                        conditions=[everything, condition])),
                    v1.Condition(any_of=v1.ConditionList(
                        conditions=[condition, everything]))):
                for database in self.databases:
                    self.assertEqual(database.find(result(wrapped)), set(),
                                     wrapped)

    def test_bytes_of_the_future_find_nothing(self):
        # A node that this version does not know, in a negation.
        unknown = v1.Condition.FromString(b"\xfa\x01\x00")
        for database in self.databases:
            self.assertEqual(database.find(result(
                v1.Condition(**{"not": unknown}))), set())

    def test_a_hostile_number_in_a_column_is_none(self):
        for database in self.databases:
            if database.name != "PostgreSQL":
                continue
            with database.session.begin_nested() as inner:
                database.session.add(Patient(id="nan", score=float("nan")))
                database.session.add(Patient(id="inf", score=float("inf")))
                database.session.flush()
                found = database.find(result(
                    comparison("Patient.score", ">", ["0"])))
                self.assertTrue(found.isdisjoint({"nan", "inf"}))
                inner.rollback()

    def test_what_is_not_mapped_raises(self):
        unmapped = [
            comparison("Patient.gender", "=", ["x"], path="Patient.photo"),
            comparison("Patient.gender", "=", ["x"], path=""),
            comparison("Patient.gender", "=", ["x"],
                       path="Observation.gender"),
            comparison("Patient.gender", "=", ["x"],
                       parameter_type="reference"),
            comparison("Patient.meta.compartment", "=", ["Device/1"]),
            comparison("Patient.meta.compartment", "!=", ["Device/1"]),
        ]
        for condition in unmapped:
            for wrapped in (condition, v1.Condition(any_of=v1.ConditionList(
                    conditions=[v1.Condition(constant=True), condition]))):
                with self.assertRaises(MappingError, msg=wrapped):
                    filter_to_sqlalchemy(result(wrapped), MAPPING)
        with self.assertRaises(MappingError):
            filter_to_sqlalchemy(
                result(v1.Condition(constant=True),
                       resource_type="Observation"), MAPPING)

    def test_what_cannot_be_said_raises(self):
        with self.assertRaises(NotExpressible):
            filter_to_sqlalchemy(result(None), MAPPING)

    def test_fields_to_be_removed_have_to_be_honored(self):
        everything = v1.Condition(constant=True)
        for fields in ({"strip_fields_required": True},
                       {"hidden_fields": ("name",)}):
            hiding = result(everything, **fields)
            with self.assertRaises(HiddenFieldsNotHonored):
                filter_to_sqlalchemy(hiding, MAPPING)
            for database in self.databases:
                self.assertEqual(
                    len(database.find(hiding, MAPPING,
                                      Obligation.HIDDEN_FIELDS)),
                    len(database.rows))

    def test_a_statement_without_the_model_raises(self):
        allowed = result(comparison("Patient.active", "=", ["true"]))
        other = orm.aliased(Patient)
        for statement in (sa.select(Share), sa.select(other),
                          sa.select(sa.func.now())):
            with self.assertRaises(MappingError):
                where_permitted(statement, allowed, MAPPING)
        joined = sa.select(Patient.id).join(
            Share, Share.patient_id == Patient.id)
        self.assertIn("WHERE", str(
            where_permitted(joined, allowed, MAPPING).compile(
                dialect=postgresql.dialect())))

    def test_an_alias_has_a_mapping_of_its_own(self):
        other = orm.aliased(Patient)
        mapping = ResourceMapping(
            other, "Patient", project=PROJECTS[0],
            tenant=reference_id(other.organization_id, "Organization"))
        condition = comparison("Patient.meta.compartment", "=",
                               ["Organization/" + ORGANIZATIONS[0]])
        for database in self.databases:
            found = set(database.session.scalars(where_permitted(
                sa.select(other.id), result(condition), mapping)))
            self.assertEqual(found, {
                row["id"] for row in database.rows
                if row["organization_id"] == ORGANIZATIONS[0]})
        with self.assertRaises(MappingError):
            ResourceMapping(other, "Patient", project="p", tenant=reference_id(
                Patient.organization_id, "Organization"))

    def test_other_databases_are_refused(self):
        from sqlalchemy.dialects import mysql
        clause = filter_to_sqlalchemy(
            result(comparison("Patient.gender", "=", ["male"])), MAPPING)
        with self.assertRaises(sa.exc.CompileError):
            sa.select(Patient.id).where(clause).compile(
                dialect=mysql.dialect())


class KeysTest(unittest.TestCase):
    """Ids that are numbers and UUIDs."""

    def find(self, engine, column, values, wanted):
        table = sa.Table("keys", sa.MetaData(),
                         sa.Column("key", column, primary_key=True))
        mapping = ResourceMapping(
            table, "Patient", project="p",
            tenant=reference_id(table.c.key, "Organization"))
        with engine.connect() as connection, connection.begin() as transaction:
            table.create(connection)
            connection.execute(table.insert(), [{"key": v} for v in values])
            for value, keys in wanted.items():
                found = connection.execute(where_permitted(
                    sa.select(table.c.key),
                    result(comparison("Patient.meta.compartment", "=",
                                      ["Organization/" + value])), mapping))
                self.assertEqual({row[0] for row in found}, keys, value)
            transaction.rollback()

    def test_numbers(self):
        wanted = {"1": {1}, "01": set(), "1 ": set(), "1.0": set(),
                  "1e0": set(), "x": set(), "": set(), "-1": {-1},
                  "99999999999999999999": set(), "\u0661": set()}
        for engine in filter(None, (databases.sqlite(), POSTGRES.engine)):
            self.find(engine, sa.Integer, [1, 2, -1], wanted)

    def test_uuids(self):
        if POSTGRES.missing:
            self.skipTest(databases.ABSENT + POSTGRES.missing)
        one = ORGANIZATIONS[1]
        wanted = {"x": set(), one.replace("-", ""): set(),
                  "{" + one + "}": set()}
        self.find(POSTGRES.engine, postgresql.UUID(as_uuid=False),
                  ORGANIZATIONS, {one: {one}, **wanted})
        self.find(POSTGRES.engine, postgresql.UUID(as_uuid=True),
                  [uuid.UUID(o) for o in ORGANIZATIONS],
                  {one: {uuid.UUID(one)}, **wanted})


class MappingTest(unittest.TestCase):
    def test_a_model_without_a_tenant_raises(self):
        for tenant in (None, "organization_id", Patient.organization_id):
            with self.assertRaisesRegex(MappingError, "tenant"):
                ResourceMapping(Patient, "Patient", tenant=tenant, project="p")

    def test_a_tenant_that_is_no_reference_raises_when_asked(self):
        mapping = ResourceMapping(Patient, "Patient", project="p",
                                  tenant=text(Patient.organization_id))
        with self.assertRaises(MappingError):
            filter_to_sqlalchemy(result(comparison(
                "Patient.meta.compartment", "=", ["Organization/1"])), mapping)

    def test_columns_that_cannot_be_compared_exactly_raise(self):
        table = sa.Table("t", sa.MetaData(), sa.Column("id", sa.String),
                         sa.Column("padded", sa.CHAR(5)),
                         sa.Column("one", sa.Enum("a", "b")),
                         sa.Column("bytes", sa.LargeBinary),
                         sa.Column("json", sa.JSON))
        for column in (table.c.padded, table.c.one, table.c.bytes,
                       table.c.json, sa.func.lower(table.c.id),
                       sa.literal("x"), sa.column("id", sa.String)):
            with self.assertRaises(MappingError, msg=column):
                text(column)
        for make in (boolean, day, instant, number):
            with self.assertRaises(MappingError):
                make(table.c.id)
        with self.assertRaises(MappingError):
            reference(Patient.score)
        with self.assertRaises(MappingError):
            constant("")
        with self.assertRaises(MappingError):
            any_of()

    def test_columns_of_another_table_raise(self):
        tenant = reference_id(Patient.organization_id, "Organization")
        for element in (text(Share.organization_id),
                        any_of(text(Patient.id), text(Share.organization_id)),
                        related(Share.patient_id, Share.id,
                                text(Share.organization_id))):
            with self.assertRaises(MappingError):
                ResourceMapping(Patient, "Patient", tenant=tenant, project="p",
                                elements={"Patient.gender": element})
        with self.assertRaises(MappingError):
            related(Share.patient_id, Patient.id, text(Patient.gender))
        with self.assertRaises(MappingError):
            related(Share.patient_id, Patient.id, absent())

    def test_a_row_that_is_related_to_none_has_no_related_element(self):
        mapping = ResourceMapping(
            Patient, "Patient", project=PROJECTS[0],
            tenant=constant("Organization/1"),
            elements={"Patient.gender": related(
                Share.organization_id, Patient.organization_id,
                text(Share.patient_id))})
        engine = databases.sqlite()
        Base.metadata.create_all(engine)
        with orm.Session(engine) as session:
            session.add_all([Patient(id="1"), Patient(
                id="2", organization_id="o"), Share(organization_id="o",
                                                    patient_id="male")])
            session.flush()
            for operator, wanted in (("=", ["2"]), ("!=", ["1"])):
                found = session.scalars(where_permitted(
                    sa.select(Patient.id), result(comparison(
                        "Patient.gender", operator, ["male"])), mapping)).all()
                self.assertEqual(found, wanted)

    def test_constants_and_absent_elements(self):
        mapping = ResourceMapping(
            Patient, "Patient", project=PROJECTS[0],
            tenant=constant("Organization/1"),
            elements={"Patient.gender": absent()})
        engine = databases.sqlite()
        Base.metadata.create_all(engine)
        cases = [
            (comparison("Patient.meta.compartment", "=", ["Organization/1"]),
             True),
            (comparison("Patient.meta.compartment", "=", ["Organization/2"]),
             False),
            (comparison("Patient.meta.project", "=", [PROJECTS[0]]), True),
            (comparison("Patient.meta.project", "=", PROJECTS), True),
            (comparison("Patient.meta.project", "=", [PROJECTS[1]]), False),
            (comparison("Patient.meta.project", "!=", [PROJECTS[1]]), True),
            (comparison("Patient.gender", "=", ["male"]), False),
            (comparison("Patient.gender", "!=", ["male"]), True),
            (comparison("Patient.gender", "exists", ["false"]), True),
        ]
        with orm.Session(engine) as session:
            session.add(Patient(id="1", birth_date=datetime.date(2000, 1, 1)))
            session.flush()
            for condition, wanted in cases:
                found = session.scalars(where_permitted(
                    sa.select(Patient.id), result(condition), mapping)).all()
                self.assertEqual(found, ["1"] if wanted else [], condition)


if __name__ == "__main__":
    unittest.main()
