// How Medplum's database stores the values of a search parameter, which decides
// what a search for it finds (semantics D.7).

#ifndef PDP_FHIR_SEARCH_DURABLE_COLUMN_H_
#define PDP_FHIR_SEARCH_DURABLE_COLUMN_H_

#include <cstdint>

#include "pdp/fhir/search/search_parameter.h"

namespace pdp::fhir::search {

struct DurableColumn {
  enum class Kind : uint8_t {
    kUnknown,       // Not known here.
    kId,            // `_id`.
    kProject,       // `_project`.
    kCompartments,  // `_compartment`.
    kBoolean,
    kText,    // Codes, ids, uris: compared as they are.
    kTokens,  // Identifiers, codings and the like, hashed.
    kReferences,
    kStrings,    // Compared by their beginning.
    kNames,      // A look-up table of words.
    kAddresses,  // Another.
    kDate,       // Days.
    kInstant,    // Points in time; of a period, its start.
    kNumber,
    kQuantity,
  };

  Kind kind = Kind::kUnknown;
  bool is_array = false;  // Several values in one row.
};

DurableColumn ColumnOf(const SearchParameter& parameter);

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_DURABLE_COLUMN_H_
