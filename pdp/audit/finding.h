// What the verification of an audit log finds.

#ifndef PDP_AUDIT_FINDING_H_
#define PDP_AUDIT_FINDING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pdp::audit {

enum class FindingKind : uint8_t {
  kRemark,     // Nothing is wrong: the log says why it is so.
  kChanged,    // A record is not what was written.
  kMissing,    // Records or segments are not there.
  kMisplaced,  // A record stands where it was not written.
  kUntrusted,  // A signature is wrong or missing, or by another key.
};

// "changed".
std::string_view FindingKindName(FindingKind kind);

struct Finding {
  FindingKind kind = FindingKind::kRemark;
  std::string file;   // Empty: of the chain.
  uint64_t line = 0;  // 0: of the file.
  std::string chain;
  uint64_t seq = 0;  // 0: not known.
  std::string message;

  bool is_fault() const { return kind != FindingKind::kRemark; }
  // "FILE:LINE: changed: message (seq 7)".
  std::string ToString() const;
};

// Findings, the first kMaxKept of them.
class Findings {
 public:
  static constexpr size_t kMaxKept = 1000;

  void Add(Finding finding) {
    (finding.is_fault() ? faults_ : remarks_)++;
    if (all_.size() < kMaxKept) all_.push_back(std::move(finding));
  }
  const std::vector<Finding>& all() const { return all_; }
  uint64_t faults() const { return faults_; }
  uint64_t remarks() const { return remarks_; }

 private:
  std::vector<Finding> all_;
  uint64_t faults_ = 0;
  uint64_t remarks_ = 0;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_FINDING_H_
