// SubscriptionServer: a Medplum server's Subscriptions, in memory, behind the
// interfaces by which they are asked for.

#ifndef PDP_TESTS_SUPPORT_SUBSCRIPTION_SERVER_H_
#define PDP_TESTS_SUPPORT_SUBSCRIPTION_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pdp/base/clock.h"
#include "pdp/base/strings.h"
#include "pdp/fhir/json.h"
#include "pdp/fhir/resource.h"
#include "pdp/medplum/api.h"
#include "pdp/medplum/web_socket.h"

namespace pdp::medplum {

inline std::string StatusEntry(std::string_view type, std::string_view id,
                               std::string_view more = "") {
  return StrCat(R"({"resource":{"resourceType":"SubscriptionStatus",)"
                R"("status":"active","type":")",
                type, R"(","subscription":{"reference":"Subscription/)", id,
                R"("})", more, "}}");
}

inline std::string FrameOf(std::string_view entries) {
  return StrCat(R"({"resourceType":"Bundle","type":"history","entry":[)",
                entries, "]}");
}

inline std::string HandshakeFrame(std::string_view id) {
  return FrameOf(StatusEntry("handshake", id));
}

// `key` is `Type/id`.
inline std::string EventFrame(std::string_view id, const std::string& key,
                              std::string_view version = "v") {
  const size_t slash = key.find('/');
  return FrameOf(StrCat(
      StatusEntry("event-notification", id,
                  StrCat(R"(,"notificationEvent":[{"eventNumber":"0",)"
                         R"("focus":{"reference":")",
                         key, R"("}}])")),
      R"(,{"resource":{"resourceType":")", key.substr(0, slash), R"(","id":")",
      key.substr(slash + 1), R"(","meta":{"versionId":")", version, R"("}}})"));
}

// Thread-safe.
class SubscriptionServer : public Api, public WebSocketConnector {
 public:
  explicit SubscriptionServer(const Clock& clock) : clock_(clock) {}

  // What a call is told instead of its answer, if not OK; called with
  // `create`, `token`, `delete`, `search`, `connect` or `bind`, of which the
  // last is then not answered.
  void FailWhen(std::function<absl::Status(std::string_view call)> fault) {
    const std::lock_guard lock(mutex_);
    fault_ = std::move(fault);
  }
  void SetLogin(LoginInfo login) {
    const std::lock_guard lock(mutex_);
    login_ = std::move(login);
  }
  // How long tokens last from now on.
  void SetTokenLifetime(absl::Duration lifetime) {
    const std::lock_guard lock(mutex_);
    token_lifetime_ = lifetime;
  }

