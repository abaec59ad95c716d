"""What is not FHIR: `/auth/me` and `/admin/projects`."""

import secrets
import uuid

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
        """A User, a profile and a membership; what of them is there is
        used."""
        self._check_policies(project, body)
        user = self._invited_user(project, body)
        known = [m for m in self._memberships(project)
                 if m["user"]["reference"] == f"User/{user['id']}"]
        again = body.get("forceNewMembership") or body.get("upsert")
        if known and not again:
            raise Outcome(status=409, code="conflict",
                          text="User is already a member of this project")
        profile = self._invited_profile(project, body, known)
        resource = self.world.living(f"Project/{project}") or {}
        name = profile["name"][0]
        membership = compact({
            "access": body.get("access"),
            "accessPolicy": body.get("accessPolicy"),
            "admin": body.get("admin"),
            "externalId": body.get("externalId"),
            "invitedBy": author_of(self.world, caller),
            "resourceType": "ProjectMembership",
            "project": {"reference": f"Project/{project}",
                        "display": resource.get("name")},
            "user": compact({"reference": f"User/{user['id']}",
                             "display": user.get("email")}),
            "profile": {"reference": f"{profile['resourceType']}/"
                                     f"{profile['id']}",
                        "display": f"{name['given'][0]} {name['family']}"},
            **body.get("membership", {}),
        })
        if known and not body.get("forceNewMembership"):
            membership["id"] = known[0]["id"]
        if "accessPolicy" not in membership and not membership.get("access"):
            membership.update(default_access(resource, body))
        membership.setdefault("id", str(uuid.uuid4()))
        self.world.put(membership, project=project)
        written = self.world.living(f"ProjectMembership/{membership['id']}")
        return Answer(200, dumps(written), content_type=JSON)

    def _check_policies(self, project, body):
        named = [body.get("accessPolicy")]
        for access in (body.get("access"),
                       body.get("membership", {}).get("access")):
            named += [item["policy"] for item in access or []]
        for reference in filter(None, named):
            type_, _, id_ = reference["reference"].partition("/")
            found = self.world.find(type_, id_)
            if found is None or found.deleted or found.project != project:
                raise bad_request("Access policy does not exist")

    def _memberships(self, project):
        found = [v for v in self.world.all_living("ProjectMembership")
                 if v.project == project]
        return [self.world.resource(v) for v in found]

    def _invited_user(self, project, body):
        email = (body.get("email") or "").lower() or None
        external = body.get("externalId")
        if not email and not external:
            raise bad_request("Either email or externalId is required")
        own = external or body.get("scope") == "project" or (
            body.get("resourceType") == "Patient" and
            body.get("scope") != "server")
        for version in self.world.all_living("User"):
            user = self.world.resource(version)
            if version.project == (project if own else None) and (
                    user.get("externalId") == external if external
                    else user.get("email") == email):
                return user
        made = self.world.put(compact({
            "resourceType": "User", "email": email, "externalId": external,
            "firstName": body.get("firstName"),
            "lastName": body.get("lastName"),
            "project": {"reference": f"Project/{project}"} if own else None,
        }), project=project if own else None)
        return made.resource

    def _invited_profile(self, project, body, known):
        type_ = body.get("resourceType", "Practitioner")
        if type_ not in ("Patient", "Practitioner", "RelatedPerson"):
            raise bad_request("Invalid resourceType")
        for membership in known:
            profile = self.world.living(membership["profile"]["reference"])
            if profile and profile["resourceType"] == type_:
                return profile
        email = (body.get("email") or "").lower()
        for version in self.world.all_living(type_) if email else ():
            profile = self.world.resource(version)
            if version.project == project and email in [
                    t.get("value") for t in profile.get("telecom", [])]:
                return profile
        made = self.world.put(compact({
            "resourceType": type_,
            "name": [{"given": [body.get("firstName", "A")],
                      "family": body.get("lastName", "B")}],
            "telecom": [{"system": "email", "use": "work", "value": email}]
            if email else None,
            "patient": body.get("patient"),
        }), project=project)
        return made.resource

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
            owner = (self.world.living(f"Project/{project}") or {}).get("owner")
            user = self.world.resource(found)["user"]["reference"]
            if owner and owner.get("reference") == user:
                raise bad_request("Cannot delete the owner of the project")
            self.world.delete("ProjectMembership", id_)
            return Answer(200, dumps(Outcome("ok").as_resource()))
        return Answer(200, found.text, content_type=JSON)


def default_access(project, body):
    """What a membership without any policy has by the project's defaults."""
    type_ = body.get("resourceType", "Practitioner")
    if body.get("admin") and type_ == "Practitioner":
        type_ = "Admin"
    for default in project.get("defaultAccessPolicies", []):
        if default["profileType"] != type_:
            continue
        if type_ == "RelatedPerson":
            return {"access": [{
                "policy": default["accessPolicy"],
                "parameter": [{"name": "patient",
                               "valueReference": body.get("patient")}]}]}
        return {"accessPolicy": default["accessPolicy"]}
    if type_ == "Patient" and "defaultPatientAccessPolicy" in project:
        return {"accessPolicy": project["defaultPatientAccessPolicy"]}
    return {}


def compact(resource):
    return {k: v for k, v in resource.items() if v is not None}
