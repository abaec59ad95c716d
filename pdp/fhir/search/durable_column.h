// How Medplum's database stores the values of a search parameter, which decides
// what a search for it finds (semantics S-12).

#ifndef PDP_FHIR_SEARCH_DURABLE_COLUMN_H_
#define PDP_FHIR_SEARCH_DURABLE_COLUMN_H_

#include <cstdint>
#include <string_view>

namespace pdp::fhir::search {

struct DurableColumn {
  enum class Kind : uint8_t {
    kUnknown,       // Not known here.
    kId,            // `_id`.
    kProject,       // `_project`.
    kCompartments,  // `_compartment`.
    kBoolean,
    kText,         // Codes, ids, uris: compared as they are.
    kTokens,       // Identifiers, codings and the like, hashed.
    kLowerTokens,  // Contact points: the same in lower case.
    kReferences,
    kCanonicals,  // References to what has that url.
    kStrings,     // Compared by their beginning.
    kNames,       // A look-up table with a row for each name.
    kAddresses,   // Another, for addresses.
    kDate,        // Days.
    kInstant,     // Points in time; of a period, its start.
    kNumber,
    kQuantity,
  };

  Kind kind = Kind::kUnknown;
  bool is_array = false;  // Several values in one row.
  // The one type that the element refers to, with which a bare UUID is
  // completed; empty where there are several.
  std::string_view target;
};

}  // namespace pdp::fhir::search

#endif  // PDP_FHIR_SEARCH_DURABLE_COLUMN_H_
