#include "pdp/medplum/answers.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"

namespace pdp::medplum {
namespace {

using fhir::JsonArray;
using fhir::JsonElement;
using fhir::JsonObject;
using fhir::Member;
using fhir::StringMember;

constexpr size_t kMaxErrorTextBytes = 200;
constexpr size_t kMaxTokenBytes = size_t{16} << 10;
// Of a token that does not say how long it lives.
constexpr absl::Duration kDefaultLifetime = absl::Minutes(1);
constexpr absl::Duration kMaxLifetime = absl::Hours(24);

// JSON text, and what simdjson made of it.
class Document {
 public:
  static absl::StatusOr<std::unique_ptr<Document>> Parse(
      std::string_view text) {
    std::unique_ptr<Document> document(new Document(text));
    if (document->parser_.parse(document->text_).get(document->root_) !=
            simdjson::SUCCESS ||
        !document->root_.is_object()) {
      return absl::DataLossError("the answer is not a JSON object");
    }
    return document;
  }

  JsonElement root() const { return root_; }
  const simdjson::padded_string& text() const { return text_; }

 private:
  explicit Document(std::string_view text) : text_(text) {}

  const simdjson::padded_string text_;
  simdjson::dom::parser parser_;
  JsonElement root_;
};

// Reads `visit(root)` of `text`, or `otherwise` where it is no JSON object.
template <typename Result, typename Visitor>
Result Look(std::string_view text, Result otherwise, Visitor visit) {
  const auto document = Document::Parse(text);
  return document.ok() ? visit((*document)->root()) : otherwise;
}

bool NamesOnce(JsonElement parent, std::string_view name) {
  JsonObject object;
  if (parent.get(object) != simdjson::SUCCESS) return false;
  return std::count_if(object.begin(), object.end(), [&](const auto& field) {
           return field.key == name;
         }) == 1;
}

// The type at the beginning of `Type?query`; empty where it is not that.
std::string_view TypeOfQuery(std::string_view query) {
  const std::string_view type = query.substr(0, query.find('?'));
  return std::all_of(
             type.begin(), type.end(),
             [](char c) {
               return absl::ascii_isalpha(static_cast<unsigned char>(c));
             })
             ? type
             : std::string_view();
}

absl::Status CheckMeta(JsonElement resource, bool with_version) {
  const auto meta = Member(resource, "meta");
  if (!meta || StringMember(*meta, "lastUpdated").empty() ||
      (with_version && StringMember(*meta, "versionId").empty())) {
    return absl::DataLossError("a resource in the answer has no version");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ParseNext(JsonElement link, std::string_view type,
                                      const Url& base) {
  const auto url = Url::Parse(StringMember(link, "url"));
  if (!url.ok()) {
    return absl::DataLossError("the link to the next page is malformed");
  }
  if (!IsSameServer(base, *url) || url->is_web_socket()) {
    return absl::FailedPreconditionError(
        StrCat("the next page is at ", url->Origin(),
               ", which is not followed: set the base URL to the one that the "
               "server is configured with"));
  }
  const std::string prefix = StrCat(base.target, kFhirPath);
  if (!url->target.starts_with(prefix)) {
    return absl::DataLossError("the link to the next page leaves the FHIR API");
  }
  std::string next = url->target.substr(prefix.size());
  if (TypeOfQuery(next) != type) {
    return absl::DataLossError("the link to the next page is of another type");
  }
  return next;
}

// Whether the entry is one of those that were searched for.
bool IsMatch(JsonElement entry) {
  const auto search = Member(entry, "search");
  if (!search) return true;
  const std::string_view mode = StringMember(*search, "mode");
  return mode.empty() || mode == "match";
}

// The text of every entry's resource, as the server wrote it.
// REQUIRES: text is valid JSON; each entry names its `resource` once.
absl::StatusOr<std::vector<std::string_view>> ResourceTexts(
    const simdjson::padded_string& text) {
  namespace ondemand = simdjson::ondemand;
  const absl::Status failure =
      absl::DataLossError("the entries of the answer cannot be read");
  std::vector<std::string_view> texts;
  ondemand::parser parser;
  ondemand::document document;
  if (parser.iterate(text).get(document) != simdjson::SUCCESS) return failure;
  ondemand::array entries;
  if (document["entry"].get(entries) != simdjson::SUCCESS) return failure;
  for (auto entry : entries) {
    ondemand::object resource;
    std::string_view raw;
    if (entry["resource"].get(resource) != simdjson::SUCCESS ||
        resource.raw_json().get(raw) != simdjson::SUCCESS) {
      return failure;
    }
    // It reaches up to what comes next.
    texts.push_back(raw.substr(0, raw.rfind('}') + 1));
  }
  return texts;
}

absl::Status AddResources(const Document& document, JsonArray entries,
                          std::string_view type, SearchPage& page) {
  for (const JsonElement entry : entries) {
    if (!NamesOnce(entry, "resource")) {
      return absl::DataLossError("an entry of the answer has no resource");
    }
  }
  PDP_ASSIGN_OR_RETURN(const auto texts, ResourceTexts(document.text()));
  size_t index = 0;
  for (const JsonElement entry : entries) {
    if (index == texts.size()) break;
    const std::string_view text = texts[index++];
    if (!IsMatch(entry)) continue;
    const JsonElement resource = *Member(entry, "resource");
    if (StringMember(resource, "resourceType") != type ||
        StringMember(resource, "id").empty()) {
      return absl::DataLossError(
          StrCat("an entry of the answer is not of type ", type));
    }
    PDP_RETURN_IF_ERROR(CheckMeta(resource, /*with_version=*/false));
    page.resources.emplace_back(text);
  }
  return absl::OkStatus();
}

// `Type/id` of what is given as a Reference or as a resource.
std::string ReferenceOf(JsonElement parent, std::string_view name) {
  const auto member = Member(parent, name);
  if (!member) return {};
  const std::string_view reference = StringMember(*member, "reference");
  if (!reference.empty()) return std::string(reference);
  const std::string_view type = StringMember(*member, "resourceType");
  const std::string_view id = StringMember(*member, "id");
  return type.empty() || id.empty() ? std::string() : StrCat(type, "/", id);
}

std::string Printable(std::string_view text) {
  std::string out(text.substr(0, kMaxErrorTextBytes));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

std::string OutcomeText(JsonElement outcome) {
  std::string text;
  fhir::ForEachItem(outcome, "issue", [&](JsonElement issue) {
    if (!text.empty()) return;
    if (const auto details = Member(issue, "details")) {
      text = StringMember(*details, "text");
    }
    if (text.empty()) text = StringMember(issue, "diagnostics");
    if (text.empty()) text = StringMember(issue, "code");
  });
  return text;
}

}  // namespace

absl::Status CheckResource(std::string_view body,
                           const fhir::ResourceKey& key) {
  const auto resource = fhir::Resource::Parse(body, {.max_bytes = body.size()});
  if (!resource.ok()) {
    return absl::DataLossError(StrCat("the answer is no resource: ",
                                      ToStd(resource.status().message())));
  }
  if ((*resource)->key() != key) {
    return absl::DataLossError("the answer is another resource");
  }
  return CheckMeta((*resource)->root(), /*with_version=*/true);
}

absl::StatusOr<std::string> ParseCreated(std::string_view body,
                                         std::string_view type) {
  const auto resource = fhir::Resource::Parse(body, {.max_bytes = body.size()});
  if (!resource.ok() || (*resource)->type() != type ||
      !fhir::ResourceKey::Parse(StrCat(type, "/", (*resource)->id()))) {
    return absl::DataLossError(StrCat("the answer is no new ", type));
  }
  return std::string((*resource)->id());
}

absl::StatusOr<SearchPage> ParseSearchPage(std::string_view body,
                                           std::string_view type,
                                           const Url& base) {
  PDP_ASSIGN_OR_RETURN(const auto document, Document::Parse(body));
  const JsonElement root = document->root();
  if (StringMember(root, "resourceType") != "Bundle" ||
      StringMember(root, "type") != "searchset") {
    return absl::DataLossError("the answer is no Bundle of a search");
  }
  SearchPage page;
  if (const auto entry = Member(root, "entry")) {
    JsonArray entries;
    if (!NamesOnce(root, "entry") || entry->get(entries) != simdjson::SUCCESS) {
      return absl::DataLossError("the entries of the answer are no array");
    }
    PDP_RETURN_IF_ERROR(AddResources(*document, entries, type, page));
  }
  absl::Status failure;
  fhir::ForEachItem(root, "link", [&](JsonElement link) {
    if (StringMember(link, "relation") != "next" || !failure.ok()) return;
    auto next = ParseNext(link, type, base);
    if (!next.ok()) {
      failure = next.status();
    } else if (!page.next.empty()) {
      failure = absl::DataLossError("the answer has two next pages");
    } else {
      page.next = *std::move(next);
    }
  });
  PDP_RETURN_IF_ERROR(failure);
  return page;
}

absl::StatusOr<LoginInfo> ParseLoginInfo(std::string_view body) {
  PDP_ASSIGN_OR_RETURN(const auto document, Document::Parse(body));
  const JsonElement root = document->root();
  LoginInfo info;
  if (const auto project = Member(root, "project")) {
    info.project = StringMember(*project, "id");
    if (info.project.empty()) {
      const auto key =
          fhir::ResourceKey::Parse(StringMember(*project, "reference"));
      if (key && key->type == "Project") info.project = key->id;
    }
    info.super_admin = fhir::BoolMember(*project, "superAdmin").value_or(false);
    fhir::ForEachItem(*project, "features", [&](JsonElement feature) {
      if (const auto name = fhir::AsString(feature)) {
        info.project_features.emplace_back(*name);
      }
    });
  }
  info.membership = ReferenceOf(root, "membership");
  info.profile = ReferenceOf(root, "profile");
  if (const auto membership = Member(root, "membership")) {
    info.project_admin = fhir::BoolMember(*membership, "admin").value_or(false);
    const std::string profile = ReferenceOf(*membership, "profile");
    if (!profile.empty()) info.profile = profile;
  }
  if (const auto policy = Member(root, "accessPolicy");
      policy && policy->is_object()) {
    info.access_policy = fhir::ToJson(*policy);
  }
  return info;
}

std::string ParseServerVersion(std::string_view body) {
  return Look(body, std::string(), [](JsonElement root) {
    const std::string_view text = StringMember(root, "version");
    const std::string_view version = text.substr(0, text.find('-'));
    const bool is_version =
        std::all_of(version.begin(), version.end(),
                    [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
    return is_version ? std::string(version) : std::string();
  });
}

absl::StatusOr<BindingToken> ParseBindingToken(std::string_view body,
                                               const Url& base) {
  PDP_ASSIGN_OR_RETURN(const auto document, Document::Parse(body));
  const JsonElement root = document->root();
  BindingToken binding;
  std::string_view expiration;
  fhir::ForEachItem(root, "parameter", [&](JsonElement parameter) {
    const std::string_view name = StringMember(parameter, "name");
    if (name == "token") binding.token = StringMember(parameter, "valueString");
    if (name == "expiration") {
      expiration = StringMember(parameter, "valueDateTime");
    }
    if (name == "websocket-url") {
      binding.web_socket_url = StringMember(parameter, "valueUrl");
    }
  });
  if (binding.token.empty() || binding.token.size() > kMaxTokenBytes ||
      !absl::ParseTime(absl::RFC3339_full, ToAbsl(expiration),
                       &binding.expiration, nullptr)) {
    return absl::DataLossError("the answer is no binding token");
  }
  const auto url = Url::Parse(binding.web_socket_url);
  if (!url.ok() || !url->is_web_socket()) {
    return absl::DataLossError("the URL of the WebSocket is malformed");
  }
  if (!IsSameServer(base, *url)) {
    return absl::FailedPreconditionError(
        StrCat("the WebSocket is at ", url->Origin(),
               ", which is not followed: set the base URL to the one that the "
               "server is configured with"));
  }
  return binding;
}

absl::StatusOr<AccessToken> ParseAccessToken(std::string_view body) {
  PDP_ASSIGN_OR_RETURN(const auto document, Document::Parse(body));
  const JsonElement root = document->root();
  AccessToken token{.text = std::string(StringMember(root, "access_token")),
                    .lifetime = kDefaultLifetime};
  std::string type(StringMember(root, "token_type"));
  absl::AsciiStrToLower(&type);
  // RFC 6750: what may stand in a header.
  const bool is_token =
      !token.text.empty() && token.text.size() <= kMaxTokenBytes &&
      std::all_of(token.text.begin(), token.text.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
               std::string_view("-._~+/=").find(c) != std::string_view::npos;
      });
  if (type != "bearer" || !is_token) {
    return absl::DataLossError("the answer has no bearer token");
  }
  if (const auto seconds = Member(root, "expires_in")) {
    int64_t count = 0;
    if (seconds->get(count) == simdjson::SUCCESS && count >= 0) {
      token.lifetime = std::min(absl::Seconds(count), kMaxLifetime);
    }
  }
  return token;
}

bool IsOperationOutcome(std::string_view body) {
  return Look(body, false, [](JsonElement root) {
    return StringMember(root, "resourceType") == "OperationOutcome";
  });
}

bool IsOAuthError(std::string_view body) {
  return Look(body, false, [](JsonElement root) {
    return !StringMember(root, "error").empty();
  });
}

std::string ParseErrorText(std::string_view body) {
  return Look(body, std::string(), [](JsonElement root) {
    if (StringMember(root, "resourceType") == "OperationOutcome") {
      return Printable(OutcomeText(root));
    }
    const std::string_view error = StringMember(root, "error");
    const std::string_view more = StringMember(root, "error_description");
    return Printable(more.empty() ? std::string(error)
                                  : StrCat(error, ": ", more));
  });
}

}  // namespace pdp::medplum
