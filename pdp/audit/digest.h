// SHA-256, as the audit log uses it: over records that are chained to each
// other, and over whole files.

#ifndef PDP_AUDIT_DIGEST_H_
#define PDP_AUDIT_DIGEST_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace pdp::audit {

using Hash = std::array<uint8_t, 32>;

// 64 hexadecimal digits, in lower case.
std::string ToHex(const Hash& hash);
void AppendHex(const Hash& hash, std::string& out);
// Nothing where `hex` is not what ToHex returns.
std::optional<Hash> FromHex(std::string_view hex);

// For one thread at a time.
class Digest {
 public:
  Digest();
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void Update(std::string_view bytes);
  // Of all bytes since the last Finish, or since it was made.
  Hash Finish();

  // Of the bytes of `previous`, and then those of `text`.
  Hash Link(const Hash& previous, std::string_view text);

 private:
  evp_md_ctx_st* context_;
};

}  // namespace pdp::audit

#endif  // PDP_AUDIT_DIGEST_H_
