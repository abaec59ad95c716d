#include "pdp/source_reader.h"

#include <utility>

#include "absl/status/status.h"
#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"

namespace pdp {

// How many wait for each project.
class SourceReader::Waiting {
 public:
  bool Add(const std::string& project) {
    MutexLock lock(mutex_);
    size_t& count = count_[project];
    if (count >= kMaxWaitingOfOneProject) return false;
    ++count;
    return true;
  }

  void Remove(const std::string& project) {
    MutexLock lock(mutex_);
    if (--count_[project] == 0) count_.erase(project);
  }

  // `done`, for one who waits; empty where too many do, and `done` was called.
  static service::FetchDone Wait(const std::shared_ptr<Waiting>& waiting,
                                 const std::string& project,
                                 service::FetchDone done) {
    if (!waiting->Add(project)) {
      done(absl::ResourceExhaustedError(
          StrCat("too many calls wait for project `", project, "`")));
      return {};
    }
    return
        [waiting, project, done = std::move(done)](const absl::Status& status) {
          waiting->Remove(project);
          done(status);
        };
  }

 private:
  Mutex mutex_;
  StringMap<size_t> count_ ABSL_GUARDED_BY(mutex_);
};

SourceReader::SourceReader(sync::Source& source)
    : source_(source), waiting_(std::make_shared<Waiting>()) {}

SourceReader::~SourceReader() = default;

void SourceReader::Fetch(std::vector<fhir::ResourceKey> keys,
                         std::string project, service::FetchDone done) {
  done = Waiting::Wait(waiting_, project, std::move(done));
  if (done) source_.Reread(std::move(keys), project, std::move(done));
}

void SourceReader::Refresh(std::string project, service::FetchDone done) {
  done = Waiting::Wait(waiting_, project, std::move(done));
  if (done) source_.Refresh(project, std::move(done));
}

}  // namespace pdp
