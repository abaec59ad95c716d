#include "pdp/fhir/search/search_parameter.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/search/elements_read.h"
#include "pdp/fhir/search/path_plan.h"

namespace pdp::fhir::search {
namespace {

struct Definition {
  uint16_t resource_type;  // This and the next two: in kTexts.
  uint16_t code;
  uint16_t expression;
  uint16_t first_target;  // In kTargetLists.
  uint16_t target_count;
  ParameterType type;
  uint8_t column;  // In kColumns.
};

#include "pdp/fhir/definitions/search_parameters.inc"

// All parameters, by type and code.
class Registry {
 public:
  static const Registry& Get() {
    static const Registry* const registry = new Registry();
    return *registry;
  }

  std::span<const SearchParameter> all() const {
    return {parameters_.get(), std::size(kDefinitions)};
  }

  std::span<const SearchParameter> OfType(std::string_view type) const {
    const std::span<const SearchParameter> parameters = all();
    return {std::ranges::lower_bound(parameters, type, {},
                                     &SearchParameter::resource_type),
            std::ranges::upper_bound(parameters, type, {},
                                     &SearchParameter::resource_type)};
  }

 private:
  Registry()
      : parameters_(new SearchParameter[std::size(kDefinitions)]),
        targets_(new std::string_view[std::size(kTargetLists)]) {
    for (size_t i = 0; i < std::size(kTargetLists); ++i) {
      targets_[i] = kTexts[kTargetLists[i]];
    }
    for (size_t i = 0; i < std::size(kDefinitions); ++i) {
      const Definition& definition = kDefinitions[i];
      SearchParameter& parameter = parameters_[i];
      parameter.resource_type = kTexts[definition.resource_type];
      parameter.code = kTexts[definition.code];
      parameter.type = definition.type;
      parameter.expression = kTexts[definition.expression];
      parameter.targets = {targets_.get() + definition.first_target,
                           definition.target_count};
      parameter.column = kColumns[definition.column];
    }
  }

  std::unique_ptr<SearchParameter[]> parameters_;
  std::unique_ptr<std::string_view[]> targets_;
};

}  // namespace

class ValueSource {
 public:
  explicit ValueSource(const SearchParameter& parameter)
      : plan_(PathPlan::Make(parameter.resource_type, parameter.expression)),
        expression_(fhirpath::Expression::Compile(parameter.expression)),
        elements_(ElementsRead(parameter.expression, parameter.resource_type)) {
  }

  const ElementSet& elements() const { return elements_; }

  // The source of `parameter`, made by the first thread that wants it.
  static const ValueSource& Of(const SearchParameter& parameter) {
    const ValueSource* source =
        parameter.source.load(std::memory_order_acquire);
    if (source != nullptr) return *source;
    auto made = std::make_unique<const ValueSource>(parameter);
    if (parameter.source.compare_exchange_strong(source, made.get(),
                                                 std::memory_order_acq_rel,
                                                 std::memory_order_acquire)) {
      return *made.release();
    }
    return *source;
  }

  absl::StatusOr<fhirpath::Collection> ValuesIn(
      const Resource& resource, bool is_of_type,
      fhirpath::Scratch& scratch) const {
    if (is_of_type && plan_) {
      fhirpath::Collection values;
      if (plan_->Collect(resource.root(), values)) return values;
    }
    PDP_RETURN_IF_ERROR(expression_.status());
    PDP_ASSIGN_OR_RETURN(
        fhirpath::Collection values,
        (*expression_)
            ->Evaluate(fhirpath::RootOf(resource.root()), {}, scratch));
    for (const fhirpath::Value& value : values) {
      // Medplum would compare its items' texts, joined.
      if (value.kind() == fhirpath::Value::Kind::kObject &&
          value.object().is_array()) {
        return absl::InvalidArgumentError("an array within an array");
      }
    }
    return values;
  }

 private:
  std::optional<PathPlan> plan_;
  absl::StatusOr<std::shared_ptr<const fhirpath::Expression>> expression_;
  const ElementSet elements_;
};

std::string_view ParameterTypeName(ParameterType type) {
  switch (type) {
    case ParameterType::kNumber:
      return "number";
    case ParameterType::kDate:
      return "date";
    case ParameterType::kString:
      return "string";
    case ParameterType::kToken:
      return "token";
    case ParameterType::kReference:
      return "reference";
    case ParameterType::kComposite:
      return "composite";
    case ParameterType::kQuantity:
      return "quantity";
    case ParameterType::kUri:
      return "uri";
    case ParameterType::kSpecial:
      return "special";
  }
  return "unknown";
}

const SearchParameter* FindSearchParameter(std::string_view resource_type,
                                           std::string_view code) {
  const std::span<const SearchParameter> parameters =
      Registry::Get().OfType(resource_type);
  const auto found =
      std::ranges::lower_bound(parameters, code, {}, &SearchParameter::code);
  if (found == parameters.end() || found->code != code) return nullptr;
  return &*found;
}

std::vector<const SearchParameter*> SearchParametersOf(
    std::string_view resource_type) {
  std::vector<const SearchParameter*> parameters;
  for (const SearchParameter& parameter :
       Registry::Get().OfType(resource_type)) {
    parameters.push_back(&parameter);
  }
  return parameters;
}

absl::StatusOr<fhirpath::Collection> ValuesOf(const SearchParameter& parameter,
                                              const Resource& resource,
                                              fhirpath::Scratch& scratch) {
  const ValueSource& source = ValueSource::Of(parameter);
  if (!resource.Has(source.elements())) {
    return absl::FailedPreconditionError(StrCat("of this ", resource.type(),
                                                " is not known what `",
                                                parameter.code, "` reads"));
  }
  return source.ValuesIn(resource, resource.type() == parameter.resource_type,
                         scratch);
}

const ElementSet& ElementsOf(const SearchParameter& parameter) {
  return ValueSource::Of(parameter).elements();
}

}  // namespace pdp::fhir::search
