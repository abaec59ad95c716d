#include "pdp/service/convert_block.h"

#include <algorithm>
#include <optional>
#include <string>

#include "medplum/pdp/v1/admin.pb.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/service/timestamp.h"

namespace pdp::service {
namespace {

absl::Status Wrong(std::string_view field, std::string_view message) {
  return absl::InvalidArgumentError(StrCat(field, ": ", message));
}

// Of longer text, that it is long says enough.
std::string Quoted(std::string_view text) {
  return text.size() <= 100 ? StrCat("`", text, "`") : "what was sent";
}

absl::Status CheckUntil(const ::medplum::pdp::v1::Block& message,
                        absl::Time now) {
  if (!message.has_until()) {
    return Wrong("block.until", "missing; send when the block ends");
  }
  const google::protobuf::Timestamp& until = message.until();
  if (until.nanos() < 0 || until.nanos() > 999'999'999) {
    return Wrong("block.until", "not a time");
  }
  if (ReadTimestamp(until) <= now) {
    return Wrong("block.until", "in the past; send when the block ends");
  }
  if (ReadTimestamp(until) > now + kMaxBlockDuration) {
    return Wrong("block.until",
                 "more than a year ahead; what is to last is for the "
                 "ProjectMembership or AccessPolicy to say");
  }
  return absl::OkStatus();
}

absl::Status CheckReason(std::string_view reason) {
  if (reason.empty()) {
    return Wrong("block.reason", "missing; send why, for those who read it");
  }
  if (reason.size() > kMaxBlockReasonBytes) {
    return Wrong("block.reason", StrCat(reason.size(), " bytes; at most ",
                                        kMaxBlockReasonBytes, " are taken"));
  }
  if (std::any_of(reason.begin(), reason.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
      })) {
    return Wrong("block.reason", "has control characters; send one line");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckBlockTarget(std::string_view field, std::string_view target) {
  const std::optional<fhir::ResourceKey> key = fhir::ResourceKey::Parse(target);
  if (!key) {
    return Wrong(field,
                 StrCat(Quoted(target),
                        " is not `Type/id`; send a membership, profile, user, "
                        "project or tenant, such as ProjectMembership/123"));
  }
  if (key->type == "AccessPolicy") {
    return Wrong(field,
                 "nobody is an AccessPolicy; block who is bound to it, or "
                 "their project");
  }
  return absl::OkStatus();
}

absl::StatusOr<policy::Block> ReadBlock(
    const ::medplum::pdp::v1::Block& message, absl::Time now) {
  PDP_RETURN_IF_ERROR(CheckBlockTarget("block.target", message.target()));
  PDP_RETURN_IF_ERROR(CheckUntil(message, now));
  PDP_RETURN_IF_ERROR(CheckReason(message.reason()));
  return policy::Block{.target = message.target(),
                       .until = ReadTimestamp(message.until()),
                       .reason = message.reason()};
}

void ConvertBlock(const policy::Block& block,
                  ::medplum::pdp::v1::Block& message) {
  message.set_target(block.target);
  WriteTimestamp(block.until, *message.mutable_until());
  message.set_reason(block.reason);
  WriteTimestamp(block.since, *message.mutable_since());
}

}  // namespace pdp::service
