#include "pdp/audit/verify_segment.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "pdp/audit/line_reader.h"
#include "pdp/audit/line_records.h"
#include "pdp/audit/record_json.h"
#include "pdp/audit/torn_tail.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"

namespace pdp::audit {
namespace {

// A write that was cut short leaves the beginning of a line.  Whether `text`,
// which no line feed ends, is more than that.
bool IsMore(std::string_view text) {
  return !text.empty() && SplitLine(text.substr(0, text.size() - 1));
}

class Verifier {
 public:
  Verifier(const SegmentContext& context,
           const std::vector<SigningKey>& public_keys, Tally& tally,
           Findings& findings)
      : context_(context),
        public_keys_(public_keys),
        tally_(tally),
        findings_(findings) {
    if (context.previous) end_.position = *context.previous;
  }

  absl::StatusOr<SegmentEnd> Run() {
    PDP_ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(context_.path));
    const uint64_t limit = context_.next ? context_.next->previous_bytes
                                         : std::numeric_limits<uint64_t>::max();
    uint64_t size = 0;
    bool has_header = false;
    bool has_more = false;
    while (lines.Next(line_)) {
      size = line_.end();
      if (line_.offset >= limit) {
        has_more |= line_.is_ended || IsMore(line_.text);
        continue;
      }
      if (!has_header) {
        Header();
        has_header = true;
      } else {
        Record();
      }
    }
    PDP_RETURN_IF_ERROR(lines.status());
    line_ = Line();
    if (context_.next) PDP_RETURN_IF_ERROR(Tail(size, has_more));
    ++tally_.segments;
    return end_;
  }

 private:
  void Find(FindingKind kind, std::string message, uint64_t seq = 0) {
    findings_.Add({.kind = kind,
                   .file = context_.path,
                   .line = line_.number,
                   .chain = context_.chain,
                   .seq = seq,
                   .message = std::move(message)});
  }

  // Takes the line apart; false where it is none.
  bool Parse() {
    chained_ = SplitLine(line_.text);
    if (line_.is_ended && !line_.is_too_long && chained_ && ParseRecords()) {
      return true;
    }
    const bool is_beginning = !line_.is_ended && !context_.next &&
                              end_.close_reason.empty() && !IsMore(line_.text);
    Find(is_beginning ? FindingKind::kRemark : FindingKind::kChanged,
         is_beginning ? "not a whole record: the server was killed, or is "
                        "writing"
                      : "not a record",
         is_beginning ? 0 : end_.position.seq + 1);
    return false;
  }

  // Leaves the first one parsed.
  bool ParseRecords() {
    if (!records_.Read(line_.text).ok()) return false;
    for (size_t i = records_.size(); i-- > 0;) {
      if (!parser_.Parse(records_[i]).ok()) return false;
    }
    return true;
  }

  bool Links(const Hash& previous) {
    return LinkLine(digest_, previous, *chained_) == chained_->hash;
  }

  void Accept() {
    end_.position = {parser_.seq(), chained_->hash};
    const auto heads = tally_.heads.find(context_.chain);
    if (heads == tally_.heads.end()) return;
    const auto [begin, end] = heads->second.equal_range(parser_.seq());
    for (auto head = begin; head != end;) {
      head = head->second.head == chained_->hash ? heads->second.erase(head)
                                                 : std::next(head);
    }
  }

  void Header() {
    if (!Parse()) return;
    const auto header = SegmentHeader::Parse(parser_.json());
    if (!header) {
      Find(FindingKind::kMissing, "the segment has no header", parser_.seq());
      Record();
      return;
    }
    if (header->format == 0 || header->format > kFormatVersion) {
      Find(FindingKind::kChanged,
           StrCat("format ", header->format, " is not known"), header->seq);
    }
    if (!Links(header->LinkedTo())) {
      Find(FindingKind::kChanged, "the header does not have its hash",
           header->seq);
    }
    if (header->chain != context_.chain ||
        header->segment != context_.name.number ||
        parser_.time() != context_.name.start) {
      Find(FindingKind::kMisplaced, "the header is of another segment",
           header->seq);
    }
    ComparePrevious(*header);
    Accept();
  }

  void ComparePrevious(const SegmentHeader& header) {
    if (header.lost_to) {
      Find(FindingKind::kMissing,
           StrCat("the server found records up to ", *header.lost_to,
                  " missing, that it had told of"),
           header.seq);
    }
    if (header.previous_left == "missing") {
      Find(FindingKind::kMissing,
           "the server found the segments before this one missing", header.seq);
    }
    if (!context_.previous) {
      if (!header.previous && header.seq != 1) {
        Find(FindingKind::kMissing, "the chain does not begin with record 1",
             header.seq);
      }
      return;
    }
    const Position& previous = *context_.previous;
    if (header.previous != previous.head) {
      Find(FindingKind::kMissing,
           "the segment before does not end with the record that this one "
           "follows",
           header.seq);
    } else if (header.seq != previous.seq + 1) {
      Find(FindingKind::kChanged, "the header's seq does not follow",
           header.seq);
    }
  }

  void Record() {
    if (!Parse()) return;
    const uint64_t seq = parser_.seq();
    const uint64_t expected = end_.position.seq + 1;
    if (!end_.close_reason.empty()) {
      Find(FindingKind::kMisplaced, "a record after the closing one", seq);
      return;
    }
    if (seq < expected) {
      Find(FindingKind::kMisplaced,
           StrCat("record ", seq, " stands behind record ", expected - 1), seq);
      return;
    }
    if (seq > expected) {
      Find(FindingKind::kMissing,
           StrCat("records ", expected, " to ", seq - 1,
                  " are missing before this one"),
           seq);
    } else if (!Links(end_.position.head)) {
      Find(FindingKind::kChanged,
           "the record does not have its hash: it was changed, or what it "
           "follows was",
           seq);
    }
    if (parser_.is_record()) {
      tally_.records += records_.size();
    } else {
      OwnRecord();
    }
    Accept();
  }

