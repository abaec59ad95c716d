// Observation: what one read of a Medplum server said of one resource.

#ifndef PDP_SYNC_OBSERVATION_H_
#define PDP_SYNC_OBSERVATION_H_

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/fhir/resource_key.h"
#include "store/record.h"

namespace pdp::sync {

// The place of a read among all reads, by when they began.
struct ReadTicket {
  uint64_t number = 0;

  friend auto operator<=>(const ReadTicket&, const ReadTicket&) = default;
};

// Thread-safe.
class ReadOrder {
 public:
  // To be taken before the request is sent, anew for each page and each retry:
  // what it answers was true at some moment after this call.
  ReadTicket Begin() { return {last_.fetch_add(1) + 1}; }

  // The last that was taken: whatever has a later one begins after this call.
  ReadTicket Last() const { return {last_.load()}; }

 private:
  std::atomic<uint64_t> last_{0};
};

struct Observation {
  enum class Kind : uint8_t {
    kLive,
    kDeleted,  // 410, or an entry of a search with _deleted=true.
    kAbsent,   // 404 to a read by id.  No search says it.
  };

  // May be empty where there is `json`, which says it too.
  fhir::ResourceKey key;
  Kind kind = Kind::kLive;
  ReadTicket ticket;
  bool by_id = false;
  // The resource as it was sent.  With kDeleted: the entry of the search, of
  // which meta.lastUpdated is when it was deleted; empty where it was read by
  // id.
  std::string json;
};

// An Observation that was understood.
struct ReadResource {
  fhir::ResourceKey key;
  Observation::Kind kind = Observation::Kind::kLive;
  ReadTicket ticket;
  bool by_id = false;
  // As it would be stored.  `project` is empty where the read does not say it.
  store::Record record;
  // Of record.last_updated; InfinitePast where that is empty.
  absl::Time last_updated = absl::InfinitePast();
  // What a ProjectMembership or Project names and a decision reads: policies,
  // the UserConfiguration, linked Projects.  Each once.
  std::vector<fhir::ResourceKey> names;
};

// DataLoss, naming the resource, where the observation says nothing that could
// be relied on: not JSON, another resource than its key, not a mirrored type,
// larger than `max_bytes`, without versionId, lastUpdated or project.
absl::StatusOr<ReadResource> Understand(Observation observation,
                                        size_t max_bytes);

}  // namespace pdp::sync

#endif  // PDP_SYNC_OBSERVATION_H_
