#include "pdp/audit/log_reader.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "pdp/audit/line_reader.h"
#include "pdp/audit/line_records.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

// How far the time of day may have been set back while a segment was written,
// and how long after its decision a record may be.
constexpr absl::Duration kSlack = absl::Minutes(10);

bool IsOfDecision(RecordKind kind) {
  return kind == RecordKind::kDecision || kind == RecordKind::kFilter ||
         kind == RecordKind::kRelease || kind == RecordKind::kSimulation;
}

}  // namespace

std::string Defect::ToString() const {
  return StrCat(file, ":", line, ": ", reason);
}

// The records of one chain.
class LogReader::Cursor {
 public:
  Cursor(const std::vector<Segment>& segments, const Selection& selection,
         const OnDefect& on_defect)
      : segments_(segments), selection_(selection), on_defect_(on_defect) {}

  // Moves to the next record: false where there is none.
  absl::StatusOr<bool> Next() {
    while (true) {
      if (NextOfLine()) return true;
      if (lines_ == nullptr) {
        if (!NextSegment()) return false;
        PDP_ASSIGN_OR_RETURN(LineReader lines,
                             LineReader::Open(segments_[next_ - 1].path));
        lines_ = std::make_unique<LineReader>(std::move(lines));
      }
      if (lines_->Next(line_)) {
        ReadLine();
        continue;
      }
      PDP_RETURN_IF_ERROR(lines_->status());
      lines_.reset();
    }
  }

  absl::Time time() const { return parser_.time(); }
  FoundRecord found() const {
    return {.parsed = parser_,
            .json = records_[next_record_ - 1],
            .file = segments_[next_ - 1].path,
            .line = line_.number};
  }
  OwnedRecord Take() && {
    std::string json(records_[next_record_ - 1]);
    return {.parsed = std::move(parser_), .json = std::move(json)};
  }

 private:
  bool NextSegment() {
    while (next_ < segments_.size()) {
      const Segment& segment = segments_[next_++];
      if (segment.name.start <= selection_.to + kSlack &&
          segment.end >= selection_.from - kSlack) {
        return true;
      }
    }
    return false;
  }

  void ReadLine() {
    next_record_ = end_record_ = 0;
    if (line_.text.find(selection_.containing) == std::string_view::npos) {
      return;
    }
    absl::Status status;
    if (line_.is_too_long) {
      status = absl::InvalidArgumentError("too long for a record");
    } else if (!line_.is_ended) {
      status = absl::InvalidArgumentError("not a whole line");
    } else {
      status = records_.Read(line_.text);
    }
    if (status.ok()) {
      end_record_ = records_.size();
    } else {
      Tell(status);
    }
  }

  // Moves to the next record of the line that is wanted.
  bool NextOfLine() {
    while (next_record_ < end_record_) {
      const absl::Status status = parser_.Parse(records_[next_record_++]);
      if (!status.ok()) {
        Tell(status);
      } else if (parser_.time() >= selection_.from &&
                 parser_.time() <= selection_.to) {
        return true;
      }
    }
    return false;
  }

  void Tell(const absl::Status& status) {
    on_defect_({.file = segments_[next_ - 1].path,
                .line = line_.number,
                .reason = std::string(ToStd(status.message()))});
  }

  const std::vector<Segment>& segments_;
  const Selection& selection_;
  const OnDefect& on_defect_;
  size_t next_ = 0;
  std::unique_ptr<LineReader> lines_;
  Line line_;
  LineRecords records_;  // Of that line.
  size_t next_record_ = 0;
  size_t end_record_ = 0;
  RecordParser parser_;
};

absl::StatusOr<LogReader> LogReader::Open(
    const std::vector<std::string>& directories) {
  std::map<std::string, Segment> by_name;
  for (const std::string& directory : directories) {
    PDP_ASSIGN_OR_RETURN(const std::vector<SegmentName> names,
                         ListSegments(directory));
    for (const SegmentName& name : names) {
      const std::string text = name.ToString();
      by_name.try_emplace(text, Segment{.name = name,
                                        .path = StrCat(directory, "/", text),
                                        .end = absl::InfiniteFuture()});
    }
  }
  std::map<uint32_t, std::vector<Segment>> by_chain;
  for (auto& [name, segment] : by_name) {
    by_chain[segment.name.chain].push_back(std::move(segment));
  }
  LogReader reader;
  for (auto& [chain, segments] : by_chain) {
    // Of several logs, one after the other.
    std::sort(segments.begin(), segments.end(),
              [](const Segment& a, const Segment& b) {
                return std::tie(a.name.number, a.name.start) <
                       std::tie(b.name.number, b.name.start);
              });
    for (size_t i = 0; i + 1 < segments.size(); ++i) {
      if (segments[i + 1].name.number == segments[i].name.number + 1) {
        segments[i].end =
            std::max(segments[i].name.start, segments[i + 1].name.start);
      }
    }
    reader.chains_.push_back(std::move(segments));
  }
  return reader;
}

absl::Status LogReader::ForEach(const Selection& selection,
                                const Visitor& visitor,
                                const OnDefect& on_defect) const {
  std::vector<std::unique_ptr<Cursor>> cursors;
  for (const std::vector<Segment>& segments : chains_) {
    auto cursor = std::make_unique<Cursor>(segments, selection, on_defect);
    PDP_ASSIGN_OR_RETURN(const bool has_record, cursor->Next());
    if (has_record) cursors.push_back(std::move(cursor));
  }
  while (!cursors.empty()) {
    const auto first = std::min_element(
        cursors.begin(), cursors.end(),
        [](const auto& a, const auto& b) { return a->time() < b->time(); });
    if (!visitor((*first)->found())) return absl::OkStatus();
    PDP_ASSIGN_OR_RETURN(const bool has_record, (*first)->Next());
    if (!has_record) cursors.erase(first);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<OwnedRecord>> LogReader::FindDecision(
    std::string_view decision_id) const {
  const auto time = TimeOfId(decision_id);
  if (!time) {
    return absl::InvalidArgumentError(
        StrCat("`", decision_id, "` is not the id of a decision"));
  }
  const Selection selection{.from = *time - kSlack,
                            .to = *time + kSlack,
                            .containing = std::string(decision_id)};
  const OnDefect ignore = [](const Defect&) {};
  for (const std::vector<Segment>& segments : chains_) {
    Cursor cursor(segments, selection, ignore);
    while (true) {
      PDP_ASSIGN_OR_RETURN(const bool has_record, cursor.Next());
      if (!has_record) break;
      const RecordParser& parsed = cursor.found().parsed;
      if (parsed.is_record() && IsOfDecision(parsed.record().kind) &&
          parsed.record().decision_id == decision_id) {
        return std::move(cursor).Take();
      }
    }
  }
  return std::nullopt;
}

std::optional<absl::Time> TimeOfId(std::string_view id) {
  constexpr size_t kLength = 36;
  constexpr size_t kVersionAt = 14;
  if (id.size() != kLength || id[kVersionAt] != '7') return std::nullopt;
  for (size_t i = 0; i < id.size(); ++i) {
    const bool is_hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_hyphen ? id[i] != '-'
                  : !absl::ascii_isxdigit(static_cast<unsigned char>(id[i]))) {
      return std::nullopt;
    }
  }
  int64_t milliseconds = 0;
  const std::string digits = StrCat(id.substr(0, 8), id.substr(9, 4));
  if (!absl::SimpleHexAtoi(digits, &milliseconds)) return std::nullopt;
  return absl::FromUnixMillis(milliseconds);
}

}  // namespace pdp::audit
