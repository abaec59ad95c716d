// SourceReader: how calls that need newer data get it from the source.

#ifndef PDP_SOURCE_READER_H_
#define PDP_SOURCE_READER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "pdp/fhir/resource_key.h"
#include "pdp/service/fact_fetcher.h"
#include "pdp/sync/source.h"

namespace pdp {

// Thread-safe.  No more calls wait for one project than a part of those that
// may wait at all, so that a project that is slow leaves room for the others.
class SourceReader final : public service::FactFetcher,
                           public service::Refresher {
 public:
  static constexpr size_t kMaxWaitingOfOneProject = 1'000;

  // `source` must outlive the reader.
  explicit SourceReader(sync::Source& source);
  ~SourceReader() override;

  void Fetch(std::vector<fhir::ResourceKey> keys, std::string project,
             service::FetchDone done) override;
  void Refresh(std::string project, service::FetchDone done) override;

 private:
  class Waiting;

  sync::Source& source_;
  const std::shared_ptr<Waiting> waiting_;  // The source may answer late.
};

}  // namespace pdp

#endif  // PDP_SOURCE_READER_H_