  // The ids of the Subscriptions that exist, in the order of their creation,
  // with their JSON.
  std::vector<std::pair<std::string, std::string>> Subscriptions() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::pair<std::string, std::string>> result;
    for (int i = 0; i < created_; ++i) {
      const auto found = subscriptions_.find(StrCat("s-", i));
      if (found != subscriptions_.end()) result.push_back(*found);
    }
    return result;
  }
  // As after a server that was killed: what was bound stays.
  void KeepWhatWasBound() {
    const std::lock_guard lock(mutex_);
    keep_bound_ = true;
  }
  // Calls so far, by name.
  int calls(const std::string& call) const {
    const std::lock_guard lock(mutex_);
    const auto found = calls_.find(call);
    return found == calls_.end() ? 0 : found->second;
  }
  std::vector<std::string> searches() const {
    const std::lock_guard lock(mutex_);
    return searches_;
  }
  void SwitchOff(const std::string& id) {
    const std::lock_guard lock(mutex_);
    std::string& json = subscriptions_[id];
    const std::string active = R"("status":"active")";
    json.replace(json.find(active), active.size(), R"("status":"off")");
  }
  size_t open_sockets() const {
    const std::lock_guard lock(mutex_);
    return sockets_.size();
  }

  // Sends `frame` on every socket.
  void Deliver(const std::string& frame) {
    ForEachSocket([&](Line& line) {
      if (line.callbacks.text) line.callbacks.text(frame);
    });
  }
  // Lists on each socket what is bound there, but `without`.
  void Heartbeat(std::string_view without = "") {
    ForEachSocket([&](Line& line) {
      std::string entries;
      for (const std::string& id : line.bound) {
        if (id == without) continue;
        if (!entries.empty()) entries += ",";
        entries += StatusEntry("heartbeat", id);
      }
      if (line.callbacks.text) line.callbacks.text(FrameOf(entries));
    });
  }
  // Ends every socket, as the server does when it stops.
  void CloseAll() {
    ForEachSocket([](Line& line) {
      if (line.callbacks.closed) {
        std::exchange(line.callbacks, {})
            .closed(absl::UnavailableError("the WebSocket ended: EOF"));
      }
    });
  }

  absl::StatusOr<std::string> CreateSubscription(
      std::string_view json) override {
    const absl::Status fault = Fault("create");
    if (!fault.ok()) return fault;
    const std::lock_guard lock(mutex_);
    const std::string id = StrCat("s-", created_++);
    subscriptions_[id] = json;
    created_at_[id] = clock_.Now();
    return id;
  }
  absl::StatusOr<BindingToken> GetBindingToken(std::string_view id) override {
    const absl::Status fault = Fault("token");
    if (!fault.ok()) return fault;
    const std::lock_guard lock(mutex_);
    if (!subscriptions_.contains(std::string(id))) {
      return absl::NotFoundError("no such Subscription");
    }
    return BindingToken{std::string(id), clock_.Now() + token_lifetime_,
                        "ws://localhost/ws/subscriptions-r4"};
  }
  absl::Status DeleteSubscription(std::string_view id) override {
    const absl::Status fault = Fault("delete");
    if (!fault.ok()) return fault;
    const std::lock_guard lock(mutex_);
    subscriptions_.erase(std::string(id));
    return absl::OkStatus();
  }
  absl::StatusOr<LoginInfo> WhoAmI() override {
    const std::lock_guard lock(mutex_);
    return login_;
  }
  absl::StatusOr<ReadAnswer> Read(const fhir::ResourceKey&) override {
    return ReadAnswer{};
  }
  // All Subscriptions, whatever is asked for.
  absl::StatusOr<SearchPage> Search(std::string_view query) override {
    const absl::Status fault = Fault("search");
    if (!fault.ok()) return fault;
    SearchPage page;
    for (const auto& [id, json] : Subscriptions()) {
      const std::lock_guard lock(mutex_);
      page.resources.push_back(
          StrCat(R"({"id":")", id, R"(","meta":{"lastUpdated":")",
                 absl::FormatTime(created_at_[id]), R"("},)", json.substr(1)));
    }
    const std::lock_guard lock(mutex_);
    searches_.emplace_back(query);
    return page;
  }
  absl::StatusOr<SearchPage> NextPage(std::string_view) override {
    return SearchPage{};
  }
  absl::StatusOr<std::string> ServerVersion() override { return "5.1.29"; }

  absl::StatusOr<std::unique_ptr<WebSocket>> Connect(
      std::string_view, absl::Duration, WebSocketCallbacks callbacks,
      const std::stop_token&) override {
    const absl::Status fault = Fault("connect");
    if (!fault.ok()) return fault;
    auto line = std::make_shared<Line>();
    line->callbacks = std::move(callbacks);
    const std::lock_guard lock(mutex_);
    sockets_.insert(line);
    return std::make_unique<Socket>(*this, std::move(line));
  }

  // Of both interfaces.
  void Stop() override {
    FailWhen([](std::string_view) { return absl::CancelledError("stopped"); });
  }

 private:
  // One connection; `mutex` is held while something of it is called.
  struct Line {
    std::mutex mutex;
    WebSocketCallbacks callbacks;
    std::set<std::string> bound;
  };

  class Socket : public WebSocket {
   public:
    Socket(SubscriptionServer& server, std::shared_ptr<Line> line)
        : server_(server), line_(std::move(line)) {}
    ~Socket() override { server_.Close(line_); }
    void Send(std::string text) override { server_.Receive(*line_, text); }

   private:
    SubscriptionServer& server_;
    const std::shared_ptr<Line> line_;
  };

  absl::Status Fault(const std::string& call) {
    std::function<absl::Status(std::string_view)> fault;
    {
      const std::lock_guard lock(mutex_);
      ++calls_[call];
      fault = fault_;
    }
    return fault ? fault(call) : absl::OkStatus();
  }

  template <typename Visit>
  void ForEachSocket(Visit visit) {
    std::set<std::shared_ptr<Line>> lines;
    {
      const std::lock_guard lock(mutex_);
      lines = sockets_;
    }
    for (const std::shared_ptr<Line>& line : lines) {
      const std::lock_guard lock(line->mutex);
      visit(*line);
    }
  }

  void Receive(Line& line, const std::string& text) {
    simdjson::dom::parser parser;
    simdjson::dom::element message;
    std::string_view token;
    if (parser.parse(text).get(message) != simdjson::SUCCESS ||
        message["payload"]["token"].get(token) != simdjson::SUCCESS ||
        fhir::StringMember(message, "type") != "bind-with-token") {
      return;
    }
    const std::lock_guard lock(line.mutex);
    if (!Fault("bind").ok()) return;
    line.bound.insert(std::string(token));
    if (line.callbacks.text) line.callbacks.text(HandshakeFrame(token));
  }

  // The server deletes what was bound.
  void Close(const std::shared_ptr<Line>& line) {
    const std::lock_guard line_lock(line->mutex);
    line->callbacks = {};
    const std::lock_guard lock(mutex_);
    if (!keep_bound_) {
      for (const std::string& id : line->bound) subscriptions_.erase(id);
    }
    sockets_.erase(line);
  }

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::function<absl::Status(std::string_view)> fault_;
  LoginInfo login_{.project = "p", .project_admin = true};
  absl::Duration token_lifetime_ = absl::Hours(1);
  int created_ = 0;
  bool keep_bound_ = false;
  std::map<std::string, std::string> subscriptions_;
  std::map<std::string, absl::Time> created_at_;
  std::vector<std::string> searches_;
  std::map<std::string, int> calls_;
  std::set<std::shared_ptr<Line>> sockets_;
};

}  // namespace pdp::medplum

#endif  // PDP_TESTS_SUPPORT_SUBSCRIPTION_SERVER_H_
