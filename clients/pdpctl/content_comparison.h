// ContentComparison: what a permitted request shows or stores, against what was
// recorded.

#ifndef PDP_CLIENTS_PDPCTL_CONTENT_COMPARISON_H_
#define PDP_CLIENTS_PDPCTL_CONTENT_COMPARISON_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clients/pdpctl/json_difference.h"
#include "clients/pdpctl/judge.h"
#include "clients/pdpctl/vector_file.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/memory_lookup.h"
#include "pdp/fhir/resource.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::ctl {

class ContentComparison {
 public:
  // All of them must outlive the comparison.
  ContentComparison(const VectorFile& file, const fhir::MemoryLookup& lookup,
                    const RecordedCheck& check, const CheckAnswer& answer)
      : file_(file), lookup_(lookup), check_(check), answer_(answer) {}

  // Once.  Why the content differs from what was recorded; "" where it does
  // not.
  std::string Compare();

  // Of Compare(): a field is shown that Medplum hides.
  bool leaks() const { return leaks_; }
  // Of Compare(): the content differs in fields alone that the answer
  // hides and Medplum shows.
  bool only_hides_more() const {
    return hides_more_ > 0 && hides_more_ == shown_differences_;
  }

 private:
  fhir::ResourceKey Key() const;
  fhir::ResourcePtr Subject(std::string& why) const;
  std::string CompareStored(fhir::JsonElement expected,
                            const fhir::Resource& resource) const;
  std::string CompareShown(fhir::JsonElement expected,
                           const fhir::Resource& resource,
                           const std::vector<std::string>& hidden_fields);
  std::string CompareHistory();
  std::vector<fhir::ResourcePtr> Versions() const;
  DifferenceOptions Options(fhir::JsonElement expected,
                            const fhir::Resource& resource,
                            std::span<const std::string_view> ignored) const;

  const VectorFile& file_;
  const fhir::MemoryLookup& lookup_;
  const RecordedCheck& check_;
  const CheckAnswer& answer_;
  bool leaks_ = false;
  size_t shown_differences_ = 0;
  size_t hides_more_ = 0;
};

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_CONTENT_COMPARISON_H_
