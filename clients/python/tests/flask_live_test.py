#!/usr/bin/python3
"""Guards by a stored tenant and by roles, with a real decision point."""

import json
import pathlib
import shutil
import tempfile
import unittest

import flask

import support
from clinic_app_test import ANN, BOB, EVE, EXAMPLE, NORTH, SOUTH
from pdpd import EVERYTHING, Pdpd
from medplum_pdp import PdpClient
from medplum_pdp.flask import FlaskPdp, from_header, from_url, stored

DENTIST, CLERK, MANAGER = (
    f"AccessPolicy/12000000-0000-4000-8000-0000000000f{i}" for i in (1, 2, 3))


def choosing(tenant):
    """Ann's UserConfiguration; None: she has not chosen."""
    options = [] if tenant is None else [
        {"id": "activeTenant", "valueString": tenant}]
    return {"resourceType": "UserConfiguration", "id": "c", "name": "c",
            "meta": {"project": "10000000-0000-4000-8000-0000000000f1"},
            "option": options}


class StoredTenantTest(unittest.TestCase):
    def app_of(self, choice):
        """An application whose decision point has Ann's choice."""
        directory = pathlib.Path(tempfile.mkdtemp(prefix="pdp-flask-"))
        self.addCleanup(shutil.rmtree, directory)
        for path in (EXAMPLE / "policies").iterdir():
            text = path.read_text()
            if path.name == "memberships.json":
                bundle = json.loads(text)
                for entry in bundle["entry"]:
                    if ANN.endswith("/" + entry["resource"]["id"]):
                        entry["resource"]["userConfiguration"] = {
                            "reference": "UserConfiguration/c"}
                text = json.dumps(bundle)
            (directory / path.name).write_text(text)
        (directory / "choice.json").write_text(json.dumps(choosing(choice)))
        server = Pdpd("--source", f"directory:{directory}", *EVERYTHING)
        self.addCleanup(server.remove)
        self.addCleanup(server.stop)
        client = PdpClient(server.target, plaintext=True, timeout=support.LONG)
        self.addCleanup(client.close)
        self.who = ANN
        pdp = FlaskPdp(client, subject=lambda: self.who, roles={
            "dentist": DENTIST, "clerk": CLERK, "manager": MANAGER})
        app = flask.Flask(__name__)
        for name, tenant in (("stored", stored()), ("url", from_url("org")),
                             ("header", from_header("X-Organization"))):
            rule = f"/{name}" + ("/<org>" if name == "url" else "")
            organization = pdp.require_organization_access(tenant)
            app.add_url_rule(rule, name, organization(
                lambda org=None: "well"))
            for role in ("dentist", "clerk", "manager"):
                app.add_url_rule(
                    f"/{role}{rule}", f"{role}-{name}",
                    pdp.require_role(role)(organization(
                        lambda org=None: "well")))
        pdp.init_app(app)
        browser = app.test_client()
        return lambda path, **headers: browser.get(
            path, headers=headers).status_code

    def test_the_choice_of_a_member(self):
        for choice, organization, roles in (
                ("Organization/" + NORTH, 200, {"dentist", "manager"}),
                ("Organization/" + SOUTH, 200, {"clerk"}),
                # Several are active: of which would the role be?
                (None, 200, set()),
                ("Organization/40000000-0000-4000-8000-0000000000ff", 403,
                 set())):
            ask = self.app_of(choice)
            self.assertEqual(ask("/stored"), organization, choice)
            for role in ("dentist", "clerk", "manager"):
                self.assertEqual(ask(f"/{role}/stored"),
                                 200 if role in roles else 403, (choice, role))

    def test_tenants_and_roles(self):
        ask = self.app_of(None)
        wanted = {
            (ANN, NORTH): (200, {"dentist", "manager"}),
            (ANN, SOUTH): (200, {"clerk"}), (BOB, SOUTH): (200, {"clerk"}),
            (BOB, NORTH): (403, set()), (EVE, NORTH): (401, set()),
            ("Practitioner/x", NORTH): (401, set())}
        for (who, organization), (status, roles) in wanted.items():
            self.who = who
            self.assertEqual(ask("/url/" + organization), status)
            self.assertEqual(ask("/header", **{
                "X-Organization": organization}), status)
            for role in ("dentist", "clerk", "manager"):
                self.assertEqual(
                    ask(f"/{role}/url/{organization}"),
                    200 if role in roles else 403 if status == 200 else status,
                    (who, organization, role))


if __name__ == "__main__":
    unittest.main()
