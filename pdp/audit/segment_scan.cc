#include "pdp/audit/segment_scan.h"

#include <utility>

#include "pdp/audit/line_reader.h"
#include "pdp/audit/record_json.h"
#include "pdp/base/status_macros.h"

namespace pdp::audit {

std::optional<SegmentHeader> SegmentHeader::Parse(fhir::JsonElement json) {
  if (fhir::StringMember(json, "kind") != kHeaderKind) return std::nullopt;
  const auto seq = NumberMember(json, "seq");
  const auto format = NumberMember(json, "format");
  const auto segment = NumberMember(json, "segment");
  const std::string_view chain = fhir::StringMember(json, "chain");
  const std::string_view previous = fhir::StringMember(json, "previous");
  if (!seq || *seq == 0 || !format || !segment || chain.empty()) {
    return std::nullopt;
  }
  SegmentHeader header;
  header.seq = *seq;
  header.format = *format;
  header.segment = *segment;
  header.chain = chain;
  header.server = fhir::StringMember(json, "server");
  header.previous = FromHex(previous);
  if (!previous.empty() && !header.previous) return std::nullopt;
  header.previous_bytes = NumberMember(json, "previous_bytes").value_or(0);
  header.previous_left = fhir::StringMember(json, "previous_left");
  header.torn_bytes = NumberMember(json, "torn_bytes").value_or(0);
  header.torn = FromHex(fhir::StringMember(json, "torn_sha256"));
  header.lost_to = NumberMember(json, "lost_to");
  return header;
}

absl::StatusOr<SegmentScan> ScanSegment(const std::string& path) {
  PDP_ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(path));
  SegmentScan scan;
  RecordParser parser;
  Digest digest;
  Line line;
  while (lines.Next(line)) {
    const auto chained = SplitLine(line.text);
    if (!line.is_ended || line.is_too_long || !chained ||
        !parser.Parse(line.text).ok()) {
      break;
    }
    if (!scan.header) {
      auto header = SegmentHeader::Parse(parser.json());
      if (!header) break;
      if (LinkLine(digest, header->LinkedTo(), *chained) != chained->hash) {
        break;
      }
      scan.header = *std::move(header);
    } else if (parser.seq() != scan.end.seq + 1 ||
               LinkLine(digest, scan.end.head, *chained) != chained->hash) {
      break;
    }
    scan.end = {parser.seq(), chained->hash};
    scan.bytes = line.end();
    scan.is_closed = parser.kind() == kCloseKind;
    scan.is_rotated = scan.is_closed &&
                      fhir::StringMember(parser.json(), "reason") == kRotated;
  }
  PDP_RETURN_IF_ERROR(lines.status());
  PDP_ASSIGN_OR_RETURN(scan.torn, ReadTornTail(path, scan.bytes));
  scan.size = scan.bytes + scan.torn.bytes;
  return scan;
}

}  // namespace pdp::audit
