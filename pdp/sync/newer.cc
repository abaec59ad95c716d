#include "pdp/sync/newer.h"

#include <algorithm>
#include <optional>

#include "absl/status/statusor.h"
#include "pdp/fhir/json_edit.h"
#include "pdp/fhir/resource.h"
#include "pdp/sync/instant.h"
#include "pdp/sync/mirrored_types.h"

namespace pdp::sync {
namespace {

using Kind = Observation::Kind;
using store::Record;

bool KeepsTombstonesOnly(const ReadResource& read) {
  const MirroredType* const type = FindMirroredType(read.key.type);
  return type == nullptr || type->kept == Mirrored::kTombstones;
}

// Servers do not always write the members of one version in the same order.
bool IsSameVersion(const Record& a, const Record& b) {
  if (a.version_id != b.version_id || a.last_updated != b.last_updated ||
      a.project != b.project) {
    return false;
  }
  if (a.bytes == b.bytes) return true;
  const fhir::ParseLimits no_limit = {
      .max_bytes = std::max(a.bytes.size(), b.bytes.size())};
  const auto resource_a = fhir::Resource::Parse(a.bytes, no_limit);
  const auto resource_b = fhir::Resource::Parse(b.bytes, no_limit);
  return resource_a.ok() && resource_b.ok() &&
         fhir::IsSameContent((*resource_a)->root(), (*resource_b)->root());
}

Verdict JudgeById(const ReadResource& read, const Record* held) {
  switch (read.kind) {
    case Kind::kLive:
      if (KeepsTombstonesOnly(read)) {
        return held == nullptr ? Verdict::kNothing : Verdict::kErase;
      }
      if (held != nullptr && !held->deleted &&
          IsSameVersion(*held, read.record)) {
        return Verdict::kNothing;
      }
      return Verdict::kPut;
    case Kind::kDeleted:
      return held != nullptr && held->deleted ? Verdict::kNothing
                                              : Verdict::kDelete;
    case Kind::kAbsent:
      return held == nullptr ? Verdict::kNothing : Verdict::kErase;
  }
  return Verdict::kUnsure;
}

// What a search says that differs from what is held as living.
Verdict JudgeByTime(const ReadResource& read, const Record& held,
                    const ReadHistory& history, Verdict if_newer) {
  const std::optional<absl::Time> held_time = ReadInstant(held.last_updated);
  if (!held_time || read.last_updated == *held_time) return Verdict::kUnsure;
  if (read.last_updated > *held_time) return if_newer;
  // Older, and asked for before what is held was.  Asked for after it, either
  // the search is behind or the clock of the server was set back.
  return read.ticket <= history.confirmed ? Verdict::kNothing
                                          : Verdict::kUnsure;
}

Verdict JudgeBySearch(const ReadResource& read, const Record* held,
                      const ReadHistory& history) {
  const bool live = read.kind == Kind::kLive;
  if (live && KeepsTombstonesOnly(read)) {
    return held == nullptr ? Verdict::kNothing : Verdict::kUnsure;
  }
  if (held == nullptr) {
    if (history.was_absent) return Verdict::kUnsure;
    return live ? Verdict::kPut : Verdict::kDelete;
  }
  if (held->deleted) return live ? Verdict::kUnsure : Verdict::kNothing;
  if (live && held->version_id == read.record.version_id) {
    return IsSameVersion(*held, read.record) ? Verdict::kNothing
                                             : Verdict::kPut;
  }
  return JudgeByTime(read, *held, history,
                     live ? Verdict::kPut : Verdict::kDelete);
}

}  // namespace

Verdict Judge(const ReadResource& read, const Record* held,
              const ReadHistory& history) {
  const Verdict verdict =
      read.by_id ? JudgeById(read, held) : JudgeBySearch(read, held, history);
  if (verdict == Verdict::kNothing || read.ticket > history.latest) {
    return verdict;
  }
  return Verdict::kUnsure;
}

}  // namespace pdp::sync
