// Answers that leave one connection at about the same time share packets: TCP
// takes most of what an answer costs, and takes it for each packet.
//
// gRPC writes every answer on its own.  While a connection is corked (TCP_CORK)
// the kernel collects what is written, and sends it when the cork is out.

#ifndef PDP_SERVICE_SHARED_PACKETS_H_
#define PDP_SERVICE_SHARED_PACKETS_H_

#include <string>
#include <vector>

#include "pdp/base/mutex.h"
#include "pdp/base/strings.h"

namespace pdp::service {

// The TCP connections of a server by their peers.  Thread-safe.
//
// Descriptors are somebody else's, who closes them and says nothing, so what is
// found may be closed, or another connection by now.  A cork does no harm to
// either.
class PeerSockets {
 public:
  // The connection `fd`; one that is not TCP is passed over.
  void Add(int fd);

  // For each of `peers`, as grpc::ServerContext::peer names them, its
  // descriptor; -1: it has none that could be corked.
  std::vector<int> Find(const std::vector<std::string>& peers) const;

 private:
  mutable Mutex mutex_;
  StringMap<int> by_peer_ ABSL_GUARDED_BY(mutex_);
  // By descriptor, so that what is not open any more makes room.
  std::vector<std::string> peers_ ABSL_GUARDED_BY(mutex_);
};

// Holds back what is written to connections, as long as it lives; for a moment.
class Corks {
 public:
  // Corks each descriptor that is there more than once.
  explicit Corks(std::vector<int> fds);
  ~Corks();
  Corks(const Corks&) = delete;
  Corks& operator=(const Corks&) = delete;

 private:
  std::vector<int> corked_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_SHARED_PACKETS_H_
