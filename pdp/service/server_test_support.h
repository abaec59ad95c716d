// A server on ports of its own, and clients of it.

#ifndef PDP_SERVICE_SERVER_TEST_SUPPORT_H_
#define PDP_SERVICE_SERVER_TEST_SUPPORT_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "medplum/pdp/v1/admin.grpc.pb.h"
#include "medplum/pdp/v1/decision.grpc.pb.h"
#include "pdp/service/admin_service.h"
#include "pdp/service/audit_test_support.h"
#include "pdp/service/server.h"
#include "pdp/service/test_support.h"

namespace pdp::service {

// Holds what it is asked for until the test lets go of it.
class HeldFetcher final : public FactFetcher {
 public:
  void Fetch(std::vector<fhir::ResourceKey> keys, std::string project,
             FetchDone done) override {
    const std::lock_guard lock(mutex_);
    project_ = std::move(project);
    keys_ = std::move(keys);
    held_.push_back(std::move(done));
    changed_.notify_all();
  }

  // Waits until `count` fetches are held.
  void WaitFor(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_.size() >= count; });
  }

  void Finish(const absl::Status& status) {
    std::deque<FetchDone> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (const FetchDone& done : held) done(status);
  }

  std::vector<fhir::ResourceKey> keys() {
    const std::lock_guard lock(mutex_);
    return keys_;
  }
  std::string project() {
    const std::lock_guard lock(mutex_);
    return project_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<FetchDone> held_;
  std::vector<fhir::ResourceKey> keys_;
  std::string project_;
};

class CountingRefresher final : public Refresher {
 public:
  ~CountingRefresher() override {
    for (std::thread& thread : threads_) thread.join();
  }
  void Refresh(std::string /*project*/, FetchDone done) override {
    threads_.emplace_back([done = std::move(done)] { done(absl::OkStatus()); });
  }
  size_t count() const { return threads_.size(); }

 private:
  std::vector<std::thread> threads_;
};

// Blocks in memory, in force under a decision point.
class MemoryBlocks final : public policy::BlockKeeper {
 public:
  MemoryBlocks(policy::DecisionPoint& decision_point, const Clock& clock)
      : decision_point_(decision_point), clock_(clock) {}

  absl::StatusOr<policy::Block> Set(policy::Block block) override {
    const std::lock_guard lock(mutex_);
    block.since = clock_.Now();
    blocks_[block.target] = block;
    Publish();
    return block;
  }
  absl::Status End(std::string_view target) override {
    const std::lock_guard lock(mutex_);
    if (blocks_.erase(std::string(target)) == 0) {
      return absl::NotFoundError("not blocked");
    }
    Publish();
    return absl::OkStatus();
  }
  std::vector<policy::Block> InForce() const override {
    const std::lock_guard lock(mutex_);
    return List();
  }

 private:
  std::vector<policy::Block> List() const {
    std::vector<policy::Block> list;
    for (const auto& [target, block] : blocks_) list.push_back(block);
    return list;
  }
  void Publish() {
    decision_point_.Publish(
        std::make_shared<const policy::BlockSet>(List(), clock_));
    decision_point_.Invalidate(decision_point_.revision() + 1, {});
  }

  policy::DecisionPoint& decision_point_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, policy::Block> blocks_;
};

// Whoever is on this host, and may do everything.
inline std::unique_ptr<Callers> LocalCallers() {
  CallerSettings local;
  local.caller.name = "local";
  local.caller.permissions = kAllPermissions;
  local.caller.subjects_rule = SubjectsRule::kAny;
  local.caller.resources_rule = ResourcesRule::kInline;
  local.from_loopback = true;
  return *Callers::Open({std::move(local)});
}

class ServerTest : public ::testing::Test {
 protected:
  void Start(std::vector<std::string> listen = {"127.0.0.1:0"},
             size_t threads = 1) {
    ServerOptions options = options_;
    options.threads = threads;
    options.reflection = true;
    for (const std::string& text : listen) {
      auto address = ParseListenAddress(text);
      ASSERT_TRUE(address.ok()) << address.status();
      options.listen.push_back(*address);
    }
    auto server = Server::Start(options, {.callers = *callers_,
                                          .decisions = f_.service,
                                          .admin = admin_,
                                          .metrics = f_.metrics,
                                          .fetcher = &fetcher_,
                                          .refresher = &refresher_,
                                          .watchers = &watchers_,
                                          .gateway = gateway_,
                                          .audit = audit_});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    Connect(server_->addresses().front().ToString());
  }

  void Connect(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(64 << 20);
    channel_ = grpc::CreateCustomChannel(
        address, grpc::InsecureChannelCredentials(), arguments);
    stub_ = v1::PolicyDecisionPoint::NewStub(channel_);
    admin_stub_ = v1::PdpAdmin::NewStub(channel_);
  }

  static void SetDeadline(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(30));
    context.set_wait_for_ready(true);
  }

  grpc::Status Check(std::string_view text, v1::CheckResponse& response) {
    grpc::ClientContext context;
    SetDeadline(context);
    return stub_->Check(&context, Proto<v1::CheckRequest>(text), &response);
  }

  int Health(const std::string& service) {
    const auto stub = grpc::health::v1::Health::NewStub(channel_);
    grpc::ClientContext context;
    SetDeadline(context);
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    grpc::health::v1::HealthCheckResponse response;
    EXPECT_TRUE(stub->Check(&context, request, &response).ok());
    return response.status();
  }

  Fixture f_;
  MemoryBlocks blocks_{f_.decision_point, f_.clock};
  AdminService admin_{f_.decision_point,  f_.data,  f_.admin,
                      /*shadow=*/nullptr, &blocks_, &f_.lookup};
  ServerOptions options_;
  std::unique_ptr<Callers> callers_ = LocalCallers();
  HeldFetcher fetcher_;
  CountingRefresher refresher_;
  RevisionWatchers watchers_{f_.lookup};
  MemoryJournal journal_;
  Audit audit_ = {};                  // Of a server that is started,
  const Gateway* gateway_ = nullptr;  // and this.
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::PolicyDecisionPoint::Stub> stub_;
  std::unique_ptr<v1::PdpAdmin::Stub> admin_stub_;
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_SERVER_TEST_SUPPORT_H_
