// ConfiguredSource: the source that the settings name, with all that it is made
// of.

#ifndef PDP_CONFIGURED_SOURCE_H_
#define PDP_CONFIGURED_SOURCE_H_

#include <functional>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "pdp/base/feed_freshness.h"
#include "pdp/policy/access_tokens.h"
#include "pdp/service/settings.h"
#include "pdp/sync/attribute_cache.h"
#include "pdp/sync/source.h"
#include "pdp/sync/store_lookup.h"
#include "store/store.h"

namespace pdp {

class ConfiguredSource {
 public:
  // Builds it, and starts nothing yet.  Adds its feeds to `feeds`, which must
  // outlive it as `store` must.  `changed` runs after each change of the store.
  //
  // InvalidArgument: the settings name what cannot be used: a directory or a
  // file that is not there.  Other errors are the store's.
  static absl::StatusOr<std::unique_ptr<ConfiguredSource>> Make(
      const service::Settings& settings, store::Store& store,
      FreshnessTable& feeds, sync::AttributeCache* attributes,
      sync::ChangeCallback changed);

  virtual ~ConfiguredSource() = default;

  virtual sync::Source& source() = 0;

  // Null: the source has no access tokens.
  virtual policy::AccessTokens* access_tokens() { return nullptr; }
};

// Where what is read by reference is kept; null where the source has it all.
std::unique_ptr<sync::AttributeCache> MakeAttributeCache(
    const service::Settings& settings);

// What a look-up in a store that this source feeds can tell.
sync::StoreLookup::Options LookupOptions(const service::Settings& settings,
                                         sync::AttributeCache* attributes);

// Which resource types this source reads; empty: all.
std::function<bool(std::string_view type)> KeptTypes(
    const service::Settings& settings);

}  // namespace pdp

#endif  // PDP_CONFIGURED_SOURCE_H_
