#include "pdp/sync/stored_form.h"

#include <gtest/gtest.h>

#include "pdp/fhir/schema.h"

namespace pdp::sync {
namespace {

struct StoredFormCase {
  const char* name;
  const char* type;
  const char* sent;
  const char* stored;
};

const StoredFormCase kCases[] = {
    {"OtherTypesAreAsTheyWere", "AccessPolicy",
     R"({ "resourceType" : "AccessPolicy", "secret" : "s" })",
     R"({ "resourceType" : "AccessPolicy", "secret" : "s" })"},
    {"TheFirstMember", "ClientApplication",
     R"({"secret":"s","resourceType":"ClientApplication"})",
     R"({"resourceType":"ClientApplication"})"},
    {"AMemberInTheMiddle", "ClientApplication",
     R"({"id":"a","secret":"s","name":"n"})", R"({"id":"a","name":"n"})"},
    {"TheLastMember", "ClientApplication", R"({"id":"a","secret":"s"})",
     R"({"id":"a"})"},
    {"SeveralInARow", "ClientApplication",
     R"({"secret":"s","retiringSecret":"r","id":"a"})", R"({"id":"a"})"},
    {"TheOnlyMember", "Project", R"({"secret":[{"name":"n"}]})", "{}"},
    {"WhiteSpaceAndNumbersStay", "Project",
     "{ \"a\" : 1.50e1 ,\n \"secret\" : [ ] ,\n \"b\" : \"\\u00e9\" }",
     "{ \"a\" : 1.50e1 ,\n \"b\" : \"\\u00e9\" }"},
    {"AnEscapedName", "Project", R"({"\u0073ecret":"s","a":1})", R"({"a":1})"},
    {"AValueThatLooksLikeAName", "Project",
     R"({"name":"secret","description":"\"secret\":\"s\","})",
     R"({"name":"secret","description":"\"secret\":\"s\","})"},
    {"MembersOfItems", "Project",
     R"({"site":[{"name":"n","googleClientSecret":"s"}, )"
     R"({"recaptchaSecretKey":"k","domain":["d"]}],"name":"x"})",
     R"({"site":[{"name":"n"}, {"domain":["d"]}],"name":"x"})"},
    {"MembersOfMembers", "ClientApplication",
     R"({"identityProvider":{"clientId":"i","clientSecret":"s"}})",
     R"({"identityProvider":{"clientId":"i"}})"},
    {"TheSameNameElsewhereStays", "ClientApplication",
     R"({"extension":[{"secret":"s"}],"clientSecret":"c"})",
     R"({"extension":[{"secret":"s"}],"clientSecret":"c"})"},
    {"AddressesOfAttachments", "Bot",
     R"({"sourceCode":{"title":"t","url":"https://x/?Signature=y"},)"
     R"("executableCode":{"url":"https://x/","contentType":"text/plain"}})",
     R"({"sourceCode":{"title":"t"},)"
     R"("executableCode":{"contentType":"text/plain"}})"},
    {"AScalarWhereAnObjectIsMeant", "Project", R"({"site":"x"})",
     R"({"site":"x"})"},
};

TEST(StoredFormTest, LeavesOutSecretsAndNothingElse) {
  for (const StoredFormCase& test_case : kCases) {
    SCOPED_TRACE(test_case.name);
    EXPECT_EQ(StoredForm(test_case.type, test_case.sent), test_case.stored);
  }
}

// A name that was renamed or misspelt would leave nothing out.
TEST(StoredFormTest, WhatIsLeftOutIsDefined) {
  const struct {
    const char* type;
    const char* element;
  } kElements[] = {
      {"Bot", "executableCode"},
      {"Bot", "photo"},
      {"Bot", "sourceCode"},
      {"Attachment", "data"},
      {"Attachment", "url"},
      {"ClientApplication", "identityProvider"},
      {"ClientApplication", "retiringSecret"},
      {"ClientApplication", "secret"},
      {"ClientApplication", "signInForm"},
      {"ClientApplicationSignInForm", "logo"},
      {"IdentityProvider", "clientSecret"},
      {"IdentityProvider", "userInfoApiKey"},
      {"Project", "secret"},
      {"Project", "site"},
      {"Project", "systemSecret"},
      {"ProjectSite", "googleClientSecret"},
      {"ProjectSite", "recaptchaSecretKey"},
  };
  for (const auto& [type, element] : kElements) {
    EXPECT_NE(fhir::FindElement(fhir::FindType(type), element), nullptr)
        << type << "." << element;
  }
}

}  // namespace
}  // namespace pdp::sync
