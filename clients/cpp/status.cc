#include "clients/cpp/status.h"

#include "pdp/base/strings.h"

namespace medplum_pdp {

absl::Status AsNoDecision(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return absl::FailedPreconditionError(
          pdp::StrCat(absl::StatusCodeToString(status.code()), ": ",
                      pdp::ToStd(status.message())));
    default:
      return status;
  }
}

absl::Status FromGrpc(int code, const std::string& message) {
  constexpr int kLast = static_cast<int>(absl::StatusCode::kUnauthenticated);
  if (code < 0 || code > kLast) {
    return absl::UnknownError(pdp::StrCat("status ", code, ": ", message));
  }
  return AsNoDecision(
      absl::Status(static_cast<absl::StatusCode>(code), message));
}

absl::Status ItemStatus(const ::medplum::pdp::v1::ItemError& error) {
  const absl::Status status = FromGrpc(error.code(), error.message());
  if (!status.ok()) return status;
  return absl::InternalError(
      "the answer is not understood: an error that says OK");
}

}  // namespace medplum_pdp
