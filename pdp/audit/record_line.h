// RecordLine: the records of one line of the audit log, as they are written.
//
// The first is written whole.  Each further one is an object in the array
// `more` of what it has otherwise than the first: a member that is not there is
// the first one's, and one that is null is not there.

#ifndef PDP_AUDIT_RECORD_LINE_H_
#define PDP_AUDIT_RECORD_LINE_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "pdp/audit/line_writer.h"
#include "pdp/audit/record.h"
#include "pdp/audit/record_members.h"

namespace pdp::audit {

// A line takes no further record past either.
inline constexpr size_t kMaxRecordsOfLine = 100;
inline constexpr size_t kEnoughLineBytes = size_t{32} << 10;

// Writes into a text that nothing else is written into from Begin to End.
class RecordLine {
 public:
  explicit RecordLine(std::string& out) : out_(out) {}

  // Appends `,"time":...,"kind":...` and what else is not empty.  REQUIRES: no
  // line is open.
  void Begin(const Record& record);

  bool is_open() const { return records_ != 0; }

  // Whether `record` can be a further one: of the same kind and project.
  bool Takes(const Record& record) const;
  // REQUIRES: Takes(record).
  void Add(const Record& record);

  // Nothing where no line is open.
  void End();
  // What was written is gone from the text.
  void Forget() { records_ = 0; }

 private:
  // Where the first record's is in the text.
  struct Place {
    size_t begin = 0;
    size_t size = 0;
    // Written as it is, so that it can be compared with others.
    bool is_plain = true;
  };

  template <size_t kSize>
  void BeginTexts(const TextMember (&members)[kSize], const Record& record,
                  LineWriter& line, Place* places);
  template <size_t kSize>
  void AddTexts(const TextMember (&members)[kSize], const Record& record,
                LineWriter& line, const Place* places);
  void BeginList(std::string_view name, absl::Span<const std::string_view> list,
                 LineWriter& line, Place& place);
  void AddList(std::string_view name, absl::Span<const std::string_view> list,
               LineWriter& line, const Place& place);

  std::string_view At(const Place& place) const {
    return std::string_view(out_).substr(place.begin, place.size);
  }

  std::string& out_;
  size_t records_ = 0;
  size_t begin_ = 0;

  // The first record's.
  RecordKind kind_ = RecordKind::kDecision;
  absl::Time time_;
  Place who_[std::size(kWhoMembers)];
  Place what_[std::size(kWhatMembers)];
  Place how_[std::size(kHowMembers)];
  Place tenants_;
  Place notes_;
  std::optional<uint64_t> entry_;
  std::optional<uint64_t> source_;
  std::optional<uint64_t> revision_;
  std::optional<uint64_t> latency_;
  std::optional<bool> success_;
  bool is_cut_ = false;
};

// The members of `record` alone, as Begin writes them.
void AppendMembers(const Record& record, std::string& out);

}  // namespace pdp::audit

#endif  // PDP_AUDIT_RECORD_LINE_H_
