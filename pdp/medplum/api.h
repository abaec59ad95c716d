// Api: what one login at a Medplum server can be asked for.
//
// The only implementation for users is Client (client.h), over HTTP.  Tests of
// what is built on top have one in memory.
//
// Every method waits for the answer, at most as long as it is configured, with
// its retries; it ends early, Cancelled, once Stop was called.  The errors of
// every method:
//
//   Unauthenticated     the credentials are refused, by the token endpoint or
//                       by a request under a fresh token
//   PermissionDenied    403
//   NotFound            404, except where a method says otherwise
//   InvalidArgument     another 4xx; the message is the OperationOutcome's
//   Unavailable         no connection, no answer in time, 429 or 5xx, after
//                       the retries
//   DataLoss            an answer that cannot be understood: cut short, not
//                       JSON, not what was asked for, past a limit
//   FailedPrecondition  the server sends elsewhere (a redirect, a link to
//                       another host), which is never followed
//   Cancelled           Stop was called
//
// Messages say what was asked and what came back, never a secret, a token or
// the content of a resource.

#ifndef PDP_MEDPLUM_API_H_
#define PDP_MEDPLUM_API_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pdp/fhir/resource_key.h"

namespace pdp::medplum {

// A resource as it was read by its id.
struct ReadAnswer {
  enum class State : uint8_t {
    kAbsent,   // 404: never there, expunged, or not visible to this login.
    kDeleted,  // 410.
    kFound,
  };
  State state = State::kAbsent;
  std::string json;  // With kFound: the resource, in extended form.
  // The server's clock when it answered (its Date header); InfinitePast where
  // it did not say.
  absl::Time server_time = absl::InfinitePast();
};

struct SearchPage {
  // The resources of the entries, in order, in extended form.  Entries of
  // another mode than `match` are left out.
  std::vector<std::string> resources;
  // What follows, for NextPage.  Empty: this was the last page.
  std::string next;
  absl::Time server_time = absl::InfinitePast();  // As ReadAnswer.
};

// What the server says of the login itself (`GET /auth/me`).
struct LoginInfo {
  std::string project;     // The id of the Project.
  std::string membership;  // `ProjectMembership/id`.
  std::string profile;     // `ClientApplication/id`.
  bool project_admin = false;
  bool super_admin = false;
  std::vector<std::string> project_features;
  // The effective AccessPolicy as JSON; empty where the server shows none.
  std::string access_policy;
};

// What `Subscription/id/$get-ws-binding-token` answers.
struct BindingToken {
  std::string token;
  absl::Time expiration;
  std::string web_socket_url;
};

// Thread-safe.
class Api {
 public:
  virtual ~Api() = default;

  virtual absl::StatusOr<ReadAnswer> Read(const fhir::ResourceKey& key) = 0;

  // The first page of `query`, `AccessPolicy?_lastUpdated=ge...`, already
  // percent-encoded.
  virtual absl::StatusOr<SearchPage> Search(std::string_view query) = 0;

  // The page after the one that had `next`.
  virtual absl::StatusOr<SearchPage> NextPage(std::string_view next) = 0;

  virtual absl::StatusOr<LoginInfo> WhoAmI() = 0;

  // The server's version, `5.1.29`; empty where it does not say.
  virtual absl::StatusOr<std::string> ServerVersion() = 0;

  // The three below are all that is ever written to a Medplum server.

  // Returns the id of the new Subscription.
  virtual absl::StatusOr<std::string> CreateSubscription(
      std::string_view json) = 0;
  // OK where there is none, too.
  virtual absl::Status DeleteSubscription(std::string_view id) = 0;
  virtual absl::StatusOr<BindingToken> GetBindingToken(
      std::string_view subscription_id) = 0;

  // Ends all calls, now and later, with Cancelled.
  virtual void Stop() = 0;
};

}  // namespace pdp::medplum

#endif  // PDP_MEDPLUM_API_H_
