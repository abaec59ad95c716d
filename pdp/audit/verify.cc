#include "pdp/audit/verify.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "pdp/audit/line_reader.h"
#include "pdp/audit/record_json.h"
#include "pdp/audit/segment.h"
#include "pdp/audit/segment_scan.h"
#include "pdp/audit/torn_tail.h"
#include "pdp/audit/verify_segment.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::audit {

std::string_view FindingKindName(FindingKind kind) {
  switch (kind) {
    case FindingKind::kRemark:
      return "remark";
    case FindingKind::kChanged:
      return "changed";
    case FindingKind::kMissing:
      return "missing";
    case FindingKind::kMisplaced:
      return "misplaced";
    case FindingKind::kUntrusted:
      return "untrusted";
  }
  return "";
}

std::string Finding::ToString() const {
  std::string text = file.empty() ? StrCat("chain ", chain) : file;
  if (line != 0) text += StrCat(":", line);
  text += StrCat(": ", FindingKindName(kind), ": ", message);
  if (seq != 0) text += StrCat(" (seq ", seq, ")");
  return text;
}

namespace {

struct Segment {
  SegmentName name;
  std::string path;
  std::optional<SegmentHeader> header;
  bool is_empty = false;
};

absl::StatusOr<std::optional<SegmentHeader>> ReadHeader(
    const std::string& path) {
  PDP_ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(path));
  Line line;
  RecordParser parser;
  if (!lines.Next(line) || !parser.Parse(line.text).ok()) {
    PDP_RETURN_IF_ERROR(lines.status());
    return std::nullopt;
  }
  return SegmentHeader::Parse(parser.json());
}

// "segment 3", "segments 3 to 5".
std::string Numbers(uint64_t first, uint64_t last) {
  return first == last ? StrCat("segment ", first)
                       : StrCat("segments ", first, " to ", last);
}

class LogVerifier {
 public:
  explicit LogVerifier(const VerifyOptions& options) : options_(options) {}

  absl::StatusOr<VerifyReport> Run() {
    // Heads first: a server that goes on writing is ahead of them.
    PDP_RETURN_IF_ERROR(ReadAllHeads());
    PDP_RETURN_IF_ERROR(ListAll());
    if (chains_.empty() && told_ == 0) {
      return absl::NotFoundError(StrCat("there are no segments in `",
                                        options_.directories.front(), "`"));
    }
    for (const auto& [chain, segments] : chains_) {
      PDP_RETURN_IF_ERROR(VerifyChain(chain, segments));
    }
    for (const auto& [chain, segments] : chains_) {
      CheckBeginning(chain, segments.front());
    }
    CheckHeads();
    report_.chains = chains_.size();
    report_.segments = tally_.segments;
    report_.records = tally_.records;
    report_.checkpoints = tally_.checkpoints;
    report_.signatures = tally_.signatures;
    return std::move(report_);
  }

 private:
  void Find(FindingKind kind, const std::string& file, const std::string& chain,
            std::string message, uint64_t seq = 0) {
    report_.findings.Add({.kind = kind,
                          .file = file,
                          .chain = chain,
                          .seq = seq,
                          .message = std::move(message)});
  }

  absl::Status ReadAllHeads() {
    std::vector<Head> heads = options_.heads;
    for (const std::string& directory : options_.directories) {
      PDP_ASSIGN_OR_RETURN(const std::vector<Head> more,
                           ReadHeads(StrCat(directory, "/", kHeadsName)));
      heads.insert(heads.end(), more.begin(), more.end());
    }
    for (Head& head : heads) {
      tally_.heads[head.chain].emplace(head.seq, head);
      ++told_;
    }
    return absl::OkStatus();
  }

  absl::Status ListAll() {
    std::map<std::string, Segment> by_name;
    for (const std::string& directory : options_.directories) {
      std::error_code error;
      has_archive_ |=
          !std::filesystem::exists(StrCat(directory, "/", kLockName), error);
      PDP_ASSIGN_OR_RETURN(const std::vector<SegmentName> names,
                           ListSegments(directory));
      for (const SegmentName& name : names) {
        Segment segment{.name = name,
                        .path = StrCat(directory, "/", name.ToString())};
        const auto [other, is_new] =
            by_name.try_emplace(name.ToString(), segment);
        if (!is_new) PDP_RETURN_IF_ERROR(Compare(other->second, segment));
      }
    }
    std::set<std::string> logs;
    for (auto& [name, segment] : by_name) {
      std::error_code error;
      segment.is_empty = std::filesystem::file_size(segment.path, error) == 0;
      PDP_ASSIGN_OR_RETURN(segment.header, ReadHeader(segment.path));
      if (segment.header) {
        const std::string& chain = segment.header->chain;
        logs.insert(chain.substr(0, chain.rfind('.')));
      }
    }
    // A segment without a header is of the chain in its name.
    const std::string log = logs.size() == 1 ? *logs.begin() : "?";
    for (auto& [name, segment] : by_name) {
      const std::string chain = segment.header
                                    ? segment.header->chain
                                    : ChainId(log, segment.name.chain);
      chains_[chain].push_back(std::move(segment));
    }
    for (auto& [chain, segments] : chains_) {
      std::stable_sort(segments.begin(), segments.end(),
                       [](const Segment& a, const Segment& b) {
                         return a.name.number < b.name.number;
                       });
    }
    return absl::OkStatus();
  }

