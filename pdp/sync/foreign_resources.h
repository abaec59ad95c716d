// ForeignResources: which feeds want which resources of projects that have no
// feed, and which of the feeds have found them.
//
// Confined.

#ifndef PDP_SYNC_FOREIGN_RESOURCES_H_
#define PDP_SYNC_FOREIGN_RESOURCES_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::sync {

class ForeignResources {
 public:
  using Keys = std::vector<fhir::ResourceKey>;

  // The feed of `project` wants `key`.  Whether that is new.
  bool Want(std::string_view project, const fhir::ResourceKey& key);

  bool Wants(std::string_view project, const fhir::ResourceKey& key) const;

  // The feed of `project` has found `key`.
  void Found(std::string_view project, const fhir::ResourceKey& key);

  // The feed of `project` has not found `key`.  Whether no feed has any more.
  bool NotFound(std::string_view project, const fhir::ResourceKey& key);

  // No feed has found `key` any more.
  void Forget(const fhir::ResourceKey& key) { finders_.erase(key); }

  // A moment to be given to Replace.
  uint64_t Now() { return ++time_; }

  // The feed of `project` wants `keys`, what it said that it wants since the
  // moment `since`, and nothing else.  Returns what no feed has found any more.
  Keys Replace(std::string_view project, const Keys& keys, uint64_t since);

  Keys WantedBy(std::string_view project) const;

 private:
  // By when it was last said.
  using Wanted = std::map<fhir::ResourceKey, uint64_t>;

  uint64_t time_ = 0;
  StringMap<Wanted> wanted_;
  absl::flat_hash_map<fhir::ResourceKey, std::set<std::string, std::less<>>>
      finders_;
};

}  // namespace pdp::sync

#endif  // PDP_SYNC_FOREIGN_RESOURCES_H_
