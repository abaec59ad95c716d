#include "pdp/medplum_options.h"

#include "pdp/base/strings.h"
#include "pdp/service/version.h"

namespace pdp {

medplum::HttpOptions HttpOptionsOf(const service::MedplumSettings& settings) {
  medplum::HttpOptions options;
  options.ca_file = settings.ca_file;
  options.user_agent = StrCat("medplum-pdp/", service::kVersion);
  options.total_timeout = settings.request_timeout;
  return options;
}

medplum::SessionOptions SessionOptionsOf(
    const service::MedplumSettings& settings,
    const service::MedplumLogin& login) {
  medplum::SessionOptions options{
      .base_url = settings.base_url,
      .credentials = {.client_id = login.client_id,
                      .client_secret_file = login.client_secret_file,
                      .private_key_file = login.private_key_file,
                      .key_id = login.key_id}};
  options.http = HttpOptionsOf(settings);
  return options;
}

}  // namespace pdp
