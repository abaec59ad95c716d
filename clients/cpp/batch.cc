#include "clients/cpp/batch.h"

#include <cstdint>
#include <limits>
#include <unordered_map>
#include <utility>

#include "clients/cpp/status.h"

namespace medplum_pdp {
namespace {

// More than the tag and the length of a message take.
constexpr size_t kFraming = 16;

// Fills one request after another.
class Splitter {
 public:
  Splitter(const v1::BatchCheckRequest& request, size_t max_items,
           size_t max_bytes)
      : request_(request), max_items_(max_items), max_bytes_(max_bytes) {
    if (request.has_subject()) *head_.mutable_subject() = request.subject();
    if (request.has_context()) *head_.mutable_context() = request.context();
    if (request.has_consistency()) {
      *head_.mutable_consistency() = request.consistency();
    }
  }

  std::vector<v1::BatchCheckRequest> Split() && {
    for (const v1::BatchCheckItem& item : request_.items()) {
      if (parts_.empty() || !Fits(item)) Begin();
      Add(item);
    }
    return std::move(parts_);
  }

 private:
  void Begin() {
    parts_.push_back(head_);
    bytes_ = head_.ByteSizeLong();
    places_.clear();
  }

  // Whether the item refers to one of the resources that are there.
  bool RefersTo(const v1::BatchCheckItem& item) const {
    return item.has_resource_index() &&
           item.resource_index() <
               static_cast<uint32_t>(request_.resources_size());
  }

  const v1::Resource& ResourceOf(const v1::BatchCheckItem& item) const {
    return request_.resources(static_cast<int>(item.resource_index()));
  }

  size_t BytesOf(const v1::BatchCheckItem& item) const {
    size_t bytes = item.ByteSizeLong() + kFraming;
    if (RefersTo(item) && !places_.contains(item.resource_index())) {
      bytes += ResourceOf(item).ByteSizeLong() + kFraming;
    }
    return bytes;
  }

  bool Fits(const v1::BatchCheckItem& item) const {
    return static_cast<size_t>(parts_.back().items_size()) < max_items_ &&
           bytes_ + BytesOf(item) <= max_bytes_;
  }

  void Add(const v1::BatchCheckItem& item) {
    bytes_ += BytesOf(item);
    v1::BatchCheckRequest& part = parts_.back();
    v1::BatchCheckItem& added = *part.add_items();
    added = item;
    if (!item.has_resource_index()) return;
    if (!RefersTo(item)) {
      // For the server to refuse, wherever the item has come to stand.
      added.set_resource_index(std::numeric_limits<uint32_t>::max());
      return;
    }
    const auto [place, is_new] = places_.emplace(
        item.resource_index(), static_cast<uint32_t>(part.resources_size()));
    if (is_new) *part.add_resources() = ResourceOf(item);
    added.set_resource_index(place->second);
  }

  const v1::BatchCheckRequest& request_;
  const size_t max_items_;
  const size_t max_bytes_;
  v1::BatchCheckRequest head_;  // Of each part: all but resources and items.
  std::vector<v1::BatchCheckRequest> parts_;
  size_t bytes_ = 0;  // Of the last part.
  // Where in the last part the resources stand.
  std::unordered_map<uint32_t, uint32_t> places_;
};

Decision DecisionOf(v1::BatchCheckResult& result) {
  switch (result.result_case()) {
    case v1::BatchCheckResult::kDecision:
      return Decision::From(std::move(*result.mutable_decision()));
    case v1::BatchCheckResult::kError:
      return Decision(ItemStatus(result.error()));
    case v1::BatchCheckResult::RESULT_NOT_SET:
      break;
  }
  return Decision(absl::InternalError(
      "the answer is not understood: an item has neither decision nor error"));
}

}  // namespace

std::vector<v1::BatchCheckRequest> SplitBatch(
    const v1::BatchCheckRequest& request, size_t max_items, size_t max_bytes) {
  return Splitter(request, max_items, max_bytes).Split();
}

std::vector<Decision> DecisionsOf(const absl::Status& status,
                                  v1::BatchCheckResponse response,
                                  size_t items) {
  if (!status.ok()) return std::vector(items, Decision(status));
  if (static_cast<size_t>(response.results_size()) != items) {
    return std::vector(items, Decision(absl::InternalError(
                                  "the answer is not understood: results that "
                                  "are not as many as the items")));
  }
  std::vector<Decision> decisions;
  decisions.reserve(items);
  for (v1::BatchCheckResult& result : *response.mutable_results()) {
    decisions.push_back(DecisionOf(result));
  }
  return decisions;
}

}  // namespace medplum_pdp
