// A scheduler of two clinics, in small: which appointments may this member see,
// which patients, and what of them?  For the sample clinic (`make run`):
//   member=ProjectMembership/13000000-0000-4000-8000-000000000001
//   scheduler 127.0.0.1:8990 $member

#include <iostream>
#include <string>
#include <vector>

#include "medplum_pdp/client.h"
#include "medplum_pdp/hidden_fields.h"

namespace v1 = medplum_pdp::v1;
using medplum_pdp::Client;
using medplum_pdp::Decision;
using medplum_pdp::Obligation;

namespace {

// A patient of each clinic, as they are stored.
struct Patient {
  std::string id;
  std::string json;
};
const Patient kPatients[] = {
    {"20000001-0000-4000-8000-000000000001",
     R"({"resourceType":"Patient","id":"20000001-0000-4000-8000-000000000001",)"
     R"("name":[{"family":"Fenwick"}],"birthDate":"1984-06-11"})"},
    {"20000002-0000-4000-8000-000000000001",
     R"({"resourceType":"Patient","id":"20000002-0000-4000-8000-000000000001",)"
     R"("name":[{"family":"Mendez"}],"birthDate":"1990-12-19"})"},
};

// Prints the searches to run in the member's place, instead of one that finds
// everything.
void PrintSearches(Client& client, const std::string& member) {
  v1::FilterRequest request;
  request.mutable_subject()->set_reference(member);
  request.set_resource_type("Appointment");
  request.set_query("status=booked");
  const auto answer = client.Filter(request);
  if (!answer.ok()) {
    std::cout << "no decision: " << answer.status() << "\n";
  } else if (answer->kind() == v1::FILTER_KIND_ALWAYS_DENIED) {
    std::cout << "may find no appointments\n";
  } else {
    for (const std::string& query : answer->queries()) {
      std::cout << "may run " << query << "\n";
    }
  }
}

// Prints the patients as the member may see them.
void PrintPatients(Client& client, const std::string& member) {
  v1::BatchCheckRequest request;
  request.mutable_subject()->set_reference(member);
  for (const Patient& patient : kPatients) {
    v1::BatchCheckItem& item = *request.add_items();
    item.set_interaction(v1::INTERACTION_READ);
    item.mutable_resource()->set_type("Patient");
    item.mutable_resource()->set_id(patient.id);
  }
  const std::vector<Decision> decisions = client.CheckMany(request);
  for (size_t i = 0; i < decisions.size(); ++i) {
    const Decision& decision = decisions[i];
    if (!decision.permitted_if({Obligation::kHiddenFields})) {
      std::cout << decision.http_status() << " "
                << medplum_pdp::DenialBody(decision) << "\n";
      continue;
    }
    const auto shown =
        medplum_pdp::RemoveHiddenFields(kPatients[i].json, decision);
    std::cout << "200 " << shown.value_or("") << "\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: scheduler TARGET MEMBER\n";
    return 2;
  }
  const auto client = Client::Create({.target = argv[1], .plaintext = true});
  if (!client.ok()) {
    std::cerr << client.status() << "\n";
    return 2;
  }
  PrintSearches(**client, argv[2]);
  PrintPatients(**client, argv[2]);
  return 0;
}
