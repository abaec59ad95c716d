#include "pdp/gateway/question.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/resource_key.h"
#include "pdp/fhir/schema.h"
#include "pdp/gateway/request_target.h"

namespace pdp::gateway {
namespace {

using fhir::Interaction;
using Segments = std::span<const std::string_view>;

constexpr std::string_view kBearer = "Bearer ";
constexpr std::string_view kHistory = "_history";
constexpr std::string_view kSearch = "_search";
constexpr std::string_view kBinary = "Binary";

absl::Status Refused(const char* why) {
  return absl::InvalidArgumentError(why);
}

// The form of an answer, not what is in it.
constexpr std::string_view kFormParameters[] = {"_format", "_pretty",
                                                "_summary", "_elements"};
constexpr std::string_view kHistoryParameters[] = {
    "_format", "_pretty", "_count", "_offset", "_page", "_since", "_at"};
constexpr std::string_view kCompartments[] = {
    "Patient", "Practitioner", "RelatedPerson", "Encounter", "Device"};

template <size_t N>
bool IsOneOf(std::string_view text, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

bool IsId(std::string_view text) {
  return fhir::ResourceKey::Parse(StrCat("Patient/", text)).has_value();
}

// Each at most once.
template <size_t N>
absl::Status CheckParameters(const Parameters& parameters,
                             const std::string_view (&allowed)[N]) {
  for (auto it = parameters.begin(); it != parameters.end(); ++it) {
    const bool is_repeated = std::any_of(
        parameters.begin(), it,
        [&](const auto& other) { return other.first == it->first; });
    if (is_repeated || !IsOneOf(it->first, allowed)) {
      return Refused("the query has a parameter that is not decided about");
    }
  }
  return absl::OkStatus();
}

// A media type without its parameters, of which only an encoding that changes
// nothing may be there.
absl::Status CheckContentType(std::string_view value,
                              std::span<const std::string_view> allowed) {
  const size_t semicolon = value.find(';');
  const std::string type = absl::AsciiStrToLower(
      absl::StripAsciiWhitespace(ToAbsl(value.substr(0, semicolon))));
  if (std::find(allowed.begin(), allowed.end(), type) == allowed.end()) {
    return Refused("the content type is not decided about");
  }
  if (semicolon == std::string_view::npos) return absl::OkStatus();
  const std::string parameter = absl::AsciiStrToLower(
      absl::StripAsciiWhitespace(ToAbsl(value.substr(semicolon + 1))));
  if (parameter == "charset=utf-8" || parameter == "charset=\"utf-8\"") {
    return absl::OkStatus();
  }
  return Refused("the content type has a parameter that is not known");
}

bool IsTokenCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

// Empty: it is no bearer token.
std::string_view TokenOf(std::string_view authorization) {
  if (!absl::StartsWithIgnoreCase(ToAbsl(authorization), ToAbsl(kBearer))) {
    return {};
  }
  const std::string_view token = authorization.substr(kBearer.size());
  const bool is_plain =
      std::all_of(token.begin(), token.end(), IsTokenCharacter);
  return is_plain ? token : std::string_view();
}

// `W/"7"` -> `7`.
absl::Status ReadVersion(std::string_view value, std::string_view& version) {
  if (!value.starts_with("W/\"") || !value.ends_with('"') || value.size() < 5 ||
      !IsId(value.substr(3, value.size() - 4))) {
    return Refused("the header `if-match` is not W/\"VERSION\"");
  }
  version = value.substr(3, value.size() - 4);
  return absl::OkStatus();
}

// Takes a request apart into a question, or says why it does not.
class Asker {
 public:
  Asker(const Options& options, const HttpRequest& request, Question& question)
      : options_(options), request_(request), question_(question) {}

  absl::Status Ask() {
    PDP_ASSIGN_OR_RETURN(headers_, Headers::Read(request_.headers));
    question_.foreign_headers = headers_.Own();
    if (!request_.is_changeable && !question_.foreign_headers.empty()) {
      return Refused("the request has headers that only this server may send");
    }
    PDP_RETURN_IF_ERROR(ReadSubject());
    PDP_RETURN_IF_ERROR(ReadContext());
    PDP_ASSIGN_OR_RETURN(target_,
                         ParseTarget(options_.base_path, request_.target));
    return ReadInteraction(target_.segments);
  }

 private:
  absl::Status ReadSubject() {
    PDP_ASSIGN_OR_RETURN(const auto authorization,
                         headers_.Find("authorization"));
    if (authorization) question_.access_token = TokenOf(*authorization);
    return absl::OkStatus();
  }

  absl::Status ReadContext() {
    PDP_ASSIGN_OR_RETURN(const auto extended, headers_.Find("x-medplum"));
    question_.extended_mode = extended == "extended";
    if (extended && extended->find(',') != std::string_view::npos) {
      return Refused("the header `x-medplum` has several values");
    }
    PDP_ASSIGN_OR_RETURN(const auto on_behalf_of,
                         headers_.Find("x-medplum-on-behalf-of"));
    if (on_behalf_of) {
      if (!fhir::ResourceKey::Parse(*on_behalf_of)) {
        return Refused("the header `x-medplum-on-behalf-of` is not Type/id");
      }
      question_.on_behalf_of = *on_behalf_of;
    }
    PDP_RETURN_IF_ERROR(ReadTenant());
    question_.user_agent = headers_.FindOrEmpty("user-agent");
    question_.request_id = headers_.FindOrEmpty("x-request-id");
    question_.traceparent = headers_.FindOrEmpty("traceparent");
    question_.remote_address = std::string(request_.peer_address);
    if (options_.forwarded_for == 0) return absl::OkStatus();
    PDP_ASSIGN_OR_RETURN(const auto forwarded,
                         headers_.Find("x-forwarded-for"));
    PDP_ASSIGN_OR_RETURN(
        question_.remote_address,
        ForwardedFor(forwarded.value_or(""), options_.forwarded_for));
    return absl::OkStatus();
  }

  absl::Status ReadTenant() {
    question_.use_stored_tenant = options_.stored_tenant;
    if (options_.tenant_header.empty()) return absl::OkStatus();
    PDP_ASSIGN_OR_RETURN(const auto tenant,
                         headers_.Find(options_.tenant_header));
    if (!tenant) return absl::OkStatus();
    if (!fhir::ResourceKey::Parse(*tenant)) {
      return Refused("the header of the active tenant is not Type/id");
    }
    question_.tenant = *tenant;
    question_.use_stored_tenant = false;
    return absl::OkStatus();
  }

  absl::Status ReadInteraction(Segments path) {
    for (const std::string_view segment : path) {
      if (segment.starts_with('$')) {
        return Refused("operations are not decided about");
      }
    }
    const std::string_view method = request_.method;
    if (method == "GET" || method == "HEAD") return ReadRead(path);
    if (method == "POST") return ReadPost(path);
    if (method == "PUT") return ReadPut(path);
    if (method == "DELETE") return ReadDelete(path);
    if (method == "PATCH") {
      return Refused(
          "a patch is not decided about: what it results in is "
          "not known here");
    }
    return Refused("the method is not decided about");
  }

  absl::Status ReadRead(Segments path) {
    PDP_RETURN_IF_ERROR(CheckNoBody());
    if (path.size() == 1 && path[0] == "metadata") return ReadMetadata();
    PDP_RETURN_IF_ERROR(ReadType(path));
    if (path.size() == 1) {
      question_.is_in_path = request_.is_changeable;
      return Search(std::string(target_.query));
    }
    PDP_RETURN_IF_ERROR(ReadId(path));
    if (path.size() == 2) {
      PDP_RETURN_IF_ERROR(CheckParameters(target_.parameters, kFormParameters));
      return Check(Interaction::kRead);
    }
    if (path[2] == kHistory) return ReadHistory(path);
    if (path.size() == 3) return ReadCompartment(path[2]);
    return Refused("the path is none that is decided about");
  }

  absl::Status ReadMetadata() {
    if (!options_.opens_metadata) {
      return Refused("metadata is not open here");
    }
    PDP_RETURN_IF_ERROR(CheckParameters(target_.parameters, kFormParameters));
    question_.kind = Question::Kind::kOpen;
    return absl::OkStatus();
  }

  absl::Status ReadHistory(Segments path) {
    if (path.size() == 3) {
      PDP_RETURN_IF_ERROR(
          CheckParameters(target_.parameters, kHistoryParameters));
      return Check(Interaction::kHistory);
    }
    if (path.size() != 4 || !IsId(path[3])) {
      return Refused("the path is none that is decided about");
    }
    PDP_RETURN_IF_ERROR(CheckParameters(target_.parameters, kFormParameters));
    question_.version_id = path[3];
    return Check(Interaction::kVread);
  }

  // `Patient/1/Observation` is `Observation?_compartment=Patient/1`.
  absl::Status ReadCompartment(std::string_view type) {
    if (!IsOneOf(question_.type, kCompartments) ||
        !fhir::IsResourceType(type)) {
      return Refused("the path is none that is decided about");
    }
    std::string query =
        StrCat("_compartment=", question_.type, "/", question_.id);
    if (!target_.query.empty()) query += StrCat("&", target_.query);
    question_.type = type;
    question_.id = {};
    question_.is_in_path = request_.is_changeable;
    question_.is_of_compartment = true;
    return Search(std::move(query));
  }

  absl::Status ReadPost(Segments path) {
    if (path.empty()) return Refused("batches are not decided about");
    PDP_RETURN_IF_ERROR(ReadType(path));
    if (path.size() == 2 && path[1] == kSearch) return ReadPostedSearch();
    if (path.size() != 1) {
      return Refused("the path is none that is decided about");
    }
    PDP_ASSIGN_OR_RETURN(const auto condition, headers_.Find("if-none-exist"));
    if (condition) return Refused("a conditional create is not decided about");
    PDP_RETURN_IF_ERROR(ReadContent());
    return Check(Interaction::kCreate);
  }

  absl::Status ReadPostedSearch() {
    static constexpr std::string_view kForm[] = {
        "application/x-www-form-urlencoded"};
    if (!target_.query.empty()) {
      return Refused("a search is in the path and in the body");
    }
    PDP_ASSIGN_OR_RETURN(const std::string_view body, ReadBody(kForm));
    Parameters parameters;
    PDP_RETURN_IF_ERROR(ParseParameters(body, parameters));
    return Search(std::string(body));
  }

  absl::Status ReadPut(Segments path) {
    if (path.size() == 1) {
      return Refused("a conditional update is not decided about");
    }
    PDP_RETURN_IF_ERROR(ReadOne(path));
    PDP_RETURN_IF_ERROR(ReadContent());
    return Check(Interaction::kUpdate);
  }

  absl::Status ReadDelete(Segments path) {
    if (path.size() == 1) {
      return Refused("a conditional delete is not decided about");
    }
    PDP_RETURN_IF_ERROR(CheckNoBody());
    PDP_RETURN_IF_ERROR(ReadOne(path));
    PDP_RETURN_IF_ERROR(CheckParameters(target_.parameters, kFormParameters));
    return Check(Interaction::kDelete);
  }

  // `Type/id` that is to be written.
  absl::Status ReadOne(Segments path) {
    if (path.size() != 2) {
      return Refused("the path is none that is decided about");
    }
    PDP_RETURN_IF_ERROR(ReadType(path));
    PDP_RETURN_IF_ERROR(ReadId(path));
    PDP_ASSIGN_OR_RETURN(const auto version, headers_.Find("if-match"));
    if (!version) return absl::OkStatus();
    return ReadVersion(*version, question_.version_id);
  }

  absl::Status ReadType(Segments path) {
    if (path.empty() || !fhir::IsResourceType(path[0])) {
      return Refused("the path is of no resource type");
    }
    question_.type = path[0];
    return absl::OkStatus();
  }

  absl::Status ReadId(Segments path) {
    if (!IsId(path[1])) return Refused("the path has no id of a resource");
    question_.id = path[1];
    return absl::OkStatus();
  }

  absl::Status ReadContent() {
    static constexpr std::string_view kJson[] = {"application/fhir+json",
                                                 "application/json"};
    PDP_RETURN_IF_ERROR(CheckParameters(target_.parameters, kFormParameters));
    if (question_.type == kBinary) {
      return Refused("what is written to a Binary is not decided about");
    }
    PDP_ASSIGN_OR_RETURN(question_.proposed, ReadBody(kJson));
    if (question_.proposed.empty()) {
      return Refused("the request has no body");
    }
    return absl::OkStatus();
  }

  // All of it.
  absl::StatusOr<std::string_view> ReadBody(
      std::span<const std::string_view> types) {
    PDP_ASSIGN_OR_RETURN(const auto type, headers_.Find("content-type"));
    PDP_RETURN_IF_ERROR(CheckContentType(type.value_or(""), types));
    PDP_ASSIGN_OR_RETURN(const auto encoding,
                         headers_.Find("content-encoding"));
    if (encoding) return Refused("the body is encoded");
    if (!request_.body) {
      return Refused("the gateway did not send the body of the request");
    }
    PDP_ASSIGN_OR_RETURN(const auto partial,
                         headers_.Find("x-envoy-auth-partial-body"));
    PDP_ASSIGN_OR_RETURN(const auto length, headers_.Find("content-length"));
    uint64_t bytes = request_.body->size();
    const bool is_whole =
        (!partial || partial == "false") &&
        (!length || (absl::SimpleAtoi(ToAbsl(*length), &bytes) &&
                     bytes == request_.body->size()));
    if (!is_whole) return Refused("the gateway sent a part of the body only");
    return *request_.body;
  }

  // A read with a body is something else to some servers.
  absl::Status CheckNoBody() {
    PDP_ASSIGN_OR_RETURN(const auto length, headers_.Find("content-length"));
    PDP_ASSIGN_OR_RETURN(const auto coding, headers_.Find("transfer-encoding"));
    const bool has_body = (length && *length != "0" && !length->empty()) ||
                          coding || (request_.body && !request_.body->empty());
    return has_body ? Refused("the request has a body that it does not need")
                    : absl::OkStatus();
  }

  absl::Status Check(Interaction interaction) {
    question_.interaction = interaction;
    question_.kind = Question::Kind::kCheck;
    return absl::OkStatus();
  }

  absl::Status Search(std::string query) {
    question_.interaction = Interaction::kSearch;
    question_.query = std::move(query);
    question_.kind = Question::Kind::kSearch;
    return absl::OkStatus();
  }

  const Options& options_;
  const HttpRequest& request_;
  Question& question_;
  Headers headers_;
  RequestTarget target_;
};

}  // namespace

Question Ask(const Options& options, const HttpRequest& request) {
  Question question;
  const absl::Status status = Asker(options, request, question).Ask();
  if (!status.ok()) {
    question.kind = Question::Kind::kRefused;
    question.why = ToStd(status.message());
    return question;
  }
  if (question.kind != Question::Kind::kOpen && question.access_token.empty()) {
    question.kind = Question::Kind::kUnidentified;
    question.why = "the request has no bearer token";
  }
  return question;
}

}  // namespace pdp::gateway
