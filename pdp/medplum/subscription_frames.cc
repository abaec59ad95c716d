#include "pdp/medplum/subscription_frames.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"

namespace pdp::medplum {
namespace {

using fhir::JsonElement;
using fhir::Member;
using fhir::StringMember;
using Kind = SubscriptionFrame::Kind;

// Far more than a server's resource may have; see also the socket's own limit.
constexpr size_t kMaxBytes = size_t{16} << 20;
constexpr size_t kMaxOutcomeBytes = 200;

absl::Status Malformed(std::string_view what) {
  return absl::InvalidArgumentError(
      StrCat("a frame of the WebSocket is not understood: ", what));
}

absl::Status FromOutcome(JsonElement outcome) {
  std::string_view text;
  fhir::ForEachItem(outcome, "issue", [&](JsonElement issue) {
    if (!text.empty()) return;
    if (const auto details = Member(issue, "details")) {
      text = StringMember(*details, "text");
    }
  });
  return absl::FailedPreconditionError(
      StrCat("the server answers on the WebSocket: ",
             text.empty() ? "OperationOutcome without a text"
                          : text.substr(0, kMaxOutcomeBytes)));
}

std::optional<Kind> ParseKind(std::string_view type) {
  if (type == "handshake") return Kind::kHandshake;
  if (type == "heartbeat") return Kind::kHeartbeat;
  if (type == "event-notification") return Kind::kEvent;
  return std::nullopt;
}

// The id in `Subscription/id`; nothing where that is not what it is.
std::optional<std::string> SubscriptionId(JsonElement status) {
  const auto subscription = Member(status, "subscription");
  if (!subscription) return std::nullopt;
  auto key = fhir::ResourceKey::Parse(StringMember(*subscription, "reference"));
  if (!key || key->type != "Subscription") return std::nullopt;
  return std::move(key->id);
}

absl::Status ReadFocus(JsonElement status, SubscriptionFrame& frame) {
  size_t events = 0;
  std::optional<fhir::ResourceKey> focus;
  fhir::ForEachItem(status, "notificationEvent", [&](JsonElement event) {
    ++events;
    if (const auto reference = Member(event, "focus")) {
      focus = fhir::ResourceKey::Parse(StringMember(*reference, "reference"));
    }
  });
  if (events != 1 || !focus) return Malformed("an event without one focus");
  frame.focus = *std::move(focus);
  return absl::OkStatus();
}

absl::Status ReadVersion(JsonElement resource, SubscriptionFrame& frame) {
  if (StringMember(resource, "resourceType") != frame.focus.type ||
      StringMember(resource, "id") != frame.focus.id) {
    return Malformed("an event whose resource is not its focus");
  }
  if (const auto meta = Member(resource, "meta")) {
    frame.version_id = StringMember(*meta, "versionId");
  }
  return absl::OkStatus();
}

// One more SubscriptionStatus.  All of a frame are of one kind.
absl::Status AddStatus(JsonElement status, SubscriptionFrame& frame) {
  const std::optional<Kind> kind = ParseKind(StringMember(status, "type"));
  if (!kind) return Malformed("a SubscriptionStatus of another type");
  if (!frame.subscriptions.empty() &&
      (*kind != frame.kind || *kind == Kind::kEvent)) {
    return Malformed("SubscriptionStatus that do not go together");
  }
  std::optional<std::string> id = SubscriptionId(status);
  if (!id) return Malformed("a SubscriptionStatus without its Subscription");
  frame.kind = *kind;
  frame.subscriptions.push_back(*std::move(id));
  return *kind == Kind::kEvent ? ReadFocus(status, frame) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<SubscriptionFrame> ParseSubscriptionFrame(
    std::string_view text) {
  if (text == R"({"type":"pong"})") return SubscriptionFrame{};
  const auto bundle = fhir::Resource::Parse(text, {.max_bytes = kMaxBytes});
  if (!bundle.ok()) return Malformed(ToStd(bundle.status().message()));
  if ((*bundle)->type() == "OperationOutcome") {
    return FromOutcome((*bundle)->root());
  }
  if ((*bundle)->type() != "Bundle") return Malformed("not a Bundle");
  SubscriptionFrame frame;
  absl::Status status;
  size_t resources = 0;
  fhir::ForEachItem((*bundle)->root(), "entry", [&](JsonElement entry) {
    const auto resource = Member(entry, "resource");
    if (!status.ok()) return;
    if (!resource) {
      status = Malformed("an entry without a resource");
    } else if (StringMember(*resource, "resourceType") ==
               "SubscriptionStatus") {
      status = AddStatus(*resource, frame);
    } else if (frame.kind == Kind::kEvent && ++resources == 1) {
      status = ReadVersion(*resource, frame);
    } else {
      status = Malformed("a resource that belongs to no event");
    }
  });
  PDP_RETURN_IF_ERROR(status);
  if (frame.subscriptions.empty()) return Malformed("no SubscriptionStatus");
  return frame;
}

std::string BindMessage(std::string_view token) {
  return StrCat(R"({"type":"bind-with-token","payload":{"token":)",
                fhir::QuoteJson(token), "}}");
}

}  // namespace pdp::medplum
