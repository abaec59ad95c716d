"""What a login may see: its policy, Medplum's admin rules, linked projects.

Criteria are understood as far as the policies of a decision point's own login
go: `Type?_id=`, `Type?_project=`, and equality of top-level elements.
"""

import urllib.parse

from .outcome import Outcome, bad_request

ADMIN_TYPES = ("Package", "PackageRelease", "PackageInstallation", "Project",
               "ProjectMembership", "User", "UserSecurityRequest")
PROTECTED_TYPES = ("DomainConfiguration", "JsonWebKey", "Login")
READS = ("read", "vread", "history", "search")
# Readable whatever the policy says (only those that matter here).
DEFAULT_TYPES = ("CapabilityStatement", "StructureDefinition",
                 "SearchParameter", "OperationDefinition", "ValueSet",
                 "CodeSystem", "UserConfiguration")
EXTENDED_META = ("author", "project", "account", "accounts", "compartment",
                 "deleted")


def raw_policy(world, membership):
    """The entries of the policies that a membership names, as they are
    (buildAccessPolicy).  Raises where one cannot be read."""
    named = []
    if "accessPolicy" in membership:
        named.append(membership["accessPolicy"])
    named += [item["policy"] for item in membership.get("access", [])]
    if not named:
        return [{"resourceType": "*"}]
    entries = []
    for reference in named:
        policy = world.living(reference.get("reference"))
        if policy is None:
            raise bad_request("Cannot authenticate: Invalid access policy "
                              "configuration")
        entries += policy.get("resource", [])
    entries += [{"resourceType": type_, "readonly": True}
                for type_ in DEFAULT_TYPES]
    return entries


def admin_entries(project):
    """The entries that Medplum gives to project admins."""
    return [
        {"resourceType": "Project", "criteria": f"Project?_id={project}",
         "interaction": ["read", "vread", "update", "history", "create",
                         "search"],
         "readonlyFields": ["features", "link", "systemSetting"],
         "hiddenFields": ["superAdmin", "systemSecret", "strictMode"]},
        {"resourceType": "Project",
         "interaction": ["read", "vread", "history", "search"],
         "hiddenFields": ["superAdmin", "setting", "systemSetting", "secret",
                          "systemSecret", "strictMode"]},
        {"resourceType": "ProjectMembership",
         "criteria": f"ProjectMembership?_project={project}",
         "readonlyFields": ["project", "user"]},
        {"resourceType": "UserSecurityRequest",
         "criteria": f"UserSecurityRequest?_project={project}",
         "readonly": True},
        {"resourceType": "User", "criteria": f"User?_project={project}",
         "hiddenFields": ["passwordHash", "mfaSecret"],
         "readonlyFields": ["email", "emailVerified", "mfaEnrolled",
                            "project"]},
        {"resourceType": "Package", "readonly": True},
        {"resourceType": "PackageRelease", "readonly": True},
        {"resourceType": "PackageInstallation", "readonly": True},
    ]


def type_matches(entry, type_):
    named = entry.get("resourceType")
    return named == type_ or (named == "*" and type_ not in ADMIN_TYPES)


def interaction_matches(entry, interaction):
    if "interaction" in entry:
        return interaction in entry["interaction"]
    return not entry.get("readonly") or interaction in READS


def criteria_match(entry, version, world):
    criteria = entry.get("criteria")
    if not criteria:
        return True
    type_, _, query = criteria.partition("?")
    if type_ != version.type:
        return False
    return all(parameter_matches(name, value, version, world) for name, value
               in urllib.parse.parse_qsl(query, keep_blank_values=True))


def parameter_matches(name, value, version, world):
    values = value.split(",")
    if name == "_id":
        return version.id in values
    if name == "_project":
        return version.project in values
    if name == "_tag":
        tags = world.resource(version).get("meta", {}).get("tag", ())
        return any(f"{tag.get('system')}|{tag.get('code')}" in values
                   for tag in tags)
    if name == "identifier":
        identifiers = world.resource(version).get("identifier", ())
        return any(f"{one.get('system')}|{one.get('value')}" in values or
                   one.get("value") in values for one in identifiers)
    if name == "external-id":
        name = "externalId"
    element = world.resource(version).get(name)
    if isinstance(element, dict):
        return element.get("reference") in values
    if isinstance(element, bool):
        return str(element).lower() in values
    if name == "name":
        texts = [element or ""] if not isinstance(element, list) else [
            text for one in element
            for text in (*one.get("given", ()), one.get("family", ""))]
        return any(text.lower().startswith(value.lower())
                   for text in texts for value in values)
    return element in values


def satisfied_entry(entries, version, interaction, world):
    """The first entry that grants it; None without one."""
    for entry in entries:
        if (type_matches(entry, version.type) and
                interaction_matches(entry, interaction) and
                criteria_match(entry, version, world)):
            return entry
    return None


class Access:
    """What one membership may do, as of now."""

    def __init__(self, world, membership, project):
        self.world = world
        self.membership = membership
        self.project = project
        self.super_admin = bool(project.get("superAdmin"))
        self.admin = bool(membership.get("admin"))
        entries = raw_policy(world, membership)
        if self.super_admin:
            named = {entry.get("resourceType") for entry in entries}
            entries = entries + [{"resourceType": type_}
                                 for type_ in ADMIN_TYPES if type_ not in named]
        else:
            entries = [entry for entry in entries
                       if entry.get("resourceType") not in ADMIN_TYPES]
            if self.admin:
                entries += admin_entries(project["id"])
        self.entries = entries
        self._projects = {}

    def require(self, interaction, type_):
        if not self.super_admin and type_ in PROTECTED_TYPES:
            raise Outcome("forbidden")
        if not any(type_matches(entry, type_) and
                   interaction_matches(entry, interaction)
                   for entry in self.entries):
            raise Outcome("forbidden")

    def projects(self, type_):
        """Whose resources of a type may be read."""
        if type_ not in self._projects:
            own = {self.project["id"]}
            if type_ not in ADMIN_TYPES or type_ == "Project":
                for link in self.project.get("link", []):
                    linked = self.world.living(link["project"]["reference"])
                    exported = (linked or {}).get("exportedResourceType")
                    if linked and (type_ == "Project" or not exported or
                                   type_ in exported):
                        own.add(linked["id"])
            self._projects[type_] = own
        return self._projects[type_]

    def entry_for(self, version, interaction="read"):
        """The entry by which this may be seen; None: it may not."""
        if not self.super_admin:
            if version.project not in self.projects(version.type):
                return None
            if interaction not in READS and \
                    version.project != self.project["id"]:
                return None
        return satisfied_entry(self.entries, version, interaction, self.world)

    def effective_policy(self):
        return {
            "resourceType": "AccessPolicy",
            "basedOn": [item["policy"]
                        for item in self.membership.get("access", [])] or None,
            "resource": self.entries,
        }


def shown(resource, entry, extended):
    """The resource without what is not shown.  Does not change it."""
    hidden = entry.get("hiddenFields") or ()
    result = {k: v for k, v in resource.items() if k not in hidden}
    if not extended and "meta" in result:
        result["meta"] = {k: v for k, v in result["meta"].items()
                          if k not in EXTENDED_META}
    return result
