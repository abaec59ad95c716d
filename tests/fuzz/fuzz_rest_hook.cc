// A rest-hook request.  The first three lines of the input are the headers that
// name the Subscription, the interaction and the deleted resource; the rest is
// the body.

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pdp/base/strings.h"
#include "pdp/medplum/rest_hook.h"
#include "tests/fuzz/fuzz_target.h"

namespace pdp::fuzz {
namespace {

using medplum::Notification;
using medplum::RestHookRefusal;
using medplum::RestHookRequest;

std::string_view TakeLine(std::string_view& input) {
  const size_t end = input.find('\n');
  const std::string_view line = input.substr(0, end);
  input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
  return line;
}

}  // namespace

void RunInput(std::string_view input) {
  static const auto* const types =
      new StringMap<std::string>{{"a", "AccessPolicy"}, {"m", "Bot"}};
  const std::vector<std::string> secrets = {"a secret of some length"};
  RestHookRequest request;
  request.subscription = TakeLine(input);
  request.interaction = TakeLine(input);
  request.deleted_resource = TakeLine(input);
  request.body = input;
  std::string signature = medplum::RestHookSignature(secrets[0], request.body);
  request.signature = signature;
  const auto read = medplum::ReadRestHook(request, secrets, *types);
  if (const auto* told = std::get_if<Notification>(&read)) {
    const auto type = types->find(request.subscription);
    Require(type != types->end() && told->key.type == type->second,
            "what is told is of the Subscription's type");
    Require(fhir::ResourceKey::Parse(told->key.ToString()) == told->key,
            "what is told is a resource");
    const bool is_delete = told->interaction == medplum::Interaction::kDelete;
    Require(is_delete == (request.body == "{}"),
            "a delete has no content, and nothing else has none");
    Require(!is_delete || told->version_id.empty(), "a delete has no version");
  }
  signature[input.size() % signature.size()] ^= 1;
  const auto forged = medplum::ReadRestHook(request, secrets, *types);
  const auto* refusal = std::get_if<RestHookRefusal>(&forged);
  Require(refusal != nullptr && (*refusal == RestHookRefusal::kNotSigned ||
                                 *refusal == RestHookRefusal::kTooLarge),
          "what is not signed tells nothing");
}

}  // namespace pdp::fuzz
