// Requests of the API → requests of the decision point, and everything that is
// checked about them on the way; their subject and context in
// convert_context.h, their resource in convert_resource.h.
//
// An error is InvalidArgument (ResourceExhausted past a limit) and begins with
// the field it is about: "resource.id: missing; ...".  Text in what is filled
// in points into the message, which must outlive it.
//
// `token` is what the subject's access token is bound to (token_subject.h);
// null where there is none: then a subject that has one is refused.  Text may
// point into it, too.

#ifndef PDP_SERVICE_CONVERT_REQUEST_H_
#define PDP_SERVICE_CONVERT_REQUEST_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "pdp/fhir/interaction.h"
#include "pdp/policy/access_tokens.h"
#include "pdp/policy/mode.h"
#include "pdp/policy/request.h"
#include "pdp/service/convert_context.h"
#include "pdp/service/convert_resource.h"

namespace medplum::pdp::v1 {
class BatchCheckItem;
class BatchCheckRequest;
class CheckRequest;
class Context;
class DescribeAccessRequest;
class FilterRequest;
class FilterResourcesHeader;
class FilterResourcesRequest;
class Resource;
class Subject;
}  // namespace medplum::pdp::v1

namespace pdp::service {

namespace v1 = ::medplum::pdp::v1;

// Puts `field` and a dot in front of the message: "items[3]" and "subject:
// missing" give "items[3].subject: missing".
absl::Status InField(std::string_view field, const absl::Status& status);

// `number` is a v1::Interaction, also one that this server has no name for.
absl::Status ConvertInteraction(int number, fhir::Interaction& interaction);

// Subject, context, interaction and resource.
absl::Status ConvertCheck(const v1::CheckRequest& message, policy::Mode mode,
                          const RequestLimits& limits,
                          policy::AccessRequest& request,
                          const policy::TokenBinding* token = nullptr);

absl::Status ConvertFilter(const v1::FilterRequest& message, policy::Mode mode,
                           const RequestLimits& limits,
                           policy::FilterRequest& request,
                           const policy::TokenBinding* token = nullptr);

// All but the resource, which every message of the stream has its own of.
absl::Status ConvertFilterResources(const v1::FilterResourcesHeader& message,
                                    policy::Mode mode,
                                    const RequestLimits& limits,
                                    policy::AccessRequest& request,
                                    const policy::TokenBinding* token);

// What these ask for that this server cannot do, as a sentence; nothing where
// it can do it all.  Fields of a newer API are found here too.  Such a request
// is denied, NOT_SUPPORTED: ignoring a field could permit what it restricts.
std::optional<std::string> FindUnsupported(const v1::Subject& message);
std::optional<std::string> FindUnsupported(const v1::Context& message);
std::optional<std::string> FindUnsupported(const v1::Resource& message);
std::optional<std::string> FindUnsupported(const v1::CheckRequest& message);
std::optional<std::string> FindUnsupported(const v1::FilterRequest& message);
std::optional<std::string> FindUnsupported(
    const v1::DescribeAccessRequest& message);
std::optional<std::string> FindUnsupported(
    const v1::FilterResourcesHeader& message);
// Of the message alone, not what its part holds.
std::optional<std::string> FindUnsupported(
    const v1::FilterResourcesRequest& message);
// Of these two what is of the call or the item alone, not the subject and the
// resources that they hold.
std::optional<std::string> FindUnsupported(
    const v1::BatchCheckRequest& message);
std::optional<std::string> FindUnsupported(const v1::BatchCheckItem& message);

}  // namespace pdp::service

#endif  // PDP_SERVICE_CONVERT_REQUEST_H_
