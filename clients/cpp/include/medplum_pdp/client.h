// A client of medplum-pdp: may this member do this to that resource, and which
// search may I run for this member?
//
//   auto client = medplum_pdp::Client::Create({.target = "pdp:8990"});
//   if (!client.ok()) return client.status();
//   medplum_pdp::v1::CheckRequest request;
//   request.mutable_subject()->set_reference("Practitioner/1");
//   request.set_interaction(medplum_pdp::v1::INTERACTION_READ);
//   request.mutable_resource()->set_type("Patient");
//   request.mutable_resource()->set_id("2");
//   if ((*client)->Check(request).permitted()) ...
//
// Every call has a deadline.  A call that ends UNAVAILABLE, or that a server
// cancels as it stops, is made once more where that can help and the retry
// budget allows it.  Whatever goes wrong with a Check is a Decision too,
// NO_DECISION.
//
// A status of this library is PermissionDenied or Unauthenticated only where
// the subject was denied.  Where the server says so of the service that calls,
// it is FailedPrecondition, and the message begins with PERMISSION_DENIED or
// UNAUTHENTICATED: a fault of the configuration, and no decision.

#ifndef MEDPLUM_PDP_CLIENT_H_
#define MEDPLUM_PDP_CLIENT_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "medplum/pdp/v1/decision.pb.h"
#include "medplum_pdp/decision.h"
#include "medplum_pdp/options.h"

namespace medplum_pdp {

class ClientCore;
class CheckStream;
struct CheckStreamOptions;
class RevisionWatch;
struct RevisionWatchOptions;

// What FilterResources lets through, in the order sent, and how much that was.
struct FilteredResources {
  std::vector<v1::FilteredResource> resources;
  v1::FilterResourcesSummary summary;
};

// Thread-safe: a process needs one.  What is called back must not throw, nor
// call functions that wait.
class Client {
 public:
  // InvalidArgument and others: the options are in conflict with each other, a
  // file cannot be read.  Whether there is a server shows at the first call.
  static absl::StatusOr<std::unique_ptr<Client>> Create(
      const ClientOptions& options);
  // Calls that are open end with Cancelled; waits for their callbacks.
  // REQUIRES: not called by a callback.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // One decision.
  Decision Check(const v1::CheckRequest& request,
                 const CallOptions& options = {});
  // The same without waiting: `done` is called once, by a thread of the library
  // or by this one.
  void CheckAsync(v1::CheckRequest request, std::function<void(Decision)> done,
                  const CallOptions& options = {});
  // Check, and what Decision::Require says of it.
  absl::Status RequireCheck(const v1::CheckRequest& request,
                            Obligations honored = {},
                            const CallOptions& options = {});

  // One decision for each item, in their order.  A request that is larger than
  // the server takes is sent in parts, of which each may see another revision;
  // a part that fails is no decision of its items.
  std::vector<Decision> CheckMany(const v1::BatchCheckRequest& request,
                                  const CallOptions& options = {});
  void CheckManyAsync(const v1::BatchCheckRequest& request,
                      std::function<void(std::vector<Decision>)> done,
                      const CallOptions& options = {});

  // Many decisions over one stream (check_stream.h).
  std::unique_ptr<CheckStream> OpenCheckStream();
  std::unique_ptr<CheckStream> OpenCheckStream(
      const CheckStreamOptions& options);

  // Which searches return exactly what the subject may find.  A denial is an
  // answer: ALWAYS_DENIED, without queries; so is a kind that is not known.  An
  // answer whose condition is not understood is Internal.
  absl::StatusOr<v1::FilterResponse> Filter(const v1::FilterRequest& request,
                                            const CallOptions& options = {});

  // Resources (JSON) in, the permitted ones out, hidden fields removed.  All or
  // nothing: a stream that breaks, or whose answers do not fit what was sent,
  // is an error.
  absl::StatusOr<FilteredResources> FilterResources(
      const v1::FilterResourcesHeader& header,
      std::span<const std::string> resources, const CallOptions& options = {});
  // The same for the resources of a Bundle's entries.
  absl::StatusOr<FilteredResources> FilterBundle(
      const v1::FilterResourcesHeader& header, const std::string& bundle,
      const CallOptions& options = {});

  // A decision with the trace of every entry, for administrators.
  absl::StatusOr<v1::ExplainResponse> Explain(const v1::ExplainRequest& request,
                                              const CallOptions& options = {});

  // What a subject may do at all, and in which tenants.
  absl::StatusOr<v1::DescribeAccessResponse> DescribeAccess(
      const v1::DescribeAccessRequest& request,
      const CallOptions& options = {});

  // What was done with a decision, for the audit log.  Never sent twice.
  absl::Status RecordAccess(const v1::RecordAccessRequest& request,
                            const CallOptions& options = {});

  // Tells when what members may do has changed (revision_watch.h).
  std::unique_ptr<RevisionWatch> WatchRevisions(RevisionWatchOptions options);

 private:
  explicit Client(std::shared_ptr<ClientCore> core);

  const std::shared_ptr<ClientCore> core_;
};

}  // namespace medplum_pdp

#endif  // MEDPLUM_PDP_CLIENT_H_
