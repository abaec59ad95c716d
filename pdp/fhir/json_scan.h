// Where things are in JSON text.
//
// simdjson says neither where a text is wrong nor where in it a value came
// from.  A file that is refused must be told where, and a resource that is
// taken out of a Bundle must keep its own bytes.

#ifndef PDP_FHIR_JSON_SCAN_H_
#define PDP_FHIR_JSON_SCAN_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pdp::fhir {

// From 1; a column is a byte.
struct JsonPosition {
  size_t line = 1;
  size_t column = 1;
};
JsonPosition PositionAt(std::string_view text, size_t offset);

struct JsonFault {
  size_t offset = 0;
  std::string reason;
};

// The first place at which `text` is not one JSON value (RFC 8259, in UTF-8,
// without a byte order mark), nests deeper than `max_depth`, or names a member
// of an object twice; nothing where there is none.
std::optional<JsonFault> FindJsonFault(std::string_view text, size_t max_depth);

// A part of a text in which FindJsonFault found nothing.  `text` is a value
// without white space around it; `offset` is where in the whole it begins.
struct JsonSpan {
  std::string_view text;
  size_t offset = 0;

  bool is_object() const { return text.front() == '{'; }
  bool is_array() const { return text.front() == '['; }
  bool is_string() const { return text.front() == '"'; }
};

// The value that `text` is.
JsonSpan RootOf(std::string_view text);

// The members of an object, in their order.  None for anything else.
struct JsonMember {
  std::string name;
  JsonSpan value;
  size_t offset = 0;  // As JsonSpan::offset, of where the name begins.
};
std::vector<JsonMember> MembersOf(const JsonSpan& object);

// The member of an object; nothing where there is none or it is no object.
std::optional<JsonSpan> MemberOf(const JsonSpan& object, std::string_view name);

// The items of an array.  None for anything else.
std::vector<JsonSpan> ItemsOf(const JsonSpan& array);

// The text of a string; nothing for anything else.
std::optional<std::string> StringOf(const JsonSpan& value);

}  // namespace pdp::fhir

#endif  // PDP_FHIR_JSON_SCAN_H_
