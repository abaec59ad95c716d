#include "pdp/audit_sink/log_cursor.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "pdp/audit/line_reader.h"
#include "pdp/audit/record_json.h"
#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"

namespace pdp::audit_sink {
namespace {

// Of one chain before it is another's turn.
constexpr uint64_t kTurnBytes = uint64_t{256} << 10;

// The chain that the header of a segment names; empty where it is none.
std::string ChainOf(std::string_view line) {
  audit::RecordParser parser;
  if (!parser.Parse(line).ok() || parser.kind() != audit::kHeaderKind) {
    return {};
  }
  return std::string(fhir::StringMember(parser.json(), "chain"));
}

}  // namespace

absl::StatusOr<Positions> LogCursor::End(const std::string& directory) {
  PDP_ASSIGN_OR_RETURN(const std::vector<audit::SegmentName> names,
                       audit::ListSegments(directory));
  Positions positions;
  for (const audit::SegmentName& name : names) {
    positions[name.chain].segment = name.number + 1;
  }
  return positions;
}

absl::Status LogCursor::List(
    const std::string& directory,
    std::map<uint32_t, std::map<uint64_t, Segment>>& found) {
  PDP_ASSIGN_OR_RETURN(const std::vector<audit::SegmentName> names,
                       audit::ListSegments(directory));
  if (directory == directory_) ResetReplaced(names);
  for (const audit::SegmentName& name : names) {
    const auto position = positions_.find(name.chain);
    // What was read is of no use any more, but for the last one.
    if (position != positions_.end() &&
        name.number + 1 < position->second.segment) {
      continue;
    }
    std::string path = StrCat(directory, "/", name.ToString());
    std::error_code error;
    const uint64_t size = std::filesystem::file_size(path, error);
    if (error) continue;  // Just removed.
    found[name.chain].try_emplace(
        name.number,
        Segment{.name = name, .path = std::move(path), .size = size});
  }
  return absl::OkStatus();
}

void LogCursor::ResetReplaced(const std::vector<audit::SegmentName>& names) {
  std::map<uint32_t, uint64_t> last;
  for (const audit::SegmentName& name : names) last[name.chain] = name.number;
  for (const auto& [chain, number] : last) {
    const auto position = positions_.find(chain);
    if (position == positions_.end() ||
        number + 1 >= position->second.segment) {
      continue;
    }
    Log(Severity::kWarning, "audit_events_log_replaced",
        {{"directory", directory_}, {"chain", chain}});
    positions_.erase(position);
  }
}

absl::Status LogCursor::Look() {
  std::map<uint32_t, std::map<uint64_t, Segment>> found;
  PDP_RETURN_IF_ERROR(List(directory_, found));
  std::error_code error;
  if (!archive_.empty() && std::filesystem::is_directory(archive_, error)) {
    std::map<uint32_t, std::map<uint64_t, Segment>> archived;
    PDP_RETURN_IF_ERROR(List(archive_, archived));
    for (auto& [chain, segments] : archived) {
      // Other servers' archives are elsewhere.
      if (found.contains(chain)) found[chain].merge(segments);
    }
  }
  std::map<uint32_t, Chain> chains;
  for (auto& [number, segments] : found) {
    Chain& chain = chains[number];
    for (auto& [segment_number, segment] : segments) {
      segment.readable = segment.size;
      chain.push_back(std::move(segment));
    }
    // The last one is still written to.
    Segment& last = chain.back();
    last.readable = 0;
    const auto before = chains_.find(number);
    if (before == chains_.end()) continue;
    for (const Segment& known : before->second) {
      if (known.path == last.path) {
        last.readable = std::min(known.size, last.size);
      }
    }
  }
  chains_ = std::move(chains);
  return absl::OkStatus();
}

const LogCursor::Segment* LogCursor::Current(const Chain& chain,
                                             ChainPosition& position) {
  for (size_t i = 0; i < chain.size(); ++i) {
    const Segment& segment = chain[i];
    const uint64_t number = segment.name.number;
    if (number < position.segment) continue;
    if (number > position.segment) {
      // Where nothing of the chain was read, its beginning may be elsewhere.
      if (position.segment != 0) {
        lost_segments_ += number - position.segment;
        Log(Severity::kError, "audit_events_lost",
            {{"segment", segment.path},
             {"segments", number - position.segment},
             {"reason", "removed before they were read"}});
      }
      position = {.segment = number};
    }
    const bool is_last = i + 1 == chain.size();
    if (is_last || position.offset < segment.readable) return &segment;
    position = {.segment = number + 1};
  }
  return nullptr;
}

absl::StatusOr<bool> LogCursor::ReadSome(
    const Chain& chain, ChainPosition& position, const Visitor& visitor,
    const std::function<bool()>& wants_more) {
  const Segment* const segment = Current(chain, position);
  if (segment == nullptr || position.offset >= segment->readable) return false;
  PDP_ASSIGN_OR_RETURN(audit::LineReader lines,
                       audit::LineReader::Open(segment->path, position.offset));
  const uint64_t turn_ends = position.offset + kTurnBytes;
  audit::Line line;
  while (position.offset < turn_ends && wants_more()) {
    const bool has_line = lines.Next(line) && line.end() <= segment->readable;
    PDP_RETURN_IF_ERROR(lines.status());
    if (!has_line || !line.is_ended) {
      // What is torn off at the end of a segment is no record.  The last one
      // may go on.
      if (segment != &chain.back()) position.offset = segment->readable;
      return segment != &chain.back();
    }
    if (position.offset == 0) position.chain = ChainOf(line.text);
    position.offset = line.end();
    if (!line.is_too_long) {
      visitor({.chain = position.chain, .text = line.text});
    }
  }
  return true;
}

absl::StatusOr<bool> LogCursor::Read(const Visitor& visitor,
                                     const std::function<bool()>& wants_more) {
  bool may_have_more = true;
  while (may_have_more && wants_more()) {
    may_have_more = false;
    for (const auto& [number, chain] : chains_) {
      PDP_ASSIGN_OR_RETURN(
          const bool has_more,
          ReadSome(chain, positions_[number], visitor, wants_more));
      may_have_more |= has_more;
    }
  }
  return may_have_more;
}

uint64_t LogCursor::unread_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [number, chain] : chains_) {
    const auto position = positions_.find(number);
    for (const Segment& segment : chain) {
      const uint64_t read_to =
          position == positions_.end() ||
                  segment.name.number > position->second.segment
              ? 0
          : segment.name.number < position->second.segment
              ? segment.size
              : position->second.offset;
      bytes += segment.size - std::min(segment.size, read_to);
    }
  }
  return bytes;
}

}  // namespace pdp::audit_sink
