// Sessions at the Medplum server that the settings name.

#ifndef PDP_MEDPLUM_OPTIONS_H_
#define PDP_MEDPLUM_OPTIONS_H_

#include "pdp/medplum/http.h"
#include "pdp/medplum/session.h"
#include "pdp/service/medplum_settings.h"

namespace pdp {

medplum::HttpOptions HttpOptionsOf(const service::MedplumSettings& settings);

// Under one of its logins.
medplum::SessionOptions SessionOptionsOf(
    const service::MedplumSettings& settings,
    const service::MedplumLogin& login);

}  // namespace pdp

#endif  // PDP_MEDPLUM_OPTIONS_H_
