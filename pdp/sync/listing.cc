#include "pdp/sync/listing.h"

#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/fhir/json.h"

namespace pdp::sync {
namespace {

// The most that the server allows.
constexpr std::string_view kPageSize = "1000";

std::string QueryFor(const FeedSearch& search, std::string_view project,
                     absl::Time since) {
  std::string query =
      StrCat(search.type, "?_sort=_lastUpdated&_count=", kPageSize);
  if (!project.empty()) query += StrCat("&_project=", project);
  if (since != absl::InfinitePast()) {
    query += StrCat("&_lastUpdated=ge", ToInstantText(since));
  }
  if (search.deleted) query += "&_deleted=true";
  return query;
}

// To what a query can say.
absl::Time RoundDown(absl::Time time) {
  if (time == absl::InfinitePast()) return time;
  return absl::UnixEpoch() +
         absl::Floor(time - absl::UnixEpoch(), absl::Milliseconds(1));
}

}  // namespace

std::string ToInstantText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

absl::StatusOr<absl::Time> ParseInstant(std::string_view text) {
  absl::Time time;
  // ParseTime also takes `infinite-past`, and space in front.
  if (text.empty() || text[0] < '0' || text[0] > '9' ||
      !absl::ParseTime("%Y-%m-%d%ET%H:%M:%E*S%Ez", ToAbsl(text), &time,
                       nullptr)) {
    return absl::DataLossError("not an instant");
  }
  return time;
}

Listing::Listing(FeedReads& reads, const FeedSearch& search, absl::Time since)
    : reads_(reads),
      search_(search),
      query_(QueryFor(search, reads.project(), since)),
      last_updated_(RoundDown(since)) {}

absl::StatusOr<std::vector<Observation>> Listing::Next() {
  PDP_ASSIGN_OR_RETURN(FeedReads::Page page,
                       begun_ ? reads_.NextPage(next_) : reads_.Search(query_));
  std::string next = std::move(page.page.next);
  PDP_ASSIGN_OR_RETURN(std::vector<Observation> observations,
                       Observe(std::move(page)));
  if (next.find("_offset=") != std::string::npos &&
      next.find("_cursor=") == std::string::npos) {
    return Refused("is paged by offset, which passes over rows");
  }
  if (begun_ && next == next_) return Refused("names itself as the next page");
  if (observations.empty() && !next.empty()) {
    return Refused("is empty, and not the last");
  }
  begun_ = true;
  done_ = next.empty();
  next_ = std::move(next);
  return observations;
}

absl::StatusOr<std::vector<Observation>> Listing::Observe(
    FeedReads::Page page) {
  std::vector<Observation> observations;
  observations.reserve(page.page.resources.size());
  simdjson::dom::parser parser;
  bool gets_on = false;
  for (std::string& json : page.page.resources) {
    simdjson::dom::element root;
    if (parser.parse(json).get(root) != simdjson::SUCCESS) {
      return Refused("has an entry that is not JSON");
    }
    const std::optional<fhir::JsonElement> meta = fhir::Member(root, "meta");
    const std::string_view id = fhir::StringMember(root, "id");
    const absl::StatusOr<absl::Time> updated = ParseInstant(
        meta ? fhir::StringMember(*meta, "lastUpdated") : std::string_view());
    if (fhir::StringMember(root, "resourceType") != search_.type ||
        id.empty() || !updated.ok()) {
      return Refused(
          "has an entry of another type, or without id or meta.lastUpdated");
    }
    if (*updated < last_updated_) {
      return Refused("is not in the order of lastUpdated");
    }
    if (*updated != last_updated_) {
      last_ids_.clear();
      last_updated_ = *updated;
    }
    gets_on |= last_ids_.emplace(id).second;
    observations.push_back({.key = {std::string(search_.type), std::string(id)},
                            .kind = search_.deleted
                                        ? Observation::Kind::kDeleted
                                        : Observation::Kind::kLive,
                            .ticket = page.ticket,
                            .by_id = false,
                            .json = std::move(json)});
  }
  if (!observations.empty() && !gets_on) {
    return Refused("holds only what the page before held");
  }
  return observations;
}

absl::Status Listing::Refused(std::string_view why) const {
  return absl::DataLossError(StrCat("a page of ",
                                    search_.deleted ? "deleted " : "",
                                    search_.type, " resources ", why));
}

}  // namespace pdp::sync