  // Two copies of a segment.  The one that is written to is the longer.
  absl::Status Compare(const Segment& kept, const Segment& other) {
    PDP_ASSIGN_OR_RETURN(const TornTail a, ReadTornTail(kept.path, 0));
    PDP_ASSIGN_OR_RETURN(const TornTail b, ReadTornTail(other.path, 0));
    if (a.digest != b.digest) {
      Find(FindingKind::kChanged, other.path, "",
           StrCat("differs from `", kept.path, "`"));
    }
    return absl::OkStatus();
  }

  absl::Status VerifyChain(const std::string& chain,
                           const std::vector<Segment>& segments) {
    std::optional<SegmentEnd> end;
    for (size_t i = 0; i < segments.size(); ++i) {
      const Segment& segment = segments[i];
      const Segment* const next =
          i + 1 < segments.size() ? &segments[i + 1] : nullptr;
      const Segment* const before = i > 0 ? &segments[i - 1] : nullptr;
      if (segment.is_empty) {
        Find(next == nullptr ? FindingKind::kRemark : FindingKind::kMissing,
             segment.path, chain, "nothing was written to it");
        if (next != nullptr) end.reset();
        continue;
      }
      SegmentContext context{
          .path = segment.path, .name = segment.name, .chain = chain};
      const uint64_t expected =
          before == nullptr ? segment.name.number : before->name.number + 1;
      if (segment.name.number > expected) {
        Find(FindingKind::kMissing, "", chain,
             StrCat(Numbers(expected, segment.name.number - 1),
                    " missing before `", segment.path, "`"));
      } else if (segment.name.number < expected) {
        Find(FindingKind::kMisplaced, segment.path, chain,
             "a second segment of this number");
      } else if (before != nullptr && end) {
        context.previous = end->position;
      }
      if (next != nullptr && next->name.number == segment.name.number + 1) {
        context.next = next->header;
      }
      PDP_ASSIGN_OR_RETURN(end, VerifySegment(context, options_.public_keys,
                                              tally_, report_.findings));
    }
    if (!end) return absl::OkStatus();
    ends_[chain] = end->position;
    return CheckEnd(chain, segments.back(), *end);
  }

  absl::Status CheckEnd(const std::string& chain, const Segment& last,
                        const SegmentEnd& end) {
    if (last.is_empty) return absl::OkStatus();
    if (end.close_reason.empty()) {
      Find(FindingKind::kRemark, last.path, chain,
           "not closed: the server writes to it, or was killed");
      return absl::OkStatus();
    }
    if (end.close_reason != kRotated) return absl::OkStatus();
    // It may have been started in the meantime.
    for (const std::string& directory : options_.directories) {
      PDP_ASSIGN_OR_RETURN(const std::vector<SegmentName> names,
                           ListSegments(directory));
      for (const SegmentName& name : names) {
        if (name.chain == last.name.chain &&
            name.number == last.name.number + 1) {
          return absl::OkStatus();
        }
      }
    }
    Find(FindingKind::kMissing, "", chain,
         StrCat(Numbers(last.name.number + 1, last.name.number + 1),
                " missing: `", last.path, "` says that one follows"));
    return absl::OkStatus();
  }

  // Segments before the first one may be gone only where the log says so.
  // What is removed from a server's directory stays in the archive.
  void CheckBeginning(const std::string& chain, const Segment& first) {
    if (first.name.number == 1 || !first.header) return;
    const uint64_t before = first.name.number - 1;
    RemovedThrough removed;
    for (const char* where : {"archive", "local"}) {
      if (where == std::string_view("local") && has_archive_) break;
      const auto found = tally_.removed.find({where, chain});
      if (found != tally_.removed.end() &&
          found->second.segment >= removed.segment) {
        removed = found->second;
      }
    }
    if (removed.segment < before) {
      Find(FindingKind::kMissing, "", chain,
           StrCat(Numbers(removed.segment + 1, before),
                  " missing, and no record says that they were removed"));
    } else if (removed.segment == before &&
               removed.head != first.header->previous) {
      Find(FindingKind::kChanged, first.path, chain,
           "does not follow the segment that was removed", first.header->seq);
    }
  }

  // What is left was not found.
  void CheckHeads() {
    uint64_t not_found = 0;
    for (const auto& [chain, heads] : tally_.heads) {
      const auto end = ends_.find(chain);
      const auto segments = chains_.find(chain);
      const uint64_t first =
          segments != chains_.end() && segments->second.front().header
              ? segments->second.front().header->seq
              : 1;
      for (const auto& [seq, head] : heads) {
        ++not_found;
        if (end == ends_.end()) {
          Find(FindingKind::kMissing, "", chain,
               "the chain is missing, whose head was told of", seq);
        } else if (seq > end->second.seq) {
          Find(FindingKind::kMissing, "", chain,
               StrCat("the chain ends with record ", end->second.seq,
                      ", and had more: a later head was told of"),
               seq);
        } else if (seq >= first) {
          Find(FindingKind::kChanged, "", chain,
               "the record is not the one whose head was told of", seq);
        }
      }
    }
    report_.heads = told_ - not_found;
  }

  const VerifyOptions& options_;
  VerifyReport report_;
  Tally tally_;
  uint64_t told_ = 0;
  bool has_archive_ = false;  // Only a server's own directory has a lock.
  std::map<std::string, std::vector<Segment>> chains_;
  std::map<std::string, Position> ends_;
};

}  // namespace

absl::StatusOr<VerifyReport> Verify(const VerifyOptions& options) {
  return LogVerifier(options).Run();
}

}  // namespace pdp::audit
