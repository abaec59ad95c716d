#include "pdp/medplum/rest_hook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::medplum {
namespace {

constexpr char kSecret[] = "a secret of some length";
constexpr char kPolicies[] = "601c05ed-85ae-420e-98d5-4c1e45005d73";

StringMap<std::string> Types() { return {{kPolicies, "AccessPolicy"}}; }

std::string Judge(const RestHookRequest& request,
                  const std::vector<std::string>& secrets = {kSecret}) {
  const auto read = ReadRestHook(request, secrets, Types());
  if (const auto* refusal = std::get_if<RestHookRefusal>(&read)) {
    return StrCat(HttpStatus(*refusal));
  }
  const Notification& told = std::get<Notification>(read);
  return StrCat(static_cast<int>(told.interaction), " ", told.key.ToString(),
                " ", told.version_id);
}

TEST(RestHookTest, RecordedRequestsAreUnderstood) {
  struct Case {
    const char* name;
    Interaction interaction;
    const char* key;
    const char* version;
  };
  const Case kCases[] = {
      {"AccessPolicy.create", Interaction::kCreate,
       "AccessPolicy/b9adc2aa-bd41-4fd1-8404-9c824c1c035c",
       "4b4013f0-e02c-45d3-ab91-d942cae588b0"},
      {"AccessPolicy.update", Interaction::kUpdate,
       "AccessPolicy/b9adc2aa-bd41-4fd1-8404-9c824c1c035c",
       "2be56569-a716-4fa4-810e-417465ae5364"},
      {"AccessPolicy.delete", Interaction::kDelete,
       "AccessPolicy/b9adc2aa-bd41-4fd1-8404-9c824c1c035c", ""},
      {"ProjectMembership.create(invite)", Interaction::kCreate,
       "ProjectMembership/5b508709-4df4-457c-8205-255ca3772c1b",
       "910fd077-7e47-41a3-b48d-a00c2bfe1b19"},
      {"ProjectMembership.create(FHIR POST)", Interaction::kCreate,
       "ProjectMembership/917c4d73-95dd-4907-9c1b-78a07ca0460a",
       "e7e4a586-6d33-4a72-bd0a-a03adce04493"},
      {"ProjectMembership.update", Interaction::kUpdate,
       "ProjectMembership/5b508709-4df4-457c-8205-255ca3772c1b",
       "462b2c71-cff4-4a6c-899f-aa82cf385753"},
      {"ProjectMembership.delete", Interaction::kDelete,
       "ProjectMembership/5b508709-4df4-457c-8205-255ca3772c1b", ""},
      {"Project.update", Interaction::kUpdate,
       "Project/03573b27-d0c7-4f08-9851-239a50215cd7",
       "79340645-0c6a-4336-a66a-e462d851332c"},
  };
  simdjson::dom::parser parser;
  const auto recordings =
      parser.load("tests/medplum/recordings/rest-hook.json").value();
  const std::string secret(fhir::StringMember(recordings, "hmac_secret"));
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const auto recorded = recordings["examples"][c.name].value();
    RestHookRequest request;
    request.body = fhir::StringMember(recorded, "body");
    for (const auto header : recorded["headers"].get_array()) {
      const std::string_view name = header.at(0).get_string();
      const std::string_view value = header.at(1).get_string();
      if (name == "X-Signature") request.signature = value;
      if (name == "X-Medplum-Subscription") request.subscription = value;
      if (name == "X-Medplum-Interaction") request.interaction = value;
      if (name == "X-Medplum-Deleted-Resource") {
        request.deleted_resource = value;
      }
    }
    const std::string type(c.key, std::string_view(c.key).find('/'));
    const auto read = ReadRestHook(request, std::vector<std::string>{secret},
                                   {{std::string(request.subscription), type}});
    ASSERT_TRUE(std::holds_alternative<Notification>(read))
        << HttpStatus(std::get<RestHookRefusal>(read));
    const Notification& told = std::get<Notification>(read);
    EXPECT_EQ(told.interaction, c.interaction);
    EXPECT_EQ(told.key.ToString(), c.key);
    EXPECT_EQ(told.version_id, c.version);

    // One bit of the body, or of the secret, makes it another request.
    std::string body(request.body);
    body[body.size() / 2] ^= 1;
    RestHookRequest forged = request;
    forged.body = body;
    EXPECT_EQ(Judge(forged, {secret}), "401");
    EXPECT_EQ(Judge(request, {secret + "x"}), "401");
  }
}

