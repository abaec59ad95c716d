#include "pdp/configured_source.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "pdp/base/clock.h"
#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/client.h"
#include "pdp/medplum/rest_hook_channel.h"
#include "pdp/medplum/rest_hook_routes.h"
#include "pdp/medplum/token_client.h"
#include "pdp/medplum/web_socket.h"
#include "pdp/medplum/web_socket_channel.h"
#include "pdp/medplum_options.h"
#include "pdp/service/http_server.h"
#include "pdp/sync/directory_source.h"
#include "pdp/sync/medplum_source.h"
#include "pdp/sync/mirror.h"
#include "pdp/sync/mirrored_types.h"
#include "pdp/sync/token_binder.h"

namespace pdp {
namespace {

class ConfiguredDirectory final : public ConfiguredSource {
 public:
  ConfiguredDirectory(const service::Settings& settings, store::Store& store,
                      FreshnessTable& feeds, sync::ChangeCallback changed)
      : source_({.path = settings.source_directory,
                 .rescan_interval =
                     std::min(absl::Seconds(10), settings.max_staleness / 3),
                 .freshness = &feeds.Add("")},
                store, std::move(changed)) {}

  sync::Source& source() override { return source_; }

 private:
  sync::DirectorySource source_;
};

std::vector<std::string> WholeTypes() {
  std::vector<std::string> types;
  for (const sync::MirroredType& type : sync::MirroredTypes()) {
    if (type.kept == sync::Mirrored::kWhole) types.emplace_back(type.name);
  }
  return types;
}

// Where the endpoint receives the hooks of a project; then its route's name.
constexpr std::string_view kRestHookPath = "medplum/rest-hook/";

std::string RouteName(std::string_view project) {
  return std::string(project.empty() ? "all" : project);
}

class ConfiguredMedplum final : public ConfiguredSource {
 public:
  absl::Status Build(const service::MedplumSettings& settings,
                     store::Store& store, FreshnessTable& feeds,
                     sync::AttributeCache* attributes,
                     sync::ChangeCallback changed) {
    const std::string name = StrCat("medplum:", settings.base_url);
    sync::Mirror::Options mirror{.source = name};
    for (const service::MedplumLogin& login : settings.logins) {
      if (login.all_projects()) {
        mirror.all_others = true;
      } else {
        mirror.projects.push_back(login.project);
      }
    }
    PDP_ASSIGN_OR_RETURN(mirror_, sync::Mirror::Open(store, std::move(mirror),
                                                     std::move(changed)));
    PDP_RETURN_IF_ERROR(StartReceiving(settings));
    PDP_RETURN_IF_ERROR(CheckSubscribedTypes(settings));

    sync::MedplumSource::Options options{
        .name = name,
        .sweep = {.interval = settings.sweep.interval,
                  .full_interval = settings.sweep.full_interval,
                  .overlap = settings.sweep.overlap},
        .max_searches_per_second =
            static_cast<double>(settings.sweep.max_searches_per_second),
        .attributes = attributes,
        .max_attribute_reads_per_second =
            static_cast<double>(settings.attributes.max_reads_per_second)};
    for (const service::MedplumLogin& login : settings.logins) {
      PDP_ASSIGN_OR_RETURN(sync::MedplumSource::Feed feed,
                           MakeFeed(settings, login, feeds));
      options.feeds.push_back(std::move(feed));
    }
    source_ = std::make_unique<sync::MedplumSource>(std::move(options), store,
                                                    *mirror_);
    return BindTokens(settings);
  }

  sync::Source& source() override { return *source_; }
  policy::AccessTokens* access_tokens() override { return tokens_.get(); }

 private:
  absl::Status CheckSubscribedTypes(const service::MedplumSettings& settings) {
    subscribed_types_ = settings.attributes.subscribed_types;
    for (const std::string& type : subscribed_types_) {
      const sync::MirroredType* const mirrored = sync::FindMirroredType(type);
      if (mirrored == nullptr || mirrored->kept != sync::Mirrored::kWhole) {
        continue;
      }
      return absl::InvalidArgumentError(
          StrCat("attributes.subscribed-types: `", type,
                 "` is followed anyway; leave it out"));
    }
    return absl::OkStatus();
  }

  absl::Status BindTokens(const service::MedplumSettings& settings) {
    PDP_ASSIGN_OR_RETURN(token_client_, medplum::TokenClient::Open(
                                            {.base_url = settings.base_url,
                                             .http = HttpOptionsOf(settings)}));
    const service::AccessTokenSettings& tokens = settings.access_tokens;
    tokens_ = std::make_unique<sync::TokenBinder>(
        sync::TokenBinderOptions{
            .lookup = {.issuer = tokens.issuer,
                       .refetch_interval = tokens.key_refetch_interval},
            .cache = tokens.cache,
            .max_tokens = tokens.max_cached},
        *token_client_, super_admin_);
    return absl::OkStatus();
  }

