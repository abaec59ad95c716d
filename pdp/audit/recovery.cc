#include "pdp/audit/recovery.h"

#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "pdp/audit/heads.h"
#include "pdp/audit/segment.h"
#include "pdp/audit/segment_scan.h"
#include "pdp/base/status_context.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

struct ParsedChainId {
  std::string log;
  uint32_t chain = 0;
};

std::optional<ParsedChainId> ParseChainId(std::string_view id) {
  const size_t dot = id.rfind('.');
  ParsedChainId parsed;
  if (dot == std::string_view::npos ||
      !absl::SimpleAtoi(ToAbsl(id.substr(dot + 1)), &parsed.chain)) {
    return std::nullopt;
  }
  parsed.log = id.substr(0, dot);
  return parsed;
}

absl::Status SetLog(const std::string& log, RecoveredChains& found) {
  if (found.log.empty()) found.log = log;
  if (found.log == log) return absl::OkStatus();
  return absl::FailedPreconditionError(
      StrCat("has segments of two logs, `", found.log, "` and `", log,
             "`; move those of one elsewhere"));
}

// Reads the last of the segments of one chain.  `has_next`: there was a file
// for another one.
absl::Status ReadLast(const std::string& directory,
                      std::vector<SegmentName> segments, bool has_next,
                      RecoveredChains& found) {
  PreviousSegment previous;
  const SegmentName last = segments.back();
  // Where its header is not whole, the chain ends in the one before.
  while (!segments.empty()) {
    const SegmentName& name = segments.back();
    PDP_ASSIGN_OR_RETURN(const SegmentScan scan,
                         ScanSegment(StrCat(directory, "/", name.ToString())));
    if (scan.header) {
      const auto id = ParseChainId(scan.header->chain);
      if (!id || id->chain != last.chain) {
        return absl::FailedPreconditionError(
            StrCat("`", name.ToString(), "` is not what its name says"));
      }
      PDP_RETURN_IF_ERROR(SetLog(id->log, found));
    }
    if (name.number == last.number) {
      previous.number = last.number;
      previous.bytes = scan.bytes;
      previous.torn_bytes = scan.torn.bytes;
      previous.torn = scan.torn.digest;
      if (!scan.is_closed || scan.torn.bytes != 0) previous.left = "killed";
      if (previous.left.empty() && scan.is_rotated && !has_next) {
        previous = {.number = last.number + 1, .left = "missing"};
      }
    }
    previous.end = scan.end;
    if (scan.header) break;
    segments.pop_back();
  }
  found.chains[last.chain] = previous;
  return absl::OkStatus();
}

// A head that was told of and is not there is evidence, too.
void Compare(const Head& head, RecoveredChains& found) {
  const auto id = ParseChainId(head.chain);
  if (!id) return;
  if (found.log.empty()) found.log = id->log;
  if (id->log != found.log) return;
  const auto [chain, is_new] = found.chains.try_emplace(id->chain);
  PreviousSegment& previous = chain->second;
  if (!is_new && previous.end.seq >= head.seq) return;
  if (is_new || head.segment > previous.number) {
    previous = {.number = head.segment,
                .end = {head.seq, head.head},
                .left = "missing"};
  } else {
    previous.left = "killed";
    previous.lost_to = head.seq;
  }
}

}  // namespace

absl::StatusOr<RecoveredChains> Recover(const std::string& directory) {
  RecoveredChains found;
  PDP_ASSIGN_OR_RETURN(const std::vector<SegmentName> names,
                       ListSegments(directory));
  std::map<uint32_t, std::vector<SegmentName>> by_chain;
  std::set<uint32_t> with_next;
  for (const SegmentName& name : names) {
    const std::string path = StrCat(directory, "/", name.ToString());
    std::error_code error;
    if (std::filesystem::file_size(path, error) == 0 && !error) {
      std::filesystem::remove(path, error);
      with_next.insert(name.chain);
      continue;
    }
    by_chain[name.chain].push_back(name);
  }
  for (auto& [chain, segments] : by_chain) {
    const absl::Status status = ReadLast(directory, std::move(segments),
                                         with_next.contains(chain), found);
    if (!status.ok()) return InContext(StrCat("`", directory, "`"), status);
  }
  PDP_ASSIGN_OR_RETURN(const std::vector<Head> heads,
                       ReadHeads(StrCat(directory, "/", kHeadsName)));
  for (const Head& head : heads) Compare(head, found);
  return found;
}

}  // namespace pdp::audit
