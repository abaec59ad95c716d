#include "pdp/service/ext_authz.h"

#include <algorithm>
#include <string>
#include <utility>

#include "envoy/service/auth/v3/external_auth.pb.h"

namespace pdp::service {
namespace {

using Http = ext_authz::AttributeContext::HttpRequest;

absl::Status Refused(const char* why) {
  return absl::InvalidArgumentError(why);
}

// The parts of the request that HTTP/2 has among the headers have to be those
// that the message names.
absl::Status AddHeader(const Http& http, std::string_view name,
                       std::string_view value, gateway::HeaderList& headers) {
  if (!name.starts_with(':')) {
    headers.emplace_back(name, value);
    return absl::OkStatus();
  }
  if ((name == ":path" && value != http.path()) ||
      (name == ":method" && value != http.method())) {
    return Refused("the request is not the one that its headers say");
  }
  return absl::OkStatus();
}

absl::Status ReadHeaders(const Http& http, gateway::HeaderList& headers) {
  if (!http.headers().empty() && !http.header_map().headers().empty()) {
    return Refused("the request has its headers twice");
  }
  for (const auto& [name, value] : http.headers()) {
    const absl::Status status = AddHeader(http, name, value, headers);
    if (!status.ok()) return status;
  }
  for (const ext_authz::HeaderValue& header : http.header_map().headers()) {
    if (!header.value().empty() && !header.raw_value().empty()) {
      return Refused("a header has two values");
    }
    const absl::Status status = AddHeader(
        http, header.key(),
        header.value().empty() ? header.raw_value() : header.value(), headers);
    if (!status.ok()) return status;
  }
  // As they come out of a map they are in no order.
  std::stable_sort(
      headers.begin(), headers.end(),
      [](const auto& a, const auto& b) { return a.first < b.first; });
  return absl::OkStatus();
}

void Set(std::string_view name, std::string_view value,
         ext_authz::HeaderValueOption& option) {
  option.mutable_header()->set_key(std::string(name));
  option.mutable_header()->set_value(std::string(value));
  option.set_append_action(
      ext_authz::HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD);
}

void WritePermit(const GatewayAnswer& answer,
                 ext_authz::OkHttpResponse& message) {
  for (const auto& [name, value] : answer.headers) {
    Set(name, value, *message.add_headers());
  }
  if (!answer.target.empty()) {
    Set(":path", answer.target, *message.add_headers());
  }
  for (const std::string& name : answer.headers_to_remove) {
    // What is set is overwritten; removing it would undo that.
    const bool is_set =
        std::any_of(answer.headers.begin(), answer.headers.end(),
                    [&](const auto& header) { return header.first == name; });
    if (!is_set) message.add_headers_to_remove(name);
  }
}

void WriteDenial(const GatewayAnswer& answer,
                 ext_authz::DeniedHttpResponse& message) {
  message.mutable_status()->set_code(answer.http_status);
  message.set_body(answer.Body());
  Set("content-type", "application/json", *message.add_headers());
  if (answer.http_status == 401) {
    Set("www-authenticate", "Bearer", *message.add_headers());
  }
}

absl::StatusCode CodeOf(const GatewayAnswer& answer,
                        const absl::Status& status) {
  if (!status.ok()) return status.code();
  return answer.http_status == 401 ? absl::StatusCode::kUnauthenticated
                                   : absl::StatusCode::kPermissionDenied;
}

}  // namespace

absl::Status ReadExtAuthz(const ext_authz::CheckRequest& message,
                          gateway::HttpRequest& request) {
  const Http& http = message.attributes().request().http();
  request.method = http.method();
  request.target = http.path();
  request.peer_address =
      message.attributes().source().address().socket_address().address();
  if (!http.query().empty() || !http.fragment().empty()) {
    return Refused("the request has a query or a fragment beside its target");
  }
  if (!http.body().empty() && !http.raw_body().empty()) {
    return Refused("the request has its body twice");
  }
  // Envoy sends an empty one where there is none, and where it sends none.
  if (!http.raw_body().empty()) {
    request.body = http.raw_body();
  } else if (!http.body().empty()) {
    request.body = http.body();
  }
  return ReadHeaders(http, request.headers);
}

void WriteExtAuthz(const GatewayAnswer& answer, const absl::Status& status,
                   ext_authz::CheckResponse& message) {
  if (!answer.decision_id.empty()) {
    (*message.mutable_dynamic_metadata()->mutable_fields())["decision_id"]
        .set_string_value(answer.decision_id);
  }
  if (answer.is_permitted && status.ok()) {
    message.mutable_status()->set_code(0);
    WritePermit(answer, *message.mutable_ok_response());
    return;
  }
  message.mutable_status()->set_code(static_cast<int>(CodeOf(answer, status)));
  message.mutable_status()->set_message(std::string(status.message()));
  WriteDenial(answer, *message.mutable_denied_response());
}

}  // namespace pdp::service