  // A record that the log made of itself.
  void OwnRecord() {
    if (parser_.kind() == kCheckpointKind || parser_.kind() == kCloseKind) {
      Checkpoint();
    } else if (parser_.kind() == kRemovalKind) {
      Removal();
    } else if (parser_.kind() == kDroppedKind) {
      Find(FindingKind::kRemark,
           StrCat(NumberMember(parser_.json(), "records").value_or(0),
                  " records were dropped (audit-mode best_effort)"),
           parser_.seq());
    } else {
      Find(FindingKind::kMisplaced,
           StrCat("a record of the kind `", parser_.kind(), "` here"),
           parser_.seq());
    }
  }

  void Checkpoint() {
    const auto text = [&](std::string_view name) {
      return fhir::StringMember(parser_.json(), name);
    };
    ++tally_.checkpoints;
    if (text("chain") != context_.chain ||
        text("head") != ToHex(end_.position.head)) {
      Find(FindingKind::kChanged, "the checkpoint is not of what it follows",
           parser_.seq());
    }
    if (parser_.kind() == kCloseKind) {
      end_.close_reason = text("reason");
      if (end_.close_reason.empty()) end_.close_reason = "?";
    }
    if (!public_keys_.empty()) Signature();
  }

  void Signature() {
    const auto text = [&](std::string_view name) {
      return fhir::StringMember(parser_.json(), name);
    };
    const auto untrusted = [&](std::string message) {
      Find(FindingKind::kUntrusted, std::move(message), parser_.seq());
    };
    if (text("signature").empty()) {
      untrusted("the checkpoint is not signed");
      return;
    }
    const auto key = std::find_if(
        public_keys_.begin(), public_keys_.end(),
        [&](const SigningKey& one) { return one.id() == text("key"); });
    if (key == public_keys_.end()) {
      std::string known = public_keys_.front().id();
      for (size_t i = 1; i < public_keys_.size(); ++i) {
        known += StrCat(" or ", public_keys_[i].id());
      }
      untrusted(StrCat("the checkpoint is signed by the key ", text("key"),
                       ", not by ", known));
      return;
    }
    std::string signature;
    if (!absl::Base64Unescape(ToAbsl(text("signature")), &signature) ||
        !key->Verifies(SignedText(text("chain"), parser_.seq(), text("head"),
                                  text("time"), parser_.kind()),
                       signature)) {
      untrusted("the signature is not of this checkpoint");
      return;
    }
    const auto number = static_cast<size_t>(key - public_keys_.begin());
    size_t& last = tally_.keys[context_.chain];
    if (number < last) {
      untrusted(StrCat("the checkpoint is signed by the key ", key->id(),
                       ", which ", public_keys_[last].id(),
                       " had followed before"));
      return;
    }
    last = number;
    ++tally_.signatures;
  }

  void Removal() {
    const auto through = NumberMember(parser_.json(), "removed_through");
    const auto head =
        FromHex(fhir::StringMember(parser_.json(), "removed_head"));
    if (!through || !head) return;
    const auto text = [&](std::string_view name) {
      return std::string(fhir::StringMember(parser_.json(), name));
    };
    RemovedThrough& removed =
        tally_.removed[{text("where"), text("removed_chain")}];
    if (*through >= removed.segment) removed = {*through, *head};
  }

  // What the header of the next segment says of the end of this one.
  absl::Status Tail(uint64_t size, bool has_more) {
    const SegmentHeader& next = *context_.next;
    if (size < next.previous_bytes) {
      Find(FindingKind::kMissing,
           StrCat("the file has ", size, " bytes, and had ",
                  next.previous_bytes));
      return absl::OkStatus();
    }
    const uint64_t torn = size - next.previous_bytes;
    if (torn == 0 && next.torn_bytes == 0) return absl::OkStatus();
    PDP_ASSIGN_OR_RETURN(const TornTail tail,
                         ReadTornTail(context_.path, next.previous_bytes));
    if (torn != next.torn_bytes || tail.digest != next.torn) {
      Find(FindingKind::kChanged,
           "what follows the last record is not what the server found there");
    } else if ((has_more || !end_.close_reason.empty()) &&
               next.previous_left == "killed") {
      Find(FindingKind::kChanged,
           StrCat("the last ", torn,
                  " bytes were no records any more when the server started"));
    } else {
      Find(FindingKind::kRemark,
           StrCat("the last ", torn,
                  " bytes are no records; the server says "
                  "why: ",
                  next.previous_left));
    }
    return absl::OkStatus();
  }

  const SegmentContext& context_;
  const std::vector<SigningKey>& public_keys_;
  Tally& tally_;
  Findings& findings_;
  Digest digest_;
  LineRecords records_;
  RecordParser parser_;
  Line line_;
  std::optional<ChainedLine> chained_;
  SegmentEnd end_;
};

}  // namespace

absl::StatusOr<SegmentEnd> VerifySegment(
    const SegmentContext& context, const std::vector<SigningKey>& public_keys,
    Tally& tally, Findings& findings) {
  return Verifier(context, public_keys, tally, findings).Run();
}

}  // namespace pdp::audit
