// RecordedRevision: up to which revision changes are in the audit log, kept in
// a file over kill -9 and loss of power.
//
// What is in the audit log survives the end of the process at once, and loss of
// power only when it was synced.  So the file has a revision for each, and says
// during which run of the machine it was written: after another one began, the
// second counts.

#ifndef PDP_RECORDED_REVISION_H_
#define PDP_RECORDED_REVISION_H_

#include <cstdint>
#include <string>

namespace pdp {

// What this run of the machine is called; empty where that cannot be read.
std::string MachineRun();

class RecordedRevision {
 public:
  // What `file` says; `otherwise` where it says nothing, or `file` is empty.
  RecordedRevision(const std::string& file, uint64_t otherwise,
                   std::string machine_run);
  ~RecordedRevision();
  RecordedRevision(const RecordedRevision&) = delete;
  RecordedRevision& operator=(const RecordedRevision&) = delete;

  // Changes up to here are in the audit log; and those that survive loss of
  // power.
  uint64_t get() const { return recorded_; }
  uint64_t synced() const { return synced_; }

  void Set(uint64_t recorded);
  // Changes up to here were synced in the audit log; and so is this.
  void SetSynced(uint64_t synced);

 private:
  bool Read();
  void Write(bool is_synced);

  const std::string machine_run_;
  int fd_ = -1;  // None: it is kept nowhere.
  uint64_t recorded_ = 0;
  uint64_t synced_ = 0;
};

}  // namespace pdp

#endif  // PDP_RECORDED_REVISION_H_
