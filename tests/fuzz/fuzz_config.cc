// The text of a configuration file, and the addresses and URLs in it.

#include <string>
#include <string_view>

#include "medplum/pdp/config/v1/config.pb.h"
#include "pdp/service/base_url.h"
#include "pdp/service/listen_address.h"
#include "pdp/service/yaml_config.h"
#include "tests/fuzz/fuzz_target.h"

namespace pdp::fuzz {

void RunInput(std::string_view input) {
  medplum::pdp::config::v1::Config config;
  const absl::Status status = service::ReadYamlConfig(input, "f", config);
  if (!status.ok()) {
    Require(std::string_view(status.message().data(), status.message().size())
                .starts_with("f:"),
            "an error says where it is");
  }
  for (const std::string& listen : config.listen()) {
    const auto address = service::ParseListenAddress(listen);
    if (!address.ok()) continue;
    const std::string text = address->ToString();
    const auto again = service::ParseListenAddress(text);
    Require(again.ok() && again->ToString() == text,
            "a printed address reads the same");
  }
  const auto url = service::ParseBaseUrl(config.medplum().base_url());
  if (url.ok()) {
    const auto again = service::ParseBaseUrl(*url);
    Require(again.ok() && *again == *url, "a printed URL reads the same");
  }
}

}  // namespace pdp::fuzz
