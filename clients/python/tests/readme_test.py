#!/usr/bin/python3
"""What README.md shows does what it says, and the reference is up to date."""

import asyncio
import contextlib
import io
import pathlib
import re
import subprocess
import sys
import unittest

import sqlalchemy as sa
from sqlalchemy import orm

import databases
import support  # noqa: F401
from clinic import CLINIC, resources
from pdpd import EVERYTHING, Pdpd
from medplum_pdp import PdpClient

PYTHON = pathlib.Path(__file__).resolve().parent.parent
README = (PYTHON / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
PATIENT = "ProjectMembership/13000001-0000-4000-8000-000000000020"
CLINICIAN = "ProjectMembership/13000001-0000-4000-8000-000000000001"
CLINIC_ONE = "11000001-0000-4000-8000-000000000001"
CLINIC_TWO = "11000002-0000-4000-8000-000000000001"
OWN = "20000001-0000-4000-8000-000000000001"
OTHER = "20000002-0000-4000-8000-000000000001"


class ReadmeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pdpd = Pdpd("--source", f"directory:{CLINIC}", *EVERYTHING)
        cls.addClassCleanup(cls.pdpd.remove)
        cls.addClassCleanup(cls.pdpd.stop)

    def setUp(self):
        self.client = PdpClient(self.pdpd.target, plaintext=True, timeout=30.0)
        self.addCleanup(self.client.close)

    def run_block(self, text, values=None):
        """What the block with that text defines, and prints."""
        [block] = [block for block in BLOCKS if text in block]
        block = block.replace("127.0.0.1:8990", self.pdpd.target).replace(
            "plaintext=True", "plaintext=True, timeout=30.0")
        defined = {"__name__": "readme", **(values or {})}
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(block, "README.md", "exec"), defined)
        return defined, printed.getvalue()

    def first(self):
        return self.run_block("for patient in")[0]

    def test_every_block_is_run(self):
        self.assertEqual(len(BLOCKS), 7)

    def test_the_first_call(self):
        printed = self.run_block("for patient in")[1].splitlines()
        self.assertEqual(re.findall(r"`(PERMIT PERM\S+ \d+|DENY \S+ \d+)`",
                                    README), printed)
        block = next(b for b in BLOCKS if "for patient in" in b)
        self.assertLessEqual(len(block.splitlines()), 10)

    def test_require_check(self):
        show = self.run_block("def show", self.first())[0]["show"]
        shown = {p["id"]: show(self.client, PATIENT, p)
                 for p in resources("Patient")}
        self.assertEqual(shown[OWN]["id"], OWN)
        self.assertEqual(shown[OTHER], 403)

    def test_transport(self):
        connect = self.run_block("def connect", self.first())[0]["connect"]
        self.assertIn("pdp.example.com", repr(connect(None)))

    def test_asyncio(self):
        ask = self.run_block("async def may_read", self.first())[0]["may_read"]
        self.assertTrue(asyncio.run(ask(PATIENT, OWN)))
        self.assertFalse(asyncio.run(ask(PATIENT, OTHER)))

    def test_data_jobs(self):
        export = self.run_block("def export")[0]["export"]
        out = []
        export(self.client, PATIENT, iter(resources("Patient")), out)
        self.assertEqual([p["id"] for p in out], [OWN])

    def test_flask(self):
        defined = self.run_block("import flask")[0]
        app = defined["app"]
        app.secret_key = "test"
        self.addCleanup(defined["client"].close)
        browser = app.test_client()
        path = f"/organizations/{CLINIC_ONE}/patients/{OWN}"
        self.assertEqual(browser.get("/health").status_code, 200)
        self.assertEqual(browser.get(path).status_code, 401)
        with browser.session_transaction() as session:
            session["membership"] = CLINICIAN
        self.assertEqual(browser.get(path).json["id"], OWN)
        for other in (path.replace(OWN, OTHER),
                      path.replace(CLINIC_ONE, CLINIC_TWO)):
            self.assertEqual(browser.get(other).status_code, 403)
        days = "/organizations/{}/closing-days"
        self.assertEqual(
            browser.post(days.format(CLINIC_ONE)).status_code, 204)
        self.assertEqual(
            browser.post(days.format(CLINIC_TWO)).status_code, 403)
        with browser.session_transaction() as session:
            session["membership"] = PATIENT
        self.assertEqual(
            browser.post(days.format(CLINIC_ONE)).status_code, 403)

    def test_sqlalchemy(self):
        defined = self.run_block("patients_of")[0]
        engine = databases.sqlite()
        defined["Base"].metadata.create_all(engine)
        patient, share = defined["Patient"], defined["Share"]
        with orm.Session(engine) as session:
            session.add_all([
                patient(id="own", organization_id=CLINIC_ONE, gender="female"),
                patient(id="man", organization_id=CLINIC_ONE, gender="male"),
                patient(id="shared", organization_id=CLINIC_TWO,
                        gender="female"),
                patient(id="other", organization_id=CLINIC_TWO,
                        gender="female"),
                share(patient_id="shared", organization_id=CLINIC_ONE)])
            session.flush()
            found = defined["patients_of"](self.client, session, CLINICIAN)
            self.assertEqual({row.id for row in found}, {"own", "shared"})
        self.assertTrue(sa.inspect(engine).has_table("share"))

    def test_the_reference_says_what_the_docstrings_say(self):
        result = subprocess.run([sys.executable, "-B", "reference.py",
                                 "--check"], cwd=PYTHON, capture_output=True,
                                text=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_links_lead_somewhere(self):
        for page in (PYTHON / "README.md",
                     PYTHON / "examples/clinic_app/README.md"):
            for link in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
                if not link.startswith("http"):
                    self.assertTrue((page.parent / link).exists(), link)


if __name__ == "__main__":
    unittest.main()
