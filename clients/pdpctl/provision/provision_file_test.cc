#include "clients/pdpctl/provision/provision_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_replace.h"
#include "pdp/base/strings.h"

namespace pdp::provision {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kSound[] = R"(tenancy: organization_in_project
environments:
  dev: {base-url: "https://a.example/", project: p, client-id: c,
        client-secret-file: secret}
organizations:
  - name: north
roles:
  - name: nurse
    policy:
      resource:
        - {resourceType: Patient, criteria: "Patient?_compartment=%organization"}
  - name: plain
    policy: {resource: [{resourceType: Device}]}
people:
  - name: alice
    type: Practitioner
    given: A
    family: B
    email: a@example.com
    access:
      - {role: nurse, organization: north}
)";

TEST(ProvisionFileTest, ReadsWhatIsSound) {
  const auto file = ParseProvisionFile(kSound, "dir/f.yaml");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(file->environments, SizeIs(1));
  EXPECT_EQ(file->environments[0].logins.at("").client_secret_file,
            "dir/secret");
  EXPECT_TRUE(file->FindRole("nurse")->binds_tenant);
  EXPECT_FALSE(file->FindRole("plain")->binds_tenant);
  EXPECT_EQ(file->FindRole("nurse")->policy_name, "nurse");
  EXPECT_EQ(file->people[0].access[0].organization, "north");
}

TEST(ProvisionFileTest, RefusesWhatIsNotAndSaysWhere) {
  struct Case {
    std::string name;
    std::string old_text;
    std::string new_text;
    std::string error;
  };
  const Case cases[] = {
      {"unknown key", "    given: A", "    given: A\n    nickname: B",
       "f.yaml:18:5: unknown key `nickname`"},
      {"key twice", "    given: A", "    given: A\n    given: B",
       "f.yaml:18:5: `given` is given twice"},
      {"unknown tenancy", "organization_in_project", "shared",
       "f.yaml:1:10: `shared` is no tenancy"},
      {"no login", ", client-id: c", "", "a login needs `client-id`"},
      {"a secret in place of a file", "client-secret-file: secret",
       "client-secret: hunter2", "unknown key `client-secret`"},
      {"duplicate name", "  - name: plain", "  - name: nurse",
       "f.yaml:12:5: there is another role `nurse` at f.yaml:8:5"},
      {"unmapped role", "role: nurse", "role: surgeon",
       "f.yaml:21:9: there is no role `surgeon`; the roles are: nurse, plain"},
      {"unknown organization", "organization: north", "organization: west",
       "f.yaml:21:9: there is no organization `west`"},
      {"tenant parameter is missing", ", organization: north", "",
       "uses %organization, which nothing binds: add `organization: NAME`"},
      {"tenant parameter is of no use", "role: nurse", "role: plain",
       "it would reach every organization"},
      {"tenant as a parameter", "organization: north}",
       "organization: north, parameters: {organization: Organization/1}}",
       "is bound by `organization: NAME`"},
      {"unknown type", "type: Practitioner", "type: Robot", "`Robot` is none"},
      {"unknown type of a parameter", "organization: north}",
       "organization: north, parameters: {ward: Wardrobe/1}}",
       "`Wardrobe` is no resource type"},
      {"nobody", "    email: a@example.com\n", "",
       "needs one of `email` and `external-id`"},
      {"no access is full access",
       "    access:\n      - {role: nurse, organization: north}\n", "",
       "Medplum gives a member without a policy full access"},
      {"profile of another role", "  - name: nurse\n",
       "  - name: nurse\n    profiles: [Patient]\n",
       "the role `nurse` is not for a Practitioner"},
      {"no such policy file", "policy: {resource: [{resourceType: Device}]}",
       "policy: none.json", "f.yaml:13:13: "},
      {"no policy", "policy: {resource: [{resourceType: Device}]}",
       "adopt: true", "has no `policy`"},
      {"a policy of another type",
       "policy: {resource: [{resourceType: Device}]}",
       "policy: {resourceType: Patient}", "is no AccessPolicy"},
      {"a name that is none", "name: alice", "name: a/b",
       "needs a `name` of letters"},
      {"unknown state", "  - name: north", "  - name: north\n    state: closed",
       "`closed` is no state"},
      {"unknown environment", "    given: A",
       "    given: A\n    environments: [qa]",
       "there is no environment `qa`; the environments are: dev"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string text =
        absl::StrReplaceAll(kSound, {{c.old_text, c.new_text}});
    ASSERT_NE(text, kSound);
    const auto file = ParseProvisionFile(text, "f.yaml");
    ASSERT_FALSE(file.ok());
    EXPECT_THAT(std::string(file.status().message()), HasSubstr(c.error));
  }
}

TEST(ProvisionFileTest, EnvironmentsAreNeeded) {
  for (const char* environments : {"", "environments: x\n"}) {
    SCOPED_TRACE(environments);
    const auto file = ParseProvisionFile(
        StrCat("tenancy: organization_in_project\n", environments), "f.yaml");
    EXPECT_THAT(std::string(file.status().message()),
                HasSubstr("`environments` is missing"));
    EXPECT_THAT(std::string(file.status().message()), HasSubstr("f.yaml:1:1"));
  }
}

TEST(ProvisionFileTest, TellsAllThatIsWrongAtOnce) {
  const std::string text =
      absl::StrReplaceAll(kSound, {{"type: Practitioner", "type: Robot"},
                                   {"role: nurse", "role: surgeon"}});
  const std::string message(
      ParseProvisionFile(text, "f.yaml").status().message());
  EXPECT_THAT(message, HasSubstr("Robot"));
  EXPECT_THAT(message, HasSubstr("surgeon"));
}

TEST(ProvisionFileTest, AProjectForEachOrganizationHasItsLogin) {
  constexpr char kText[] = R"(tenancy: project_per_organization
environments:
  dev:
    base-url: https://a.example/
    projects:
      north: {project: p, client-id: c, private-key-file: k}
organizations:
  - name: north
)";
  const auto file = ParseProvisionFile(kText, "f.yaml");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->environments[0].logins.at("north").project, "p");
  const std::string other =
      absl::StrReplaceAll(kText, {{"- name: north", "- name: south"}});
  EXPECT_THAT(
      std::string(ParseProvisionFile(other, "f.yaml").status().message()),
      HasSubstr("f.yaml:6:7: there is no organization `north`"));
}

}  // namespace
}  // namespace pdp::provision
