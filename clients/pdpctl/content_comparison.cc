#include "clients/pdpctl/content_comparison.h"

#include <algorithm>
#include <iterator>

#include "pdp/base/strings.h"
#include "pdp/fhir/field_path.h"
#include "pdp/fhir/interaction.h"

namespace pdp::ctl {
namespace {

using fhir::Interaction;
using fhir::JsonElement;

// Set anew by every write, or unknown to whoever judges it.
constexpr std::string_view kSetByWrite[] = {
    "meta.versionId", "meta.lastUpdated", "meta.author", "meta.onBehalfOf"};
// A read may have been recorded after a write that was taken back.
constexpr std::string_view kSetByRestore[] = {"meta.versionId",
                                              "meta.lastUpdated"};
// Left out of what is shown without `X-Medplum: extended`.
constexpr std::string_view kExtendedMeta[] = {"meta.author", "meta.project",
                                              "meta.compartment",
                                              "meta.account", "meta.accounts"};
constexpr std::string_view kUnordered[] = {"meta.compartment"};

bool IsWrite(Interaction interaction) {
  return interaction == Interaction::kCreate ||
         interaction == Interaction::kUpdate ||
         interaction == Interaction::kPatch;
}

std::string Describe(std::string_view what,
                     const std::optional<Difference>& difference) {
  return difference ? StrCat(what, " ", difference->text) : std::string();
}

// Whether the two are the same once `paths` are taken from `expected` too.
bool HidesMore(JsonElement expected, JsonElement got,
               std::span<const std::string_view> paths,
               const DifferenceOptions& options) {
  auto removal = fhir::RemoveFields(fhir::ToJson(expected), paths);
  if (!removal.ok()) return false;
  simdjson::dom::parser parser;
  JsonElement less;
  return parser.parse(removal->json).get(less) == simdjson::SUCCESS &&
         !FindDifference(less, got, options);
}

}  // namespace

std::string ContentComparison::Compare() {
  if (check_.interaction == Interaction::kHistory) return CompareHistory();
  if (!check_.expected.body && !check_.expected.stored) return "";
  std::string why;
  const fhir::ResourcePtr resource = Subject(why);
  if (resource == nullptr) return why;
  if (check_.expected.stored) {
    why = CompareStored(*check_.expected.stored, *resource);
  }
  if (why.empty() && check_.expected.body) {
    why = CompareShown(*check_.expected.body, *resource, answer_.hidden_fields);
  }
  return why;
}

fhir::ResourceKey ContentComparison::Key() const {
  return {std::string(check_.type), std::string(check_.resource_id)};
}

// What is shown or stored, before fields are hidden.
fhir::ResourcePtr ContentComparison::Subject(std::string& why) const {
  if (IsWrite(check_.interaction)) {
    if (answer_.completed.empty()) {
      why = "the completed resource is not answered";
      return nullptr;
    }
    auto completed = fhir::Resource::Parse(answer_.completed);
    if (!completed.ok()) {
      why = StrCat("the completed resource: ", completed.status().ToString());
      return nullptr;
    }
    return *std::move(completed);
  }
  const fhir::LookupResult found =
      check_.version_id.empty() ? lookup_.Read(Key())
                                : lookup_.ReadVersion(Key(), check_.version_id);
  if (found.resource == nullptr) why = "the vector file has no such resource";
  return found.resource;
}

std::string ContentComparison::CompareStored(
    JsonElement expected, const fhir::Resource& resource) const {
  return Describe("stored",
                  FindDifference(expected, resource.root(),
                                 Options(expected, resource, kSetByWrite)));
}

std::string ContentComparison::CompareShown(
    JsonElement expected, const fhir::Resource& resource,
    const std::vector<std::string>& hidden_fields) {
  const std::vector<std::string_view> paths(hidden_fields.begin(),
                                            hidden_fields.end());
  auto removal = fhir::RemoveFields(resource.json(), paths);
  if (!removal.ok()) return removal.status().ToString();
  auto shown = fhir::Resource::Parse(removal->json);
  if (!shown.ok()) {
    // `resourceType` itself may be hidden.
    return StrCat("what is shown: ", shown.status().ToString());
  }
  std::vector<std::string_view> ignored;
  if (IsWrite(check_.interaction)) {
    ignored.assign(std::begin(kSetByWrite), std::end(kSetByWrite));
  }
  if (!check_.subject.extended) {
    ignored.insert(ignored.end(), std::begin(kExtendedMeta),
                   std::end(kExtendedMeta));
  }
  const DifferenceOptions options = Options(expected, **shown, ignored);
  const auto difference = FindDifference(expected, (*shown)->root(), options);
  if (!difference) return "";
  if (difference->is_surplus) leaks_ = true;
  ++shown_differences_;
  if (HidesMore(expected, (*shown)->root(), paths, options)) ++hides_more_;
  return Describe("shown", difference);
}

std::string ContentComparison::CompareHistory() {
  const std::vector<fhir::ResourcePtr> versions = Versions();
  size_t next = 0;
  std::string first;
  for (const JsonElement body : check_.expected.bodies) {
    if (body.is_null()) continue;
    if (next == versions.size()) {
      hides_more_ = 0;
      return "the vector file lacks versions";
    }
    const fhir::Resource& version = *versions[next++];
    const auto answer =
        std::find_if(answer_.versions.begin(), answer_.versions.end(),
                     [&](const VersionAnswer& v) {
                       return v.version_id == version.version_id();
                     });
    const std::string why =
        CompareShown(body, version,
                     answer == answer_.versions.end() ? answer_.hidden_fields
                                                      : answer->hidden_fields);
    if (!why.empty() && first.empty()) {
      first = StrCat("version ", version.version_id(), ", ", why);
    }
  }
  return first;
}

// Newest first.
std::vector<fhir::ResourcePtr> ContentComparison::Versions() const {
  std::vector<fhir::ResourcePtr> versions;
  for (const auto& resource : file_.resources()) {
    if (resource->key() == Key()) versions.push_back(resource);
  }
  for (auto it = file_.versions().rbegin(); it != file_.versions().rend();
       ++it) {
    if ((*it)->key() == Key()) versions.push_back(*it);
  }
  return versions;
}

// A created resource gets its id from the server.
DifferenceOptions ContentComparison::Options(
    JsonElement expected, const fhir::Resource& resource,
    std::span<const std::string_view> ignored) const {
  DifferenceOptions options;
  options.ignored = ignored;
  options.unordered = kUnordered;
  options.any_value = kSetByRestore;
  if (check_.interaction == Interaction::kCreate) {
    options.expected_id = fhir::StringMember(expected, "id");
    options.got_id = resource.id();
  }
  return options;
}

}  // namespace pdp::ctl
