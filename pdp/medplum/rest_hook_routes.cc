#include "pdp/medplum/rest_hook_routes.h"

#include <mutex>
#include <utility>

namespace pdp::medplum {

class RestHookRoutes::Entry {
 public:
  Entry(RestHookRoutes& routes, std::string name,
        std::unique_ptr<RestHookChannel> channel)
      : routes_(routes), name_(std::move(name)), channel_(std::move(channel)) {
    const std::unique_lock lock(routes_.mutex_);
    routes_.channels_[name_] = channel_.get();
  }
  ~Entry() {
    const std::unique_lock lock(routes_.mutex_);
    routes_.channels_.erase(name_);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

 private:
  RestHookRoutes& routes_;
  const std::string name_;
  const std::unique_ptr<RestHookChannel> channel_;
};

std::shared_ptr<void> RestHookRoutes::Route(
    std::string name, std::unique_ptr<RestHookChannel> channel) {
  return std::make_shared<Entry>(*this, std::move(name), std::move(channel));
}

int RestHookRoutes::Receive(std::string_view name,
                            const RestHookRequest& request) const {
  const std::shared_lock lock(mutex_);
  const auto channel = channels_.find(name);
  if (channel == channels_.end()) return HttpStatus(RestHookRefusal::kNotReady);
  return channel->second->Receive(request);
}

}  // namespace pdp::medplum
