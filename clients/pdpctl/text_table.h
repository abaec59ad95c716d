// What tables of answers are made of.

#ifndef PDP_CLIENTS_PDPCTL_TEXT_TABLE_H_
#define PDP_CLIENTS_PDPCTL_TEXT_TABLE_H_

#include <cstddef>
#include <string>

#include "medplum/pdp/v1/types.pb.h"

namespace pdp::ctl {

// The number of characters of UTF-8 text.
size_t Width(const std::string& text);

// `text` with blanks after it, to `width` characters.
std::string Pad(const std::string& text, size_t width);

// A UUID at the end of `what` is as well known by its ends:
// `read Patient/20000001…0001`.
std::string Shorten(const std::string& what);

// "PERMIT_WITH_OBLIGATIONS (hidden: name)", "DENY RESOURCE_NOT_GRANTED".
std::string AnswerText(const medplum::pdp::v1::Decision& decision);

}  // namespace pdp::ctl

#endif  // PDP_CLIENTS_PDPCTL_TEXT_TABLE_H_
