#include "pdp/audit/signing_key.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <utility>

#include "absl/status/status.h"
#include "pdp/audit/digest.h"
#include "pdp/base/status_macros.h"
#include "pdp/medplum/secret_file.h"

namespace pdp::audit {
namespace {

constexpr size_t kSignatureBytes = 64;
constexpr size_t kIdDigits = 16;

using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

// A key with a passphrase is refused rather than asked about on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

Bio Open(std::string_view pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
          BIO_free_all};
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string PublicDer(EVP_PKEY* key) {
  unsigned char* data = nullptr;
  const int size = i2d_PUBKEY(key, &data);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<char*>(data), static_cast<size_t>(size));
  OPENSSL_free(data);
  return der;
}

}  // namespace

absl::StatusOr<SigningKey> SigningKey::Own(evp_pkey_st* key) {
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        "no Ed25519 key in PEM without a passphrase; make one with `openssl "
        "genpkey -algorithm ed25519`");
  }
  SigningKey owned;
  owned.key_.reset(key, EVP_PKEY_free);
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
    return absl::InvalidArgumentError(
        "no Ed25519 key, but one of another algorithm");
  }
  Digest digest;
  digest.Update(PublicDer(key));
  owned.id_ = ToHex(digest.Finish()).substr(0, kIdDigits);
  return owned;
}

absl::StatusOr<SigningKey> SigningKey::FromPrivatePem(std::string_view pem) {
  return Own(
      PEM_read_bio_PrivateKey(Open(pem).get(), nullptr, NoPassphrase, nullptr));
}

absl::StatusOr<SigningKey> SigningKey::FromPublicPem(std::string_view pem) {
  return Own(
      PEM_read_bio_PUBKEY(Open(pem).get(), nullptr, NoPassphrase, nullptr));
}

absl::StatusOr<SigningKey> SigningKey::FromPrivateFile(
    const std::string& path) {
  PDP_ASSIGN_OR_RETURN(const std::string pem, medplum::ReadSecretFile(path));
  return FromPrivatePem(pem);
}

absl::StatusOr<SigningKey> SigningKey::FromPublicFile(const std::string& path) {
  PDP_ASSIGN_OR_RETURN(const std::string pem, medplum::ReadSecretFile(path));
  return FromPublicPem(pem);
}

std::string SigningKey::Sign(std::string_view text) const {
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::string signature(kSignatureBytes, '\0');
  size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr,
                         key_.get()) != 1 ||
      EVP_DigestSign(context.get(),
                     reinterpret_cast<unsigned char*>(signature.data()), &size,
                     Bytes(text), text.size()) != 1) {
    return {};
  }
  return signature;
}

bool SigningKey::Verifies(std::string_view text,
                          std::string_view signature) const {
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr,
                              key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(),
                          Bytes(text), text.size()) == 1;
}

std::string SigningKey::PublicPem() const {
  const Bio bio(BIO_new(BIO_s_mem()), BIO_free_all);
  if (PEM_write_bio_PUBKEY(bio.get(), key_.get()) != 1) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

}  // namespace pdp::audit
