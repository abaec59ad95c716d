#include "pdp/audit/chain_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <utility>

#include "absl/strings/escaping.h"
#include "pdp/audit/line_writer.h"
#include "pdp/audit/torn_tail.h"
#include "pdp/base/log.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::audit {

ChainWriter::ChainWriter(const JournalOptions& options, ChainNames names,
                         PreviousSegment previous, JournalCounters& counters,
                         OnOpen on_open)
    : options_(options),
      names_(std::move(names)),
      id_(ChainId(names_.log, names_.chain)),
      counters_(counters),
      on_open_(std::move(on_open)),
      previous_(std::move(previous)),
      written_(previous_.end),
      added_(previous_.end) {}

ChainWriter::~ChainWriter() { Close(); }

// Lines.

void ChainWriter::BeginLine() {
  EndRecords();
  line_begin_ = buffer_.size();
  char digits[20];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, added_.seq + 1);
  buffer_ += "{\"seq\":";
  buffer_.append(digits, end.ptr);
}

void ChainWriter::EndLine() {
  buffer_ += '}';
  added_.head =
      digest_.Link(added_.head, std::string_view(buffer_).substr(line_begin_));
  ++added_.seq;
  buffer_.pop_back();
  buffer_ += kHashPrefix;
  AppendHex(added_.head, buffer_);
  buffer_ += kHashSuffix;
  buffer_ += '\n';
}

void ChainWriter::EndRecords() {
  if (!records_.is_open()) return;
  records_.End();
  EndLine();
}

void ChainWriter::AddHeader() {
  BeginLine();
  LineWriter line(buffer_);
  line.Time("time", spare_start_);
  line.Text("kind", kHeaderKind);
  line.Number("format", kFormatVersion);
  line.Text("chain", id_);
  line.Number("segment", previous_.number + 1);
  line.Text("server", options_.server);
  line.Text("instance", names_.instance);
  line.Text("product", options_.product);
  if (previous_.number != 0) {
    line.Text("previous", ToHex(previous_.end.head));
    line.Number("previous_bytes", previous_.bytes);
    line.Text("previous_left", previous_.left);
    if (previous_.torn_bytes != 0) {
      line.Number("torn_bytes", previous_.torn_bytes);
      line.Text("torn_sha256", ToHex(previous_.torn));
    }
    if (previous_.lost_to) line.Number("lost_to", *previous_.lost_to);
  }
  line.Finish();
  EndLine();
}

void ChainWriter::AddCheckpoint(std::string_view kind,
                                std::string_view reason) {
  EndRecords();
  const std::string head = ToHex(added_.head);
  std::string time;
  AppendTime(options_.clock->Now(), time);
  BeginLine();
  LineWriter line(buffer_);
  line.Text("time", time);
  line.Text("kind", kind);
  line.Text("chain", id_);
  line.Text("reason", reason);
  line.Text("head", head);
  if (options_.signing_key != nullptr) {
    line.Text("key", options_.signing_key->id());
    line.Text("signature",
              absl::Base64Escape(options_.signing_key->Sign(
                  SignedText(id_, added_.seq + 1, head, time, kind))));
  }
  EndLine();
}

// Files.

absl::Status ChainWriter::MakeSpare() {
  if (spare_ != nullptr) return absl::OkStatus();
  spare_start_ = options_.clock->Now();
  const SegmentName name{
      .start = spare_start_,
      .chain = names_.chain,
      .number = (file_ != nullptr ? number_ : previous_.number) + 1};
  PDP_ASSIGN_OR_RETURN(spare_,
                       SegmentFile::Create(options_.directory, name.ToString(),
                                           *options_.calls));
  return absl::OkStatus();
}

void ChainWriter::RemoveSpare() {
  if (spare_ == nullptr) return;
  unlink(StrCat(options_.directory, "/", spare_->name()).c_str());
  spare_.reset();
}

absl::Status ChainWriter::EnsureSegment() {
  if (file_ != nullptr && file_->sync_failed()) Leave("sync failed");
  if (file_ != nullptr) return absl::OkStatus();
  open_segment_ = previous_.number + 1;  // Before anybody can see the file.
  PDP_RETURN_IF_ERROR(MakeSpare());
  added_ = written_ = previous_.end;
  buffer_.clear();
  AddHeader();
  const absl::Status status = options_.sync_each_write
                                  ? spare_->AppendSynced(buffer_)
                                  : spare_->Append(buffer_);
  buffer_.clear();
  if (!status.ok()) {
    added_ = written_;
    if (!spare_->is_whole() || spare_->sync_failed()) RemoveSpare();
    return status;
  }
  written_ = added_;
  number_ = previous_.number + 1;
  file_ = std::move(spare_);
  spare_ = nullptr;
  opened_ = last_checkpoint_ = options_.clock->SinceBoot();
  records_in_segment_ = 0;
  records_since_checkpoint_ = 0;
  counters_.segments.fetch_add(1, std::memory_order_relaxed);
  counters_.bytes.fetch_add(file_->size(), std::memory_order_relaxed);
  on_open_(file_);
  return absl::OkStatus();
}

void ChainWriter::Retire() {
  previous_ = {.number = number_, .end = written_, .bytes = file_->size()};
  file_.reset();
  open_segment_ = number_ + 1;
}

void ChainWriter::Leave(std::string_view why) {
  const std::string path = StrCat(options_.directory, "/", file_->name());
  Retire();
  previous_.left = std::string(why);
  if (const auto torn = ReadTornTail(path, previous_.bytes); torn.ok()) {
    previous_.torn_bytes = torn->bytes;
    previous_.torn = torn->digest;
  }
  Log(Severity::kError, "audit_segment_left",
      {{"chain", id_}, {"segment", number_}, {"reason", why}});
}

