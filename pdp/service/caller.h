// Caller: the service that calls this one, and what it may ask.

#ifndef PDP_SERVICE_CALLER_H_
#define PDP_SERVICE_CALLER_H_

#include <cstdint>
#include <string>
#include <vector>

namespace pdp::service {

enum class Permission : uint8_t {
  kCheck = 1 << 0,   // Check, BatchCheck, CheckStream, WatchRevisions.
  kFilter = 1 << 1,  // Filter, FilterResources.
  kExplain = 1 << 2,
  kDescribe = 1 << 3,
  kSimulate = 1 << 4,
  kRecord = 1 << 5,   // RecordAccess.
  kAdmin = 1 << 6,    // PdpAdmin.
  kGateway = 1 << 7,  // ext_authz, forward-auth.
};

// For whom a caller may ask.
enum class SubjectsRule : uint8_t {
  kOwn,    // The ClientApplication, Bot or membership in `Caller.subjects`.
  kToken,  // Whoever's access token it presents.
  kAny,    // Anybody.
};

// What a caller may say of a resource.
enum class ResourcesRule : uint8_t {
  kReference,  // Its type and id; this server finds out the rest.
  kInline,     // Its content, which is believed.
};

inline constexpr uint8_t kAllPermissions = (1 << 8) - 1;

struct Caller {
  std::string name;
  uint8_t permissions = 0;  // Of Permission.
  // Ids of Projects; empty: all.
  std::vector<std::string> projects;
  SubjectsRule subjects_rule = SubjectsRule::kOwn;
  std::vector<std::string> subjects;  // References, with kOwn.
  ResourcesRule resources_rule = ResourcesRule::kReference;

  bool May(Permission permission) const {
    return (permissions & static_cast<uint8_t>(permission)) != 0;
  }
};

}  // namespace pdp::service

#endif  // PDP_SERVICE_CALLER_H_
