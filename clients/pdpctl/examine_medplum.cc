#include "clients/pdpctl/examine_medplum.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "clients/pdpctl/medplum_login.h"
#include "clients/pdpctl/setup_checks.h"
#include "clients/pdpctl/setup_plan.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/client.h"
#include "pdp/medplum/http.h"
#include "pdp/medplum/url.h"

namespace pdp::ctl {
namespace {

using Level = Finding::Level;

constexpr absl::Duration kCertificateWarning = absl::Hours(24 * 14);

// Without a login: TLS and the clock.
absl::StatusOr<MedplumProbe> Probe(const medplum::SessionOptions& options) {
  auto base = medplum::ParseBaseUrl(options.base_url);
  if (!base.ok()) return base.status();
  auto http = medplum::Http::Open(options.http);
  if (!http.ok()) return http.status();
  const medplum::HttpExchange exchange =
      (*http)->Send({.url = StrCat(base->ToString(), "healthcheck"),
                     .new_connection = true,
                     .with_certificate = base->is_secure()});
  if (!exchange.status.ok()) return exchange.status;
  return MedplumProbe{.is_secure = base->is_secure(),
                      .certificate_ends = exchange.answer.certificate_ends,
                      .server_time = exchange.answer.date};
}

}  // namespace

Findings ExamineProbe(const MedplumProbe& probe, absl::Time now) {
  Findings findings;
  if (!probe.is_secure) {
    findings.push_back({Level::kWarning,
                        "the Medplum server is spoken to without TLS, which "
                        "only loopback allows"});
  } else if (probe.certificate_ends) {
    const absl::Duration left = *probe.certificate_ends - now;
    findings.push_back(
        {left < kCertificateWarning ? Level::kWarning : Level::kOk,
         StrCat("the Medplum server's certificate is trusted, until ",
                FindingText(*probe.certificate_ends))});
  } else {
    findings.push_back(
        {Level::kOk, "the Medplum server's certificate is trusted"});
  }
  if (probe.server_time != absl::InfinitePast()) {
    findings.push_back(CompareClocks("the Medplum server's", "this machine's",
                                     probe.server_time - now));
  }
  return findings;
}

Findings ExamineMedplum(const SetupCommand& login) {
  medplum::SessionOptions options = SessionOf(login, LoginOf(login));
  const auto probe = Probe(options);
  if (!probe.ok()) return {ProblemOf(probe.status())};
  Findings findings = ExamineProbe(*probe, absl::Now());
  auto client = medplum::Client::Open(std::move(options));
  if (!client.ok()) {
    findings.push_back(ProblemOf(client.status()));
    return findings;
  }
  for (const SetupCheck& check : CheckSetup(**client, RequiredOf(login))) {
    findings.push_back(
        {check.passed ? Level::kOk : Level::kProblem, check.text});
  }
  return findings;
}

}  // namespace pdp::ctl
