// What an HTTP request to a FHIR server asks of the decision point.  The table
// of what is decided and what is refused is in docs/gateway.md; this is all of
// the code behind it.

#ifndef PDP_GATEWAY_QUESTION_H_
#define PDP_GATEWAY_QUESTION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pdp/fhir/interaction.h"
#include "pdp/gateway/headers.h"

namespace pdp::gateway {

struct Options {
  std::string base_path = "/fhir/R4";  // IsBasePath.
  std::string tenant_header;           // In lower case; empty: none.
  bool stored_tenant = false;
  size_t forwarded_for = 0;  // From the right; 0: not believed.
  bool opens_metadata = false;
};

// A request as a proxy tells of it.  Its text outlives the Question.
struct HttpRequest {
  std::string_view method;
  std::string_view target;
  HeaderList headers;
  // Whole; nothing: the proxy did not send it.
  std::optional<std::string_view> body;
  // Of the client as the proxy sees it; empty: not known.
  std::string_view peer_address;
  // Whether the proxy can be told to send another target, and to leave out
  // headers.
  bool is_changeable = true;
};

struct Question {
  enum class Kind : uint8_t {
    kRefused,       // Never passes, whoever asks.
    kUnidentified,  // Nor does this: there is no bearer token.
    kOpen,          // Passes, whoever asks.
    kCheck,
    kSearch,
  };
  Kind kind = Kind::kRefused;
  // Of kRefused and kUnidentified: a sentence, with nothing of the request.
  std::string why;

  fhir::Interaction interaction = fhir::Interaction::kUnspecified;
  std::string_view type;
  std::string_view id;
  std::string_view version_id;
  std::string_view proposed;
  // Of kSearch: the search, without the type, as in a URL; whether the request
  // can be made another search by another path; and whether it is written as a
  // compartment's, which the server behind the proxy has to read in the same
  // way.
  std::string query;
  bool is_in_path = false;
  bool is_of_compartment = false;

  std::string_view access_token;  // Empty: there is none.
  std::string_view on_behalf_of;
  std::string_view tenant;
  bool use_stored_tenant = false;
  bool extended_mode = false;
  std::string remote_address;  // Empty: not known.
  std::string_view user_agent;
  std::string_view request_id;   // As they came.
  std::string_view traceparent;  // Likewise.

  // Headers that must not reach the upstream.
  std::vector<std::string> foreign_headers;
};

Question Ask(const Options& options, const HttpRequest& request);

}  // namespace pdp::gateway

#endif  // PDP_GATEWAY_QUESTION_H_
