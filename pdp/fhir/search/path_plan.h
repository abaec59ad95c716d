// PathPlan: a search parameter's expression that is nothing but element paths,
// such as `Patient.name.family | Practitioner.name.family`, for the resources
// of one type.  It walks the JSON itself and spares the FHIRPath engine, which
// most decisions then never enter.
//
// A plan covers only what it finds exactly as the engine would.  Everything
// unusual (empty values, primitive extensions, elements of the wrong shape) it
// leaves to the engine.

#ifndef PDP_FHIR_SEARCH_PATH_PLAN_H_
#define PDP_FHIR_SEARCH_PATH_PLAN_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/fhirpath/value.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/schema.h"

namespace pdp::fhir::search {

class PathPlan {
 public:
  // Nothing where `expression` is more than paths, `where(system='phone')`,
  // and at the end `ofType`, `as` or `where(resolve() is T)`.
  static std::optional<PathPlan> Make(std::string_view resource_type,
                                      std::string_view expression);

  // Appends the values found in `root`, a resource of the plan's type.  False
  // where the engine has to be asked; `values` is then of no use.
  bool Collect(JsonElement root, fhirpath::Collection& values) const;

 private:
  // A JSON member that holds a step's value: one for an ordinary element, one
  // for each type of a choice element.
  struct JsonMember {
    std::string name;
    TypeId type = TypeId::kUnknown;
  };
  struct Step {
    std::string element;  // What the names of all members begin with.
    std::vector<JsonMember> members;
    // `where(system='phone')`: only items whose member `system` is `phone`.
    std::string condition_member;
    std::string condition_value;
  };
  struct Branch {
    std::vector<Step> steps;
    std::optional<TypeId> of_type;
    bool one_at_most = false;  // `as` refuses more than one value.
    std::string resolves_to;   // A resource type, or empty.
  };
  enum class Found : uint8_t { kNothing, kMember, kUnusual };

  static std::optional<Branch> MakeBranch(std::string_view resource_type,
                                          std::string_view text);
  static Found FindMember(JsonObject object, const Step& step,
                          JsonElement& value, TypeId& type);
  static bool Walk(JsonElement parent, std::span<const Step> steps,
                   fhirpath::Collection& values);
  static bool Append(JsonElement item, TypeId type, std::span<const Step> steps,
                     fhirpath::Collection& values);
  static bool Filter(const Branch& branch, size_t begin,
                     fhirpath::Collection& values);

  std::vector<Branch> branches_;
  bool has_foreign_branches_ = false;
};

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_PATH_PLAN_H_
