// The record of what was done: a file of JSON lines, one before and one after
// each change, on the disk before the next change begins.

#ifndef PDP_CLIENTS_PDPCTL_PROVISION_RECORD_H_
#define PDP_CLIENTS_PDPCTL_PROVISION_RECORD_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/pdpctl/provision/plan.h"

namespace pdp::provision {

class Record {
 public:
  // Opens or makes the file `path`, to append to it, for this process alone.
  // `head`: members of every line, as JSON: `"environment":"stage",...`.
  //
  // FailedPrecondition: it cannot be written, or another process has it.
  static absl::StatusOr<std::unique_ptr<Record>> Open(const std::string& path,
                                                      std::string head);
  ~Record();
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;

  void set_head(std::string head) { head_ = std::move(head); }

  // `event`: `begun`, `done` or `failed`.  `reference`, `version`: of what the
  // step made, where it is done.
  absl::Status Write(std::string_view event, const Step& step,
                     std::string_view reference, std::string_view version,
                     std::string_view error);

 private:
  Record(int file, std::string path, std::string head);

  const int file_;
  const std::string path_;
  std::string head_;
};

// `step` without braces, as the record and `--output json` have it.
std::string StepMembers(const Step& step);

}  // namespace pdp::provision

#endif  // PDP_CLIENTS_PDPCTL_PROVISION_RECORD_H_
