// ResourceLookup: how a decision reads resources other than the one it is asked
// about: Projects, ProjectMemberships and AccessPolicies, a Binary's security
// context, the patients that a new resource names.
//
// A look-up never waits.  What would have to be fetched first is answered with
// kPending; the decision then ends as pending and is taken again once the fact
// has arrived.

#ifndef PDP_FHIR_RESOURCE_LOOKUP_H_
#define PDP_FHIR_RESOURCE_LOOKUP_H_

#include <cstdint>
#include <functional>
#include <string_view>

#include "pdp/fhir/element_set.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::fhir {

enum class LookupState : uint8_t {
  kUnavailable = 0,  // Cannot be told: never the same as kAbsent.
  kFound,
  kDeleted,  // A tombstone; `resource` is its last live version, or null.
  kAbsent,   // Known not to exist.
  kPending,  // Has to be fetched; ask again later.
};

struct LookupResult {
  LookupState state = LookupState::kUnavailable;
  ResourcePtr resource;  // Not null where state is kFound.
  // Of kUnavailable: what would help, where that is known.  Is not freed.
  std::string_view advice = {};
};

// Implementations are thread-safe.
class ResourceLookup {
 public:
  virtual ~ResourceLookup() = default;

  virtual LookupResult Read(const ResourceKey& key) const = 0;

  // Read, for a decision about a member of the project with the id `project`
  // that reads `elements` of the resource and nothing else.  A lookup that
  // keeps parts of resources answers with one that has these elements, and as
  // that project sees it; any other as it answers Read.
  virtual LookupResult ReadPart(const ResourceKey& key,
                                const ElementSet& elements,
                                std::string_view project) const {
    (void)elements;
    (void)project;
    return Read(key);
  }

  // Likewise what is held without fetching anything, whatever elements it has:
  // kFound or kDeleted, else nothing newer is held than what one knows.
  virtual LookupResult FindHeld(const ResourceKey& key,
                                std::string_view project) const {
    (void)project;
    return Read(key);
  }

  // Whether a resource is deleted: kDeleted, or kFound or kAbsent where it is
  // not.  A lookup that is told of deletions alone knows no more, and answers
  // kAbsent where Read answers kUnavailable.
  virtual LookupState FindDeletion(const ResourceKey& key) const {
    return Read(key).state;
  }

  // One older or current version of a resource.
  virtual LookupResult ReadVersion(const ResourceKey& key,
                                   std::string_view version_id) const = 0;

  // The live versions of a resource that are known here, the current one among
  // them, in no particular order.  Calls `visit` for each.  kFound: there may
  // be others all the same.
  virtual LookupState FindVersions(
      const ResourceKey& key,
      const std::function<void(const ResourcePtr&)>& visit) const = 0;

  // The ProjectMemberships whose `profile` or `user` is `reference`, in the
  // order of their ids.  Calls `visit` for each.  kFound where the set is
  // complete (it may be empty), kUnavailable or kPending otherwise.
  virtual LookupState FindMemberships(
      std::string_view reference,
      const std::function<void(const ResourcePtr&)>& visit) const = 0;

  // Every live resource of `type` whose meta.project is `project` (any project
  // where it is empty), in the order of their ids, until `visit` returns
  // false.  kFound where all were seen or `visit` ended it.
  virtual LookupState Scan(
      std::string_view type, std::string_view project,
      const std::function<bool(const ResourcePtr&)>& visit) const = 0;
};

}  // namespace pdp::fhir

#endif  // PDP_FHIR_RESOURCE_LOOKUP_H_