  absl::StatusOr<sync::MedplumSource::Feed> MakeFeed(
      const service::MedplumSettings& settings,
      const service::MedplumLogin& login, FreshnessTable& feeds) {
    PDP_ASSIGN_OR_RETURN(
        std::unique_ptr<medplum::Client> client,
        medplum::Client::Open(SessionOptionsOf(settings, login)));
    medplum::Api& api = *client;
    if (login.all_projects()) super_admin_ = &api;
    clients_.push_back(std::move(client));

    sync::MedplumSource::Feed feed{.project = login.project,
                                   .api = &api,
                                   .freshness = &feeds.Add(login.project)};
    if (sockets_ != nullptr) {
      feed.web_socket = true;
      feed.start_notifications = [this, &api](medplum::NotificationSink sink) {
        medplum::WebSocketChannelOptions channel;
        channel.set.types = WholeTypes();
        channel.set.types_of_one = subscribed_types_;
        return std::make_shared<medplum::WebSocketChannel>(
            api, *sockets_, Clock::Real(), std::move(channel), std::move(sink));
      };
    }
    if (receiver_ != nullptr) {
      medplum::RestHookChannelOptions channel;
      channel.target = {
          .endpoint = StrCat(settings.rest_hook->endpoint, kRestHookPath,
                             RouteName(login.project)),
          .types = WholeTypes()};
      channel.target.types.insert(channel.target.types.end(),
                                  subscribed_types_.begin(),
                                  subscribed_types_.end());
      channel.secret_file = settings.rest_hook->secret_file;
      feed.start_notifications =
          [this, &api, channel,
           name = RouteName(login.project)](medplum::NotificationSink sink) {
            return routes_.Route(
                name, std::make_unique<medplum::RestHookChannel>(
                          api, Clock::Real(), channel, std::move(sink)));
          };
    }
    return feed;
  }

  absl::Status StartReceiving(const service::MedplumSettings& settings) {
    if (settings.notifications == service::Notifications::kWebSocket) {
      PDP_ASSIGN_OR_RETURN(sockets_, medplum::WebSocketLoop::Start(
                                         {.ca_file = settings.ca_file}));
    }
    if (settings.rest_hook) {
      service::HttpPosts posts;
      for (const service::MedplumLogin& login : settings.logins) {
        const std::string name = RouteName(login.project);
        posts[StrCat("/", kRestHookPath, name)] =
            [this, name](const service::HttpRequest& request) {
              return service::HttpResponse{.status = Receive(name, request)};
            };
      }
      PDP_ASSIGN_OR_RETURN(receiver_, service::HttpServer::Start(
                                          settings.rest_hook->listen,
                                          /*pages=*/{}, std::move(posts)));
    }
    return absl::OkStatus();
  }

  int Receive(const std::string& name, const service::HttpRequest& request) {
    return routes_.Receive(
        name, {.signature = request.Header("X-Signature"),
               .subscription = request.Header("X-Medplum-Subscription"),
               .interaction = request.Header("X-Medplum-Interaction"),
               .deleted_resource = request.Header("X-Medplum-Deleted-Resource"),
               .body = request.body});
  }

  std::vector<std::string> subscribed_types_;
  // In the order in which they use each other.
  std::unique_ptr<sync::Mirror> mirror_;
  std::unique_ptr<medplum::WebSocketLoop> sockets_;
  medplum::RestHookRoutes routes_;
  std::unique_ptr<service::HttpServer> receiver_;
  std::vector<std::unique_ptr<medplum::Client>> clients_;
  medplum::Api* super_admin_ = nullptr;  // May be null.
  std::unique_ptr<sync::MedplumSource> source_;
  std::unique_ptr<medplum::TokenClient> token_client_;
  std::unique_ptr<sync::TokenBinder> tokens_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ConfiguredSource>> ConfiguredSource::Make(
    const service::Settings& settings, store::Store& store,
    FreshnessTable& feeds, sync::AttributeCache* attributes,
    sync::ChangeCallback changed) {
  if (settings.medplum) {
    auto source = std::make_unique<ConfiguredMedplum>();
    PDP_RETURN_IF_ERROR(source->Build(*settings.medplum, store, feeds,
                                      attributes, std::move(changed)));
    return source;
  }
  std::error_code error;
  if (!std::filesystem::is_directory(settings.source_directory, error)) {
    return absl::InvalidArgumentError(
        StrCat("source: `", settings.source_directory, "` is not a directory"));
  }
  return std::make_unique<ConfiguredDirectory>(settings, store, feeds,
                                               std::move(changed));
}

std::unique_ptr<sync::AttributeCache> MakeAttributeCache(
    const service::Settings& settings) {
  if (!settings.medplum) return nullptr;
  return std::make_unique<sync::AttributeCache>(sync::AttributeCache::Options{
      .max_bytes = settings.medplum->attributes.max_bytes,
      .max_age = settings.medplum->sweep.full_interval});
}

sync::StoreLookup::Options LookupOptions(const service::Settings& settings,
                                         sync::AttributeCache* attributes) {
  return {.mirrored_types_only = settings.medplum.has_value(),
          .attributes = attributes};
}

std::function<bool(std::string_view type)> KeptTypes(
    const service::Settings& settings) {
  if (!settings.medplum) return {};
  return [](std::string_view type) {
    return sync::FindMirroredType(type) != nullptr;
  };
}

}  // namespace pdp
