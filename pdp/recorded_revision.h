// RecordedRevision: up to which revision changes are in the audit log, kept in
// a file over kill -9.

#ifndef PDP_RECORDED_REVISION_H_
#define PDP_RECORDED_REVISION_H_

#include <cstdint>
#include <string>

namespace pdp {

class RecordedRevision {
 public:
  // What `file` says; `otherwise` where it says nothing, or `file` is empty.
  RecordedRevision(const std::string& file, uint64_t otherwise);
  ~RecordedRevision();
  RecordedRevision(const RecordedRevision&) = delete;
  RecordedRevision& operator=(const RecordedRevision&) = delete;

  uint64_t get() const { return revision_; }
  void Set(uint64_t revision);

 private:
  int fd_ = -1;  // None: it is kept nowhere.
  uint64_t revision_ = 0;
};

}  // namespace pdp

#endif  // PDP_RECORDED_REVISION_H_
