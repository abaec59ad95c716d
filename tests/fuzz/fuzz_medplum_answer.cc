// What a Medplum server answers, and the URLs in it.

#include <string>
#include <string_view>

#include "pdp/fhir/resource.h"
#include "pdp/medplum/answers.h"
#include "pdp/medplum/required_access.h"
#include "pdp/medplum/retry.h"
#include "pdp/medplum/url.h"
#include "tests/fuzz/fuzz_target.h"

namespace pdp::fuzz {
namespace {

const medplum::Url& Base() {
  static const medplum::Url base =
      *medplum::ParseBaseUrl("https://a.example/medplum/");
  return base;
}

void ReadPage(std::string_view input) {
  const auto page = medplum::ParseSearchPage(input, "Bot", Base());
  if (!page.ok()) return;
  for (const std::string& text : page->resources) {
    const auto resource = fhir::Resource::Parse(text);
    if (!resource.ok()) continue;  // Names a member twice, or is too deep.
    Require((*resource)->type() == "Bot" && !(*resource)->id().empty(),
            "every resource of a page is of the type");
  }
  Require(page->next.empty() || page->next.starts_with("Bot?") ||
              page->next == "Bot",
          "the next page is of the type");
}

void ReadLogin(std::string_view input) {
  const auto login = medplum::ParseLoginInfo(input);
  if (!login.ok()) return;
  medplum::LoginFacts facts;
  facts.login = *login;
  facts.membership_is_readable = true;
  facts.policies = {std::string(input), login->access_policy};
  const medplum::RequiredAccess required{.project = "p"};
  const auto missing = medplum::FindMissingAccess(facts, required);
  Require(!missing.empty() || (login->project == "p" &&
                               (login->project_admin || login->super_admin)),
          "only an admin of the project lacks nothing");
}

void ReadUrl(std::string_view input) {
  const auto url = medplum::Url::Parse(input);
  if (!url.ok()) return;
  const std::string text = url->ToString();
  const auto again = medplum::Url::Parse(text);
  Require(again.ok() && *again == *url, "a URL that is printed reads the same");
}

}  // namespace

void RunInput(std::string_view input) {
  ReadPage(input);
  ReadLogin(input);
  ReadUrl(input);
  (void)medplum::CheckResource(input, {"Bot", "b"});
  (void)medplum::ParseCreated(input, "Subscription");
  (void)medplum::ParseServerVersion(input);
  (void)medplum::IsOperationOutcome(input);
  if (const auto token = medplum::ParseAccessToken(input); token.ok()) {
    Require(token->text.find_first_of("\r\n ") == std::string::npos,
            "a token fits into a header");
  }
  if (const auto binding = medplum::ParseBindingToken(input, Base());
      binding.ok()) {
    Require(binding->web_socket_url.size() > 6 &&
                medplum::IsSameServer(
                    Base(), *medplum::Url::Parse(binding->web_socket_url)),
            "a WebSocket is on the same server");
  }
  for (const char c : medplum::ParseErrorText(input)) {
    Require(c >= ' ' && c <= '~', "an error can be printed");
  }
  const auto wait = medplum::ParseRetryAfter(input, absl::UnixEpoch());
  Require(!wait || *wait >= absl::ZeroDuration(), "a wait is not negative");
}

}  // namespace pdp::fuzz