// Writing.

void ChainWriter::Begin() {
  if (has_begun_) return;
  baton_.Take();
  has_begun_ = true;
  begin_status_ = EnsureSegment();
}

void ChainWriter::End() {
  records_.Forget();
  buffer_.clear();
  added_records_ = added_own_ = 0;
  has_begun_ = false;
  baton_.GiveBack();
}

void ChainWriter::Add(const Record& record) {
  Begin();
  if (!begin_status_.ok()) return;
  if (records_.Takes(record)) {
    records_.Add(record);
  } else {
    BeginLine();
    records_.Begin(record);
  }
  ++added_records_;
}

void ChainWriter::AddMembers(std::string_view members) {
  Begin();
  if (!begin_status_.ok()) return;
  BeginLine();
  buffer_ += members;
  EndLine();
  ++added_records_;
}

void ChainWriter::AddOwn(std::string_view members) {
  AddMembers(members);
  if (begin_status_.ok()) ++added_own_;
}

void ChainWriter::Undo() {
  added_ = written_;
  records_.Forget();
  buffer_.clear();
  added_records_ = added_own_ = 0;
}

absl::Status ChainWriter::Append() {
  EndRecords();
  const absl::Status status = options_.sync_each_write
                                  ? file_->AppendSynced(buffer_)
                                  : file_->Append(buffer_);
  if (status.ok()) {
    written_ = added_;
    counters_.bytes.fetch_add(buffer_.size(), std::memory_order_relaxed);
    counters_.records.fetch_add(added_records_ - added_own_,
                                std::memory_order_relaxed);
    records_in_segment_ += added_records_;
    records_since_checkpoint_ += added_records_;
    buffer_.clear();
    added_records_ = added_own_ = 0;
    return status;
  }
  counters_.failed_writes.fetch_add(1, std::memory_order_relaxed);
  Undo();
  if (!file_->is_whole()) {
    Leave("write failed");
  } else if (file_->sync_failed()) {
    Leave("sync failed");
  }
  return status;
}

bool ChainWriter::IsCheckpointDue(When when) const {
  if (records_since_checkpoint_ + added_records_ == 0) return false;
  if (when == When::kAfterRecords &&
      records_since_checkpoint_ + added_records_ >=
          options_.checkpoint_records) {
    return true;
  }
  return options_.clock->SinceBoot() - last_checkpoint_ >=
         options_.checkpoint_interval;
}

bool ChainWriter::IsRotationDue() const {
  if (file_ == nullptr || records_in_segment_ == 0) return false;
  return file_->size() >= options_.max_segment_bytes ||
         options_.clock->SinceBoot() - opened_ >= options_.max_segment_age;
}

absl::Status ChainWriter::Write() {
  if (!has_begun_) return absl::OkStatus();
  absl::Status status = begin_status_;
  if (!status.ok()) {
    counters_.failed_writes.fetch_add(1, std::memory_order_relaxed);
  } else if (added_records_ != 0) {
    const bool with_checkpoint = IsCheckpointDue(When::kAfterRecords);
    if (with_checkpoint) AddCheckpoint(kCheckpointKind, "");
    status = Append();
    if (status.ok() && with_checkpoint) {
      records_since_checkpoint_ = 0;
      last_checkpoint_ = options_.clock->SinceBoot();
      counters_.checkpoints.fetch_add(1, std::memory_order_relaxed);
    }
    if (IsRotationDue()) Rotate();
  }
  End();
  return status;
}

void ChainWriter::Forget() {
  if (!has_begun_) return;
  Undo();
  End();
}

// The next file is there before the old one says that it is: whoever finds that
// there is none knows that it was taken away.
void ChainWriter::Rotate() {
  if (!MakeSpare().ok()) return;  // After the next record, then.
  AddCheckpoint(kCloseKind, kRotated);
  if (!Append().ok()) {
    RemoveSpare();
    return;
  }
  Retire();
  // Where this fails, it is tried again before the next record.
  EnsureSegment().IgnoreError();
}

absl::Status ChainWriter::Start() {
  baton_.Take();
  const absl::Status status = EnsureSegment();
  baton_.GiveBack();
  return status;
}

std::optional<Head> ChainWriter::Maintain() {
  if (!baton_.TryTake()) return std::nullopt;
  if (file_ != nullptr && !file_->sync_failed() &&
      IsCheckpointDue(When::kAfterTime)) {
    AddCheckpoint(kCheckpointKind, "");
    if (Append().ok()) {
      records_since_checkpoint_ = 0;
      counters_.checkpoints.fetch_add(1, std::memory_order_relaxed);
    }
    // Also where it failed: it is tried again after the same time.
    last_checkpoint_ = options_.clock->SinceBoot();
  }
  if (IsRotationDue()) Rotate();
  std::optional<Head> head;
  if (written_.seq != 0) {
    head = Head{.chain = id_,
                .segment = file_ != nullptr ? number_ : previous_.number,
                .seq = written_.seq,
                .head = written_.head,
                .time = options_.clock->Now()};
  }
  baton_.GiveBack();
  return head;
}

void ChainWriter::Close() {
  baton_.Take();
  RemoveSpare();
  if (file_ != nullptr) {
    AddCheckpoint(kCloseKind, kStopped);
    if (Append().ok()) {
      if (!file_->Sync().ok()) {
        counters_.failed_syncs.fetch_add(1, std::memory_order_relaxed);
      }
      Retire();
    } else if (file_ != nullptr) {
      Leave("write failed");
    }
  }
  open_segment_ = 0;
  baton_.GiveBack();
}

}  // namespace pdp::audit
