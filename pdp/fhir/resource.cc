#include "pdp/fhir/resource.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::fhir {
namespace {

// Past this many members of an object, hashing them all keeps the cost linear.
constexpr size_t kCompareAtMost = 24;

// One of 64 bits.  Names of one object seldom share it.
uint64_t BitOf(std::string_view name) {
  if (name.empty()) return 1;
  const auto at = [&](size_t i) { return static_cast<uint8_t>(name[i]); };
  const size_t mixed = name.size() * 7 + at(0) * 5 + at(name.size() / 2) * 11 +
                       at(name.size() - 1) * 3;
  return uint64_t{1} << (mixed % 64);
}

// Whether `name` is among the first `count` members.
bool IsAmong(JsonObject object, size_t count, std::string_view name) {
  for (const auto field : object) {
    if (count-- == 0) return false;
    if (field.key == name) return true;
  }
  return false;
}

std::optional<std::string_view> FindRepeatedOfMany(JsonObject object) {
  absl::flat_hash_set<std::string, StringHash, StringEqual> names;
  for (const auto field : object) {
    if (!names.insert(std::string(field.key)).second) return field.key;
  }
  return std::nullopt;
}

// What an object within `element` has twice.  The depth is bounded by the
// parser's own limit.
std::optional<std::string_view> FindRepeatedMember(JsonElement element) {
  if (element.is_array()) {
    for (const JsonElement item : JsonArray(element)) {
      if (auto repeated = FindRepeatedMember(item)) return repeated;
    }
    return std::nullopt;
  }
  if (!element.is_object()) return std::nullopt;
  const JsonObject object = element;
  uint64_t seen = 0;
  size_t count = 0;
  for (const auto field : object) {
    const uint64_t bit = BitOf(field.key);
    if ((seen & bit) != 0 && count < kCompareAtMost &&
        IsAmong(object, count, field.key)) {
      return field.key;
    }
    seen |= bit;
    ++count;
    if (auto repeated = FindRepeatedMember(field.value)) return repeated;
  }
  return count > kCompareAtMost ? FindRepeatedOfMany(object) : std::nullopt;
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
  if (const auto name = FindRepeatedMember(resource->root_)) {
    return absl::InvalidArgumentError(
        StrCat("a JSON object has the member `", *name, "` twice"));
  }
  resource->id_ = StringMember(resource->root_, "id");
  if (const auto meta = Member(resource->root_, "meta")) {
    resource->version_id_ = StringMember(*meta, "versionId");
    resource->last_updated_ = StringMember(*meta, "lastUpdated");
    resource->project_ = StringMember(*meta, "project");
  }
  return resource;
}

}  // namespace pdp::fhir
