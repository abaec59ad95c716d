#include "clients/pdpctl/print_feeds.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/time/time.h"
#include "pdp/base/strings.h"

namespace pdp::ctl {
namespace {

namespace v1 = medplum::pdp::v1;

constexpr size_t kColumns = 7;
using Row = std::array<std::string, kColumns>;

// The name of an enum's value without its prefix, in lower case.
std::string Word(std::string_view name, std::string_view prefix) {
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  return absl::AsciiStrToLower(std::string(name));
}

std::string DurationText(const google::protobuf::Duration& duration) {
  return absl::FormatDuration(absl::Trunc(
      absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos()),
      absl::Milliseconds(100)));
}

std::string TimeText(bool has_time, const google::protobuf::Timestamp& time) {
  if (!has_time) return "never";
  google::protobuf::Timestamp seconds;
  seconds.set_seconds(time.seconds());
  return google::protobuf::util::TimeUtil::ToString(seconds);
}

Row RowOf(const v1::FeedStatus& feed) {
  Row row;
  row[0] = feed.project().empty() ? std::string("all") : feed.project();
  row[1] = Word(v1::FeedState_Name(feed.state()), "FEED_STATE_");
  row[2] = feed.has_bound() ? DurationText(feed.bound()) : std::string("-");
  row[3] = Word(v1::NotificationState_Name(feed.notifications()),
                "NOTIFICATION_STATE_");
  row[4] =
      TimeText(feed.has_last_notification_at(), feed.last_notification_at());
  row[5] = TimeText(feed.has_last_sweep_at(), feed.last_sweep_at());
  row[6] = feed.state() == v1::FEED_STATE_LOADING
               ? StrCat(feed.loaded(), " loaded")
               : StrCat(feed.resources());
  return row;
}

void AppendRow(const Row& row, const std::array<size_t, kColumns>& widths,
               std::string& out) {
  std::string line = " ";
  for (size_t i = 0; i < kColumns; ++i) {
    line += ' ';
    line += row[i];
    line.append(widths[i] - row[i].size() + 1, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line;
  out += '\n';
}

}  // namespace

std::string FeedTable(const v1::SourceStatus& source) {
  if (source.feeds().empty()) return {};
  std::vector<Row> rows = {{"PROJECT", "STATE", "BOUND", "NOTIFICATIONS",
                            "LAST EVENT", "LAST SWEEP", "RESOURCES"}};
  for (const v1::FeedStatus& feed : source.feeds()) rows.push_back(RowOf(feed));
  std::array<size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string out;
  AppendRow(rows.front(), widths, out);
  for (int i = 0; i < source.feeds_size(); ++i) {
    const v1::FeedStatus& feed = source.feeds(i);
    AppendRow(rows[static_cast<size_t>(i) + 1], widths, out);
    if (!feed.message().empty()) out += StrCat("    ", feed.message(), "\n");
    if (!feed.notifications_message().empty()) {
      out += StrCat("    notifications: ", feed.notifications_message(), "\n");
    }
  }
  return out;
}

}  // namespace pdp::ctl