TEST(RestHookTest, RefusesAllThatTheServerDoesNotSend) {
  const std::string kBody =
      R"({"resourceType":"AccessPolicy","id":"p","meta":{"versionId":"v"}})";
  const auto signed_by = [](std::string_view body) {
    return RestHookSignature(kSecret, body);
  };
  const std::string kSignature = signed_by(kBody);
  const std::string kDeleted = signed_by("{}");
  std::string upper_case = kSignature;
  for (char& c : upper_case) c = static_cast<char>(std::toupper(c));
  const std::string kOfPatient = R"({"resourceType":"Patient","id":"p"})";
  const std::string kOfPatientSignature = signed_by(kOfPatient);
  const std::string kWithoutId = R"({"resourceType":"AccessPolicy"})";
  const std::string kWithoutIdSignature = signed_by(kWithoutId);
  const std::string kBadId = R"({"resourceType":"AccessPolicy","id":"a/b"})";
  const std::string kBadIdSignature = signed_by(kBadId);
  const std::string kCut = kBody.substr(0, 20);
  const std::string kCutSignature = signed_by(kCut);
  const std::string kLarge(kMaxRestHookBytes + 1, ' ');
  const std::string kLargeSignature = signed_by(kLarge);
  const std::string kSpace = "{ }";
  const std::string kSpaceSignature = signed_by(kSpace);
  struct Case {
    const char* name;
    RestHookRequest request;
    const char* outcome;
  };
  const char* const kP = "AccessPolicy/p";
  const Case kCases[] = {
      {"as it is sent",
       {kSignature, kPolicies, "update", "", kBody},
       "1 AccessPolicy/p v"},
      {"a delete",
       {kDeleted, kPolicies, "delete", kP, "{}"},
       "2 AccessPolicy/p "},
      {"no signature", {"", kPolicies, "update", "", kBody}, "401"},
      {"a signature that is cut",
       {std::string_view(kSignature).substr(0, 63), kPolicies, "update", "",
        kBody},
       "401"},
      {"a signature in upper case",
       {upper_case, kPolicies, "update", "", kBody},
       "401"},
      {"the signature of another body",
       {kDeleted, kPolicies, "update", "", kBody},
       "401"},
      {"no subscription", {kSignature, "", "update", "", kBody}, "404"},
      {"another's subscription", {kSignature, "x", "update", "", kBody}, "404"},
      {"no interaction", {kSignature, kPolicies, "", "", kBody}, "400"},
      {"another interaction",
       {kSignature, kPolicies, "read", "", kBody},
       "400"},
      {"an interaction in upper case",
       {kSignature, kPolicies, "UPDATE", "", kBody},
       "400"},
      {"a version that claims to be a delete",
       {kSignature, kPolicies, "delete", kP, kBody},
       "400"},
      {"a delete that claims to be a version",
       {kDeleted, kPolicies, "update", "", "{}"},
       "400"},
      {"a delete of nothing", {kDeleted, kPolicies, "delete", "", "{}"}, "400"},
      {"a delete of what is no resource",
       {kDeleted, kPolicies, "delete", "AccessPolicy", "{}"},
       "400"},
      {"a delete of a version",
       {kDeleted, kPolicies, "delete", "AccessPolicy/p/_history/v", "{}"},
       "400"},
      {"a delete of another type",
       {kDeleted, kPolicies, "delete", "ProjectMembership/m", "{}"},
       "400"},
      {"a delete whose body is not exactly {}",
       {kSpaceSignature, kPolicies, "delete", kP, kSpace},
       "400"},
      {"another type",
       {kOfPatientSignature, kPolicies, "update", "", kOfPatient},
       "400"},
      {"no id",
       {kWithoutIdSignature, kPolicies, "update", "", kWithoutId},
       "400"},
      {"no FHIR id", {kBadIdSignature, kPolicies, "update", "", kBadId}, "400"},
      {"a body that is cut",
       {kCutSignature, kPolicies, "update", "", kCut},
       "400"},
      {"too large", {kLargeSignature, kPolicies, "update", "", kLarge}, "413"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Judge(c.request), c.outcome);
  }
}

TEST(RestHookTest, AnySecretOfSeveralWillDo) {
  const std::string body = R"({"resourceType":"AccessPolicy","id":"p"})";
  const std::string signature = RestHookSignature("old", body);
  const RestHookRequest request = {signature, kPolicies, "create", "", body};
  EXPECT_EQ(Judge(request, {"new", "old"}), "0 AccessPolicy/p ");
  EXPECT_EQ(Judge(request, {"new"}), "401");
  EXPECT_EQ(Judge(request, {}), "503");
}

TEST(RestHookTest, SignatureIsThatOfTheStandard) {
  // RFC 4231, test case 2.
  EXPECT_EQ(RestHookSignature("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace pdp::medplum
