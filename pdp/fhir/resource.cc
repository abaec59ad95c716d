#include "pdp/fhir/resource.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::fhir {
namespace {

// Objects of FHIR have few members: comparing each name with those before it
// beats hashing.  Past this many, hashing keeps the cost linear.
constexpr size_t kCompareAtMost = 24;

absl::Status RefuseRepeatedMember(std::string_view name) {
  return absl::InvalidArgumentError(
      StrCat("a JSON object has the member `", name, "` twice"));
}

// The depth is bounded by the parser's own limit.
absl::Status RefuseRepeatedMembers(JsonElement element) {
  if (JsonArray array; element.get(array) == simdjson::SUCCESS) {
    for (const JsonElement item : array) {
      PDP_RETURN_IF_ERROR(RefuseRepeatedMembers(item));
    }
    return absl::OkStatus();
  }
  JsonObject object;
  if (element.get(object) != simdjson::SUCCESS) return absl::OkStatus();
  std::string_view few[kCompareAtMost];
  size_t count = 0;
  absl::flat_hash_set<std::string, StringHash, StringEqual> many;
  for (const auto field : object) {
    if (count < kCompareAtMost) {
      for (size_t i = 0; i < count; ++i) {
        if (few[i] == field.key) return RefuseRepeatedMember(field.key);
      }
      few[count] = field.key;
    } else {
      if (count == kCompareAtMost) many.insert(few, few + kCompareAtMost);
      if (!many.insert(std::string(field.key)).second) {
        return RefuseRepeatedMember(field.key);
      }
    }
    ++count;
    PDP_RETURN_IF_ERROR(RefuseRepeatedMembers(field.value));
  }
  return absl::OkStatus();
}

absl::Status FromSimdjson(simdjson::error_code error) {
  switch (error) {
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC:
    case simdjson::DEPTH_ERROR:
      return absl::ResourceExhaustedError(
          StrCat("JSON: ", simdjson::error_message(error)));
    default:
      return absl::InvalidArgumentError(
          StrCat("JSON: ", simdjson::error_message(error)));
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Resource>> Resource::Parse(
    std::string_view json, const ParseLimits& limits) {
  PDP_ASSIGN_OR_RETURN(std::shared_ptr<Resource> resource,
                       ParseText(json, limits));
  resource->elements_.AddAll();
  return std::shared_ptr<const Resource>(std::move(resource));
}

absl::StatusOr<std::shared_ptr<const Resource>> Resource::ParsePart(
    std::string_view json, const ElementSet& elements,
    const ParseLimits& limits) {
  if (elements.is_whole()) return Parse(json, limits);
  PDP_ASSIGN_OR_RETURN(const std::shared_ptr<Resource> whole,
                       ParseText(json, limits));
  std::string kept = "{";
  for (const auto member : JsonObject(whole->root_)) {
    if (!elements.HasMember(member.key)) continue;
    if (kept.size() > 1) kept += ',';
    kept += StrCat(QuoteJson(member.key), ":", ToJson(member.value));
  }
  kept += '}';
  PDP_ASSIGN_OR_RETURN(std::shared_ptr<Resource> part, ParseText(kept, limits));
  part->elements_ = elements;
  return std::shared_ptr<const Resource>(std::move(part));
}

absl::StatusOr<std::shared_ptr<Resource>> Resource::ParseText(
    std::string_view json, const ParseLimits& limits) {
  if (json.size() > limits.max_bytes) {
    return absl::ResourceExhaustedError(StrCat("the resource has ", json.size(),
                                               " bytes; at most ",
                                               limits.max_bytes, " are read"));
  }
  std::shared_ptr<Resource> resource(new Resource());
  // simdjson reads past the end of its input by up to SIMDJSON_PADDING bytes.
  resource->json_.reserve(json.size() + simdjson::SIMDJSON_PADDING);
  resource->json_.assign(json);
  if (const auto error =
          resource->parser_.allocate(json.size(), limits.max_depth);
      error != simdjson::SUCCESS) {
    return FromSimdjson(error);
  }
  if (const auto error =
          resource->parser_
              .parse(resource->json_.data(), resource->json_.size(),
                     /*realloc_if_needed=*/false)
              .get(resource->root_);
      error != simdjson::SUCCESS) {
    return FromSimdjson(error);
  }
  if (!resource->root_.is_object()) {
    return absl::InvalidArgumentError("a resource is a JSON object");
  }
  resource->type_ = StringMember(resource->root_, "resourceType");
  if (resource->type_.empty()) {
    return absl::InvalidArgumentError(
        "the resource has no `resourceType` string");
  }
  PDP_RETURN_IF_ERROR(RefuseRepeatedMembers(resource->root_));
  resource->id_ = StringMember(resource->root_, "id");
  if (const auto meta = Member(resource->root_, "meta")) {
    resource->version_id_ = StringMember(*meta, "versionId");
    resource->last_updated_ = StringMember(*meta, "lastUpdated");
    resource->project_ = StringMember(*meta, "project");
  }
  return resource;
}

}  // namespace pdp::fhir
