// A frame of a WebSocket of Subscriptions, and a token in one of ours.

#include <simdjson.h>

#include <string>
#include <string_view>

#include "pdp/fhir/json.h"
#include "pdp/medplum/subscription_frames.h"
#include "tests/fuzz/fuzz_target.h"

namespace pdp::fuzz {
namespace {

using medplum::SubscriptionFrame;

void ReadFrame(std::string_view input) {
  const auto frame = medplum::ParseSubscriptionFrame(input);
  if (!frame.ok()) {
    Require(frame.status().message().size() < 400, "a refusal is short");
    return;
  }
  if (frame->kind == SubscriptionFrame::Kind::kPong) return;
  Require(!frame->subscriptions.empty(), "a frame names its Subscriptions");
  const bool is_event = frame->kind == SubscriptionFrame::Kind::kEvent;
  Require(!is_event || frame->subscriptions.size() == 1,
          "an event is of one Subscription");
  Require(!is_event ||
              fhir::ResourceKey::Parse(frame->focus.ToString()) == frame->focus,
          "the focus of an event is a resource");
  Require(is_event || (frame->focus.id.empty() && frame->version_id.empty()),
          "only an event has a focus");
}

void SendToken(std::string_view input) {
  simdjson::dom::parser parser;
  simdjson::dom::element message;
  if (!simdjson::validate_utf8(input.data(), input.size())) return;
  const std::string text = medplum::BindMessage(input);
  Require(parser.parse(text).get(message) == simdjson::SUCCESS,
          "what is sent is JSON");
  std::string_view token;
  Require(message["payload"]["token"].get(token) == simdjson::SUCCESS &&
              token == input,
          "a token is sent as it is");
  Require(fhir::StringMember(message, "type") == "bind-with-token",
          "a token changes no other member");
}

}  // namespace

void RunInput(std::string_view input) {
  ReadFrame(input);
  SendToken(input);
}

}  // namespace pdp::fuzz
