#include "pdp/auth/tls_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>
#include <string_view>
#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "pdp/medplum/secret_file.h"

namespace pdp::auth {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

absl::Status Unusable(const std::string& path, std::string_view why) {
  ERR_clear_error();
  return absl::InvalidArgumentError(StrCat("`", path, "` ", why));
}

// As ReadSecretFile: within bounds, and never waiting.
absl::StatusOr<std::string> ReadFile(const std::string& path) {
  absl::StatusOr<std::string> content = medplum::ReadSecretFile(path);
  if (!content.ok()) {
    return absl::InvalidArgumentError(content.status().message());
  }
  return content;
}

Bio Over(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// One that has a passphrase is not waited for.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*rw*/, void* /*data*/) {
  return -1;
}

// The first; and every other has to be one, too.
absl::StatusOr<Certificate> FirstCertificate(const std::string& path,
                                             const std::string& pem) {
  const Bio bio = Over(pem);
  Certificate first;
  while (Certificate next{
      PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)}) {
    if (first == nullptr) first = std::move(next);
  }
  const unsigned long error = ERR_peek_last_error();
  const bool is_at_end = ERR_GET_LIB(error) == ERR_LIB_PEM &&
                         ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (first == nullptr) return Unusable(path, "holds no certificate (PEM)");
  if (!is_at_end) return Unusable(path, "holds a damaged certificate");
  ERR_clear_error();
  return first;
}

absl::StatusOr<absl::Time> TimeOf(const std::string& path,
                                  const ASN1_TIME* time) {
  std::tm parts = {};
  if (ASN1_TIME_to_tm(time, &parts) != 1) {
    return Unusable(path, "has no time that can be read");
  }
  return absl::FromTM(parts, absl::UTCTimeZone());
}

absl::Status CheckTimes(const std::string& path, const X509* certificate,
                        absl::Time now, absl::Time& expires) {
  PDP_ASSIGN_OR_RETURN(const absl::Time begins,
                       TimeOf(path, X509_get0_notBefore(certificate)));
  PDP_ASSIGN_OR_RETURN(expires, TimeOf(path, X509_get0_notAfter(certificate)));
  if (now < begins) return Unusable(path, "is not valid yet");
  if (now >= expires) return Unusable(path, "has expired");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsFiles>> TlsFiles::Open(TlsPaths paths,
                                                         const Clock& clock) {
  std::unique_ptr<TlsFiles> files(new TlsFiles(std::move(paths), clock));
  PDP_RETURN_IF_ERROR(files->Reload());
  return files;
}

absl::StatusOr<TlsMaterial> TlsFiles::Read() const {
  TlsMaterial read;
  PDP_ASSIGN_OR_RETURN(read.certificates, ReadFile(paths_.certificate_file));
  PDP_ASSIGN_OR_RETURN(
      const Certificate certificate,
      FirstCertificate(paths_.certificate_file, read.certificates));
  PDP_RETURN_IF_ERROR(CheckTimes(paths_.certificate_file, certificate.get(),
                                 clock_.Now(), read.expires));
  PDP_ASSIGN_OR_RETURN(read.private_key, ReadFile(paths_.private_key_file));
  const Key key(PEM_read_bio_PrivateKey(Over(read.private_key).get(), nullptr,
                                        NoPassphrase, nullptr));
  if (key == nullptr) {
    return Unusable(paths_.private_key_file,
                    "holds no private key without a passphrase (PEM)");
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return Unusable(
        paths_.private_key_file,
        StrCat("is not the key of `", paths_.certificate_file, "`"));
  }
  if (!paths_.client_ca_file.empty()) {
    PDP_ASSIGN_OR_RETURN(read.client_authorities,
                         ReadFile(paths_.client_ca_file));
    PDP_RETURN_IF_ERROR(
        FirstCertificate(paths_.client_ca_file, read.client_authorities)
            .status());
  }
  return read;
}

absl::Status TlsFiles::Reload() {
  absl::StatusOr<TlsMaterial> read = Read();
  if (!read.ok()) {
    ++failed_reloads_;
    return read.status();
  }
  MutexLock lock(mutex_);
  if (current_ != nullptr && *current_ == *read) return absl::OkStatus();
  current_ = std::make_shared<const TlsMaterial>(*std::move(read));
  ++generation_;
  return absl::OkStatus();
}

std::shared_ptr<const TlsMaterial> TlsFiles::Current() const {
  MutexLock lock(mutex_);
  return current_;
}

}  // namespace pdp::auth
