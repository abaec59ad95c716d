// Random requests of random_world.h as messages of the API.

#ifndef PDP_TESTS_SUPPORT_RANDOM_CHECK_H_
#define PDP_TESTS_SUPPORT_RANDOM_CHECK_H_

#include <string>

#include "medplum/pdp/v1/decision.pb.h"
#include "pdp/policy/request.h"
#include "tests/support/random_world.h"

namespace pdp::testing {

// What a PATCH, CREATE or UPDATE proposes is sent with these alone, as the API
// wants it.
inline medplum::pdp::v1::CheckRequest ToMessage(
    const policy::AccessRequest& request) {
  medplum::pdp::v1::CheckRequest message;
  message.mutable_subject()->set_reference(
      std::string(request.subject.reference));
  medplum::pdp::v1::Context& context = *message.mutable_context();
  const policy::RequestContext& from = request.context;
  if (from.smart_scope) context.set_smart_scope(std::string(*from.smart_scope));
  if (from.remote_address) {
    context.set_remote_address(std::string(*from.remote_address));
  }
  if (from.on_behalf_of) {
    context.set_on_behalf_of(std::string(*from.on_behalf_of));
  }
  message.set_interaction(
      static_cast<medplum::pdp::v1::Interaction>(request.interaction));
  medplum::pdp::v1::Resource& resource = *message.mutable_resource();
  resource.set_type(std::string(request.resource.type));
  const bool is_search = request.interaction == fhir::Interaction::kSearch;
  if (const fhir::ResourcePtr& current = request.resource.current;
      current != nullptr && !is_search) {
    resource.set_id(std::string(current->id()));
    resource.set_body(std::string(current->json()));
    resource.set_deleted(request.resource.deleted);
  }
  resource.set_version_id(std::string(request.resource.version_id));
  const bool is_write = request.interaction == fhir::Interaction::kCreate ||
                        request.interaction == fhir::Interaction::kUpdate ||
                        request.interaction == fhir::Interaction::kPatch;
  if (is_write) {
    resource.set_proposed(std::string(request.resource.proposed->json()));
  }
  return message;
}

}  // namespace pdp::testing

#endif  // PDP_TESTS_SUPPORT_RANDOM_CHECK_H_
