#include "pdp/medplum/subscription_set.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "pdp/base/status_context.h"
#include "pdp/base/status_macros.h"
#include "pdp/medplum/required_access.h"
#include "pdp/medplum/subscription.h"

namespace pdp::medplum {
namespace {

absl::Status Stopped() { return absl::CancelledError("stopped"); }

// Codes that a refusal by the server's rules has; others are trouble.
bool IsRefusal(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsPermissionDenied(status);
}

}  // namespace

SubscriptionSet::SubscriptionSet(Api& api, WebSocketConnector& sockets,
                                 const Clock& clock,
                                 const SubscriptionSetOptions& options,
                                 PerType per_type,
                                 std::function<void(Notification)> notify,
                                 FrameCounters& counters)
    : api_(api),
      sockets_(sockets),
      clock_(clock),
      options_(options),
      per_type_(per_type),
      notify_(std::move(notify)),
      counters_(counters) {}

SubscriptionSet::~SubscriptionSet() = default;

absl::Status SubscriptionSet::Open(const std::stop_token& stop) {
  if (options_.types.empty()) {
    return absl::InvalidArgumentError("no types to watch");
  }
  for (const std::string& type : options_.types) {
    PDP_RETURN_IF_ERROR(Subscribe(type, per_type_, stop));
  }
  for (const std::string& type : options_.types_of_one) {
    PDP_RETURN_IF_ERROR(Subscribe(type, PerType::kOne, stop));
  }
  const std::lock_guard lock(mutex_);
  is_open_ = true;
  last_heartbeat_ = clock_.SinceBoot();
  return absl::OkStatus();
}

absl::Status SubscriptionSet::Subscribe(const std::string& type,
                                        PerType per_type,
                                        const std::stop_token& stop) {
  const std::span<const Interaction> all(kAllInteractions);
  const size_t at_once = per_type == PerType::kOne ? all.size() : 1;
  for (size_t i = 0; i < all.size(); i += at_once) {
    if (stop.stop_requested()) return Stopped();
    PDP_ASSIGN_OR_RETURN(const std::string id,
                         Create(type, all.subspan(i, at_once)));
    PDP_ASSIGN_OR_RETURN(BindingToken token, GetToken(id));
    PDP_RETURN_IF_ERROR(Bind({&id, 1}, {std::move(token)}, stop));
  }
  return absl::OkStatus();
}

absl::Status SubscriptionSet::Rebind(const std::stop_token& stop) {
  rebind_at_ = absl::InfiniteDuration();
  std::vector<BindingToken> tokens;
  for (const std::string& id : ids_) {
    if (stop.stop_requested()) return Stopped();
    PDP_ASSIGN_OR_RETURN(tokens.emplace_back(), GetToken(id));
  }
  return Bind(ids_, tokens, stop);
}

absl::Status SubscriptionSet::Probe() {
  const std::string& id = ids_[probed_++ % ids_.size()];
  const absl::Status answer = api_.GetBindingToken(id).status();
  if (absl::IsNotFound(answer)) {
    return absl::UnavailableError("the server has lost a Subscription");
  }
  if (IsRefusal(answer) || absl::IsUnauthenticated(answer)) {
    return Explain(answer, "a Subscription cannot be bound any more");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SubscriptionSet::Create(
    const std::string& type, std::span<const Interaction> interactions) {
  absl::StatusOr<std::string> id = api_.CreateSubscription(
      WebSocketSubscription(type, interactions, options_.reason));
  if (!id.ok()) return Explain(id.status(), "a Subscription cannot be made");
  ids_.push_back(*id);
  const std::lock_guard lock(mutex_);
  members_[*id] = {.type = type,
                   .interactions = {interactions.begin(), interactions.end()}};
  return id;
}

absl::StatusOr<BindingToken> SubscriptionSet::GetToken(const std::string& id) {
  const absl::Duration began = clock_.SinceBoot();
  absl::StatusOr<BindingToken> token = api_.GetBindingToken(id);
  if (!token.ok()) {
    return Explain(token.status(), "a Subscription cannot be bound");
  }
  // The server's clock may differ from ours: what is not plausible is not
  // believed.
  absl::Duration lifetime = token->expiration - clock_.Now();
  if (lifetime <= absl::ZeroDuration()) lifetime = options_.token_lifetime / 2;
  lifetime = std::min(lifetime, options_.token_lifetime);
  rebind_at_ =
      std::min(rebind_at_, began + lifetime -
                               std::min(options_.token_margin, lifetime / 4));
  return token;
}

absl::Status SubscriptionSet::Bind(std::span<const std::string> ids,
                                   const std::vector<BindingToken>& tokens,
                                   const std::stop_token& stop) {
  for (const BindingToken& token : tokens) {
    if (token.web_socket_url != tokens[0].web_socket_url) {
      return absl::DataLossError("the server names several WebSockets");
    }
  }
  if (stop.stop_requested()) return Stopped();
  PDP_RETURN_IF_ERROR(Connect(tokens[0].web_socket_url, stop));
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& id : ids) members_[id].is_binding = true;
    binding_ = ids.size();
  }
  const absl::Duration deadline = clock_.SinceBoot() + options_.answer_timeout;
  for (const BindingToken& token : tokens) {
    socket_->Send(BindMessage(token.token));
  }
  PDP_ASSIGN_OR_RETURN(const bool bound,
                       Wait(deadline, stop, [this] { return binding_ == 0; }));
  if (bound) return absl::OkStatus();
  const std::lock_guard lock(mutex_);
  return absl::UnavailableError(StrCat("the server did not bind ", binding_,
                                       " of ", members_.size(),
                                       " Subscriptions in time"));
}

absl::Status SubscriptionSet::Connect(const std::string& url,
                                      const std::stop_token& stop) {
  if (socket_ != nullptr) {
    if (url == url_) return absl::OkStatus();
    return absl::UnavailableError("the server names another WebSocket now");
  }
  url_ = url;
  PDP_ASSIGN_OR_RETURN(
      socket_,
      sockets_.Connect(
          url, options_.answer_timeout,
          {.text = [this](std::string_view text) { OnText(text); },
           .closed = [this](absl::Status why) { Die(std::move(why)); }},
          stop));
  return absl::OkStatus();
}

absl::Status SubscriptionSet::Explain(const absl::Status& status,
                                      std::string_view what) {
  if (!IsRefusal(status)) return InContext(what, status);
  const absl::StatusOr<LoginFacts> facts = ReadLoginFacts(api_);
  if (facts.ok() && facts->login.super_admin) {
    return absl::FailedPreconditionError(StrCat(
        what,
        ": a super admin cannot have WebSocket Subscriptions; use a login of "
        "the project, or `notifications: rest_hook` or `none`"));
  }
  if (ToStd(status.message()).find("maximum number of concurrent") !=
      std::string_view::npos) {
    return absl::ResourceExhaustedError(
        StrCat(what, ": ", ToStd(status.message()), "; each server needs ",
               options_.types.size(),
               " at least: give each a login of its own, or raise "
               "`maxUserWebSocketSubscriptions` in Project.systemSetting"));
  }
  std::string missing;
  if (facts.ok()) {
    const RequiredAccess required{.project = facts->login.project,
                                  .types = options_.types};
    for (const MissingAccess& one : FindMissingAccess(*facts, required)) {
      missing += StrCat("; ", one.what);
    }
  }
  return absl::FailedPreconditionError(
      StrCat(what, ": ", ToStd(status.message()), missing));
}

absl::Status SubscriptionSet::WaitUntil(absl::Duration moment,
                                        const std::stop_token& stop) {
  return Wait(moment, stop, [] { return false; }).status();
}

template <typename Condition>
absl::StatusOr<bool> SubscriptionSet::Wait(absl::Duration moment,
                                           const std::stop_token& stop,
                                           Condition done) {
  std::unique_lock lock(mutex_);
  while (true) {
    if (stop.stop_requested()) return Stopped();
    if (!death_.ok()) return death_;
    const absl::Duration now = clock_.SinceBoot();
    if (is_open_ && now - last_heartbeat_ > options_.heartbeat_timeout) {
      return absl::UnavailableError("the WebSocket is silent");
    }
    if (done()) return true;
    if (now >= moment) return false;
    const absl::Duration pause = std::min(moment - now, options_.tick);
    changed_.wait_for(lock, stop, absl::ToChronoNanoseconds(pause),
                      [&] { return !death_.ok() || done(); });
  }
}

void SubscriptionSet::Die(absl::Status why) {
  {
    const std::lock_guard lock(mutex_);
    if (death_.ok()) death_ = std::move(why);
  }
  changed_.notify_all();
}

void SubscriptionSet::OnText(std::string_view text) {
  const int64_t now = absl::ToUnixNanos(clock_.Now());
  counters_.last_frame = now;
  absl::StatusOr<SubscriptionFrame> frame = ParseSubscriptionFrame(text);
  if (!frame.ok()) {
    ++counters_.malformed;
    return Die(absl::UnavailableError(frame.status().message()));
  }
  absl::Status status;
  Notification notification;
  bool is_event = false;
  {
    const std::lock_guard lock(mutex_);
    switch (frame->kind) {
      case SubscriptionFrame::Kind::kPong:
        break;
      case SubscriptionFrame::Kind::kHandshake:
        status = OnHandshake(*frame);
        break;
      case SubscriptionFrame::Kind::kHeartbeat:
        status = OnHeartbeat(*frame);
        break;
      case SubscriptionFrame::Kind::kEvent:
        is_event = FindEvent(*frame, notification);
        break;
    }
  }
  if (is_event) {
    counters_.last_event = now;
    ++counters_.events[static_cast<size_t>(notification.interaction)];
    notify_(std::move(notification));
  } else if (!status.ok()) {
    Die(std::move(status));
  } else {
    changed_.notify_all();
  }
}

absl::Status SubscriptionSet::OnHandshake(const SubscriptionFrame& frame) {
  for (const std::string& id : frame.subscriptions) {
    const auto member = members_.find(id);
    if (member == members_.end()) {
      ++counters_.foreign;
      continue;
    }
    member->second.is_bound = true;
    if (!std::exchange(member->second.is_binding, false)) continue;
    --binding_;
  }
  return absl::OkStatus();
}

absl::Status SubscriptionSet::OnHeartbeat(const SubscriptionFrame& frame) {
  ++counters_.heartbeats;
  last_heartbeat_ = clock_.SinceBoot();
  StringSet listed;
  for (const std::string& id : frame.subscriptions) {
    listed.insert(id);
    if (!members_.contains(id)) ++counters_.foreign;
  }
  for (const auto& [id, member] : members_) {
    if (member.is_bound && !listed.contains(id)) {
      return absl::UnavailableError(
          StrCat("the server has lost the Subscription to ",
                 InteractionName(member.interactions[0]), " of ", member.type));
    }
  }
  return absl::OkStatus();
}

bool SubscriptionSet::FindEvent(SubscriptionFrame& frame,
                                Notification& notification) {
  const auto member = members_.find(frame.subscriptions[0]);
  if (member == members_.end() || member->second.type != frame.focus.type) {
    ++counters_.foreign;
    return false;
  }
  // One of several may be a delete, which is what is read most carefully.
  const std::vector<Interaction>& interactions = member->second.interactions;
  notification.interaction =
      interactions.size() == 1 ? interactions[0] : Interaction::kDelete;
  notification.key = std::move(frame.focus);
  // A delete comes with the last version that lived.
  if (notification.interaction != Interaction::kDelete) {
    notification.version_id = std::move(frame.version_id);
  }
  return true;
}

}  // namespace pdp::medplum
