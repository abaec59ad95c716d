#include "clients/pdpctl/medplum_login.h"

#include <utility>

namespace pdp::ctl {

medplum::Credentials LoginOf(const SetupCommand& command) {
  return {.client_id = command.client_id,
          .client_secret_file = command.client_secret_file,
          .private_key_file = command.private_key_file,
          .key_id = command.key_id};
}

medplum::SessionOptions SessionOf(const SetupCommand& command,
                                  medplum::Credentials credentials) {
  medplum::SessionOptions options;
  options.base_url = command.base_url;
  options.credentials = std::move(credentials);
  options.http.ca_file = command.ca_file;
  options.http.user_agent = "medplum-pdpctl";
  return options;
}

}  // namespace pdp::ctl
