"""What is not FHIR: `/auth/me` and `/admin/projects`."""

import secrets

from .fhir_api import Answer, author_of
from .outcome import Outcome, bad_request, dumps

JSON = "application/json; charset=utf-8"


class AdminApi:
    def __init__(self, world, settings):
        self.world = world
        self.settings = settings

    def me(self, caller):
        project = caller.access.project
        membership = caller.membership
        return Answer(200, dumps(compact({
            "project": {k: project.get(k) for k in
                        ("resourceType", "id", "name", "strictMode",
                         "superAdmin", "features")},
            "membership": {k: membership.get(k) for k in
                           ("resourceType", "id", "user", "profile", "admin",
                            "accessPolicy", "access")},
            "profile": self.world.living(caller.profile),
            "config": {"resourceType": "UserConfiguration"},
            "accessPolicy": caller.access.effective_policy(),
        })), content_type=JSON)

    def handle(self, caller, method, path, body):
        parts = path.strip("/").split("/")
        if len(parts) < 4 or parts[1] != "projects":
            raise Outcome("not-found")
        project = parts[2]
        access = caller.access
        if not (access.super_admin or (access.admin and
                                       project == caller.project)):
            raise Outcome("forbidden")
        if method == "POST" and parts[3] == "client":
            return self._create_client(caller, project, body)
        if method == "POST" and parts[3] == "invite":
            return self._invite(caller, project, body)
        if parts[3] == "members" and len(parts) == 5:
            return self._member(caller, method, project, parts[4], body)
        raise Outcome("not-found")

    def _create_client(self, caller, project, body):
        """The client, and its membership with it."""
        author = author_of(self.world, caller)
        client = self.world.put(compact({
            "resourceType": "ClientApplication",
            "meta": {"project": project},
            "name": body.get("name"),
            "secret": secrets.token_hex(32),
            "description": body.get("description"),
        }), project=project, author=author)
        reference = {"reference": f"ClientApplication/{client.id}",
                     "display": body.get("name")}
        self.world.put(compact({
            "resourceType": "ProjectMembership",
            "project": {"reference": f"Project/{project}"},
            "user": reference,
            "profile": reference,
            "accessPolicy": body.get("accessPolicy"),
        }), project=project)
        return Answer(201, client.text, content_type=JSON)

    def _invite(self, caller, project, body):
        email = body.get("email", "someone@example.com")
        user = self.world.put({"resourceType": "User", "email": email})
        name = {"given": [body.get("firstName", "A")],
                "family": body.get("lastName", "B")}
        profile = self.world.put({
            "resourceType": body.get("resourceType", "Practitioner"),
            "name": [name]}, project=project)
        resource = self.world.living(f"Project/{project}") or {}
        membership = self.world.put(compact({
            "access": body.get("access"),
            "accessPolicy": body.get("accessPolicy"),
            "admin": body.get("admin"),
            "invitedBy": author_of(self.world, caller),
            "resourceType": "ProjectMembership",
            "project": {"reference": f"Project/{project}",
                        "display": resource.get("name")},
            "user": {"reference": f"User/{user.id}", "display": email},
            "profile": {"reference": f"{profile.type}/{profile.id}",
                        "display": f"{name['given'][0]} {name['family']}"},
            **body.get("membership", {}),
        }), project=project)
        return Answer(200, membership.text, content_type=JSON)

    def _member(self, caller, method, project, id_, body):
        found = self.world.find("ProjectMembership", id_)
        if found is None or found.project != project:
            raise Outcome("not-found")
        if method == "POST":
            if body.get("id") != id_:
                raise bad_request("Invalid membership")
            self.world.put(body, author=author_of(self.world, caller))
            found = self.world.find("ProjectMembership", id_)
        if method == "DELETE":
            self.world.delete("ProjectMembership", id_)
            return Answer(200, dumps(Outcome("ok").as_resource()))
        return Answer(200, found.text, content_type=JSON)


def compact(resource):
    return {k: v for k, v in resource.items() if v is not None}
