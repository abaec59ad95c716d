#include "pdp/fhir/fhirpath/functions.h"

#include "absl/container/flat_hash_map.h"
#include "pdp/base/strings.h"

namespace pdp::fhir::fhirpath {
namespace {

using Table = absl::flat_hash_map<std::string_view, const Function*>;

Table MakeTable() {
  Table table;
  for (const std::span<const Function> family :
       {ExistenceFunctions(), FilteringFunctions(), SubsettingFunctions(),
        StringFunctions(), ConversionFunctions(), MathFunctions(),
        NavigationFunctions(), UtilityFunctions()}) {
    for (const Function& function : family) {
      table.emplace(function.name, &function);
    }
  }
  return table;
}

}  // namespace

const Function* FindFunction(std::string_view name) {
  static const Table& table = *new Table(MakeTable());
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace pdp::fhir::fhirpath
