#include "pdp/audit/digest.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace pdp::audit {
namespace {

// Looking an algorithm up takes longer than hashing a record.
const EVP_MD* Sha256() {
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return sha256;
}

// What fails here is memory.
void Demand(int one) {
  if (one != 1) std::abort();
}

int HexValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

void AppendHex(const Hash& hash, std::string& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const size_t begin = out.size();
  out.resize(begin + 2 * hash.size());
  char* digit = out.data() + begin;
  for (const uint8_t byte : hash) {
    *digit++ = kDigits[byte >> 4];
    *digit++ = kDigits[byte & 0xf];
  }
}

std::string ToHex(const Hash& hash) {
  std::string hex;
  AppendHex(hash, hex);
  return hex;
}

std::optional<Hash> FromHex(std::string_view hex) {
  Hash hash;
  if (hex.size() != 2 * hash.size()) return std::nullopt;
  for (size_t i = 0; i < hash.size(); ++i) {
    const int high = HexValue(hex[2 * i]);
    const int low = HexValue(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    hash[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return hash;
}

Digest::Digest() : context_(EVP_MD_CTX_new()) {
  Demand(EVP_DigestInit_ex2(context_, Sha256(), nullptr));
}

Digest::~Digest() { EVP_MD_CTX_free(context_); }

void Digest::Update(std::string_view bytes) {
  Demand(EVP_DigestUpdate(context_, bytes.data(), bytes.size()));
}

Hash Digest::Finish() {
  Hash hash;
  Demand(EVP_DigestFinal_ex(context_, hash.data(), nullptr));
  Demand(EVP_DigestInit_ex2(context_, nullptr, nullptr));
  return hash;
}

Hash Digest::Link(const Hash& previous, std::string_view text) {
  Demand(EVP_DigestUpdate(context_, previous.data(), previous.size()));
  Update(text);
  return Finish();
}

}  // namespace pdp::audit
