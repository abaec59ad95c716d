// Answers questions on its input, as ask.py does, by the C++ client.
//
// usage: end_to_end_ask TARGET CA CERTIFICATE KEY

#include <iostream>
#include <sstream>
#include <string>

#include "absl/strings/ascii.h"
#include "medplum_pdp/client.h"

namespace {

namespace v1 = medplum_pdp::v1;
using medplum_pdp::Client;
using medplum_pdp::Decision;

bool Parse(const std::string& line, v1::CheckRequest& request) {
  std::istringstream words(line);
  std::string interaction;
  v1::Resource& resource = *request.mutable_resource();
  words >> *request.mutable_subject()->mutable_reference() >> interaction;
  std::getline(words >> std::ws, *resource.mutable_type(), '/');
  words >> *resource.mutable_id();
  std::getline(words >> std::ws, *resource.mutable_body());
  v1::Interaction number = v1::INTERACTION_UNSPECIFIED;
  if (!v1::Interaction_Parse(
          "INTERACTION_" + absl::AsciiStrToUpper(interaction), &number)) {
    return false;
  }
  request.set_interaction(number);
  return true;
}

std::string Answer(Client& client, const std::string& line) {
  v1::CheckRequest request;
  if (!Parse(line, request)) return "NOT_UNDERSTOOD - -";
  const Decision decision = client.Check(request);
  const std::string why =
      decision.no_decision()
          ? absl::StatusCodeToString(decision.status().code())
          : decision.reason();
  const std::string id =
      decision.decision_id().empty() ? "-" : decision.decision_id();
  return std::string(medplum_pdp::EffectText(decision.effect())) + " " + why +
         " " + id;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const auto client = Client::Create(
      {.target = argv[1],
       .tls = {.ca_file = argv[2], .cert_file = argv[3], .key_file = argv[4]},
       .timeout = absl::Seconds(20)});
  if (!client.ok()) {
    std::cerr << client.status() << "\n";
    return 2;
  }
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << Answer(**client, line) << std::endl;
  }
  return 0;
}
