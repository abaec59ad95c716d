// The input of the target `request`: a letter for the method, and the
// serialized request.

#ifndef PDP_TESTS_FUZZ_REQUEST_H_
#define PDP_TESTS_FUZZ_REQUEST_H_

#include <memory>

#include "medplum/pdp/v1/decision.pb.h"

namespace pdp::fuzz {

enum class Method : char {
  kCheck = 'c',
  kBatchCheck = 'b',
  kCheckStream = 's',
  kFilter = 'f',
  kDescribeAccess = 'd',
};

// An empty request of the method; null for any other letter.
inline std::unique_ptr<google::protobuf::Message> MakeRequest(char letter) {
  namespace v1 = ::medplum::pdp::v1;
  switch (static_cast<Method>(letter)) {
    case Method::kCheck:
      return std::make_unique<v1::CheckRequest>();
    case Method::kBatchCheck:
      return std::make_unique<v1::BatchCheckRequest>();
    case Method::kCheckStream:
      return std::make_unique<v1::CheckStreamRequest>();
    case Method::kFilter:
      return std::make_unique<v1::FilterRequest>();
    case Method::kDescribeAccess:
      return std::make_unique<v1::DescribeAccessRequest>();
  }
  return nullptr;
}

}  // namespace pdp::fuzz

#endif  // PDP_TESTS_FUZZ_REQUEST_H_
