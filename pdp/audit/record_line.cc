#include "pdp/audit/record_line.h"

namespace pdp::audit {
namespace {

constexpr std::string_view kMore = ",\"more\":[";
// The last of kWhoMembers.
constexpr size_t kProject = std::size(kWhoMembers) - 1;
static_assert(kWhoMembers[kProject].name == "project");

std::optional<uint64_t> LatencyOf(const Record& record) {
  if (record.latency <= absl::ZeroDuration()) return std::nullopt;
  return static_cast<uint64_t>(absl::ToInt64Nanoseconds(record.latency));
}

void AddNumber(std::string_view name, std::optional<uint64_t> number,
               std::optional<uint64_t> first, LineWriter& line) {
  if (number == first) return;
  if (number) {
    line.Number(name, *number);
  } else {
    line.Null(name);
  }
}

}  // namespace

template <size_t kSize>
void RecordLine::BeginTexts(const TextMember (&members)[kSize],
                            const Record& record, LineWriter& line,
                            Place* places) {
  for (size_t i = 0; i < kSize; ++i) {
    const std::string_view text = record.*members[i].text;
    places[i].is_plain = line.Text(members[i].name, text);
    places[i].size = text.size();
    // The quote is behind it.
    places[i].begin =
        places[i].is_plain && !text.empty() ? out_.size() - 1 - text.size() : 0;
  }
}

template <size_t kSize>
void RecordLine::AddTexts(const TextMember (&members)[kSize],
                          const Record& record, LineWriter& line,
                          const Place* places) {
  for (size_t i = 0; i < kSize; ++i) {
    const std::string_view text = record.*members[i].text;
    if (places[i].is_plain && At(places[i]) == text) continue;
    if (text.empty()) {
      line.Null(members[i].name);
    } else {
      line.Text(members[i].name, text);
    }
  }
}

void RecordLine::BeginList(std::string_view name,
                           absl::Span<const std::string_view> list,
                           LineWriter& line, Place& place) {
  place.begin = out_.size();
  line.List(name, list);
  place.size = out_.size() - place.begin;
}

void RecordLine::AddList(std::string_view name,
                         absl::Span<const std::string_view> list,
                         LineWriter& line, const Place& place) {
  const size_t begin = out_.size();
  line.List(name, list);
  if (std::string_view(out_).substr(begin) == At(place)) {
    out_.resize(begin);
  } else if (list.empty()) {
    line.Null(name);
  }
}

void RecordLine::Begin(const Record& record) {
  begin_ = out_.size();
  records_ = 1;
  kind_ = record.kind;
  time_ = record.time;
  entry_ = record.entry;
  source_ = record.source;
  revision_ = record.revision;
  success_ = record.success;
  latency_ = LatencyOf(record);
  LineWriter line(out_);
  line.Time("time", record.time);
  line.Text("kind", kKindNames[static_cast<size_t>(record.kind)]);
  BeginTexts(kWhoMembers, record, line, who_);
  BeginList("tenants", record.tenants, line, tenants_);
  BeginTexts(kWhatMembers, record, line, what_);
  if (entry_) line.Number("entry", *entry_);
  if (source_) line.Number("source", *source_);
  BeginList("notes", record.notes, line, notes_);
  if (revision_) line.Number("revision", *revision_);
  BeginTexts(kHowMembers, record, line, how_);
  if (success_) line.Flag("success", *success_);
  if (latency_) line.Number("latency_ns", *latency_);
  is_cut_ = line.is_cut();
  line.Finish();
}

bool RecordLine::Takes(const Record& record) const {
  return records_ != 0 && records_ < kMaxRecordsOfLine && !is_cut_ &&
         out_.size() - begin_ < kEnoughLineBytes && record.kind == kind_ &&
         who_[kProject].is_plain && At(who_[kProject]) == record.project;
}

void RecordLine::Add(const Record& record) {
  out_ += records_ == 1 ? kMore : std::string_view(",");
  ++records_;
  const size_t begin = out_.size();
  LineWriter line(out_);
  if (record.time != time_) line.Time("time", record.time);
  AddTexts(kWhoMembers, record, line, who_);
  AddList("tenants", record.tenants, line, tenants_);
  AddTexts(kWhatMembers, record, line, what_);
  AddNumber("entry", record.entry, entry_, line);
  AddNumber("source", record.source, source_, line);
  AddList("notes", record.notes, line, notes_);
  AddNumber("revision", record.revision, revision_, line);
  AddTexts(kHowMembers, record, line, how_);
  if (record.success != success_) {
    if (record.success) {
      line.Flag("success", *record.success);
    } else {
      line.Null("success");
    }
  }
  AddNumber("latency_ns", LatencyOf(record), latency_, line);
  line.Finish();
  // The comma before the first member.
  if (out_.size() == begin) out_ += '{';
  out_[begin] = '{';
  out_ += '}';
}

void RecordLine::End() {
  if (records_ > 1) out_ += ']';
  records_ = 0;
}

void AppendMembers(const Record& record, std::string& out) {
  RecordLine line(out);
  line.Begin(record);
}

}  // namespace pdp::audit
