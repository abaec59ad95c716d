#include "clients/pdpctl/setup_checks.h"

#include <utility>

#include "absl/status/status.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/subscription.h"

namespace pdp::ctl {
namespace {

constexpr std::string_view kReason = "pdpctl setup";

// Where a server cannot reach it: hooks to it go nowhere until it is deleted.
constexpr std::string_view kHookEndpoint = "https://pdpctl.invalid/";

class Checker {
 public:
  Checker(medplum::Api& api, const medplum::RequiredAccess& required)
      : api_(api), required_(required) {}

  std::vector<SetupCheck> Run() {
    if (!CheckLogin()) return std::move(checks_);
    for (const std::string& type : required_.types) CheckSearches(type);
    CheckSubscription();
    return std::move(checks_);
  }

 private:
  void Pass(std::string text) { checks_.push_back({true, std::move(text)}); }
  void Miss(std::string text) { checks_.push_back({false, std::move(text)}); }

  // Records the failure of what was tried.
  bool Holds(const absl::Status& status, std::string_view what) {
    if (status.ok()) return true;
    Miss(StrCat(what, ": ", ToStd(status.message())));
    return false;
  }

  bool CheckLogin() {
    const auto version = api_.ServerVersion();
    if (version.ok() && !version->empty()) {
      Pass(StrCat("the server is Medplum ", *version));
    }
    const auto facts = medplum::ReadLoginFacts(api_);
    if (!Holds(facts.status(), "the login is refused")) return false;
    const medplum::LoginInfo& login = facts->login;
    Pass(StrCat("the login is ", login.profile, " of Project/", login.project));
    const auto missing = medplum::FindMissingAccess(*facts, required_);
    for (const medplum::MissingAccess& one : missing) Miss(one.what);
    if (missing.empty()) {
      Pass(StrCat(login.membership, " is an admin's, and its policy names ",
                  "every type that is needed"));
    }
    return true;
  }

  // As the sweeps search: what is there, and what was deleted.
  void CheckSearches(std::string_view type) {
    for (const std::string_view more : {"", "&_deleted=true"}) {
      const std::string query =
          StrCat(type, "?_sort=_lastUpdated&_count=20", more);
      const auto page = api_.Search(query);
      if (!Holds(page.status(), StrCat(type, " cannot be searched"))) return;
    }
    Pass(StrCat(type, " can be searched"));
  }

  void CheckSubscription() {
    if (!required_.web_socket && !required_.rest_hook) return;
    const std::string json =
        required_.web_socket
            ? medplum::WebSocketSubscription("AccessPolicy",
                                             medplum::kAllInteractions, kReason)
            : medplum::RestHookSubscription("AccessPolicy", kHookEndpoint,
                                            kReason, kReason);
    const auto id = api_.CreateSubscription(json);
    if (!Holds(id.status(), "a Subscription cannot be made")) return;
    bool passed = true;
    if (required_.web_socket) {
      const auto token = api_.GetBindingToken(*id);
      passed = Holds(token.status(), "a Subscription cannot be bound");
    }
    passed = Holds(api_.DeleteSubscription(*id),
                   "a Subscription cannot be deleted") &&
             passed;
    if (passed) {
      Pass(required_.web_socket
               ? "a WebSocket Subscription can be made, bound and deleted"
               : "a rest-hook Subscription can be made and deleted");
    }
  }

  medplum::Api& api_;
  const medplum::RequiredAccess& required_;
  std::vector<SetupCheck> checks_;
};

}  // namespace

std::vector<SetupCheck> CheckSetup(medplum::Api& api,
                                   const medplum::RequiredAccess& required) {
  return Checker(api, required).Run();
}

}  // namespace pdp::ctl
