// RecentDecisions: whom and what the last decisions were about, for the records
// of what enforcement points did by them, which name but the decision.

#ifndef PDP_AUDIT_SINK_RECENT_DECISIONS_H_
#define PDP_AUDIT_SINK_RECENT_DECISIONS_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdp/audit/record.h"
#include "pdp/base/strings.h"

namespace pdp::audit_sink {

// Whom and what a decision was about.
struct DecisionFacts {
  std::string subject;
  std::string membership;
  std::string profile;
  std::string on_behalf_of;
  std::string project;
  std::string resource;
  std::string patient;

  static DecisionFacts Of(const audit::Record& record);
  // Fills them into `record`, which must not outlive them.
  void Fill(audit::Record& record) const;
};

// For one thread at a time.
class RecentDecisions {
 public:
  explicit RecentDecisions(size_t max_decisions) : max_(max_decisions) {}

  void Add(std::string_view id, DecisionFacts facts) {
    Insert(id, std::move(facts));
  }
  // It is another project's.
  void AddForeign(std::string_view id) { Insert(id, std::nullopt); }

  // Null: it is not known.  Without a value: it is another project's.
  const std::optional<DecisionFacts>* Find(std::string_view id) const;

 private:
  void Insert(std::string_view id, std::optional<DecisionFacts> facts);

  const size_t max_;
  StringMap<std::optional<DecisionFacts>> decisions_;
  std::deque<std::string> order_;
};

}  // namespace pdp::audit_sink

#endif  // PDP_AUDIT_SINK_RECENT_DECISIONS_H_
