#include "tests/support/test_certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdlib>

namespace pdp {
namespace {

template <auto kFree>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;

void Check(bool ok) {
  if (!ok) std::abort();
}

Key MakeKey() { return Key(EVP_EC_gen("P-256")); }

std::string Text(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string ToPem(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  Check(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return Text(bio);
}

std::string ToPem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  Check(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr,
                                 nullptr) == 1);
  return Text(bio);
}

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  Check(extension != nullptr);
  Check(X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

Certificate MakeCertificate(EVP_PKEY* key, const std::string& name) {
  static std::atomic<long> serial = 1;
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(
      X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
      reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

}  // namespace

struct TestAuthority::Impl {
  Key key = MakeKey();
  Certificate certificate = MakeCertificate(key.get(), "Test authority");
};

TestAuthority::TestAuthority() : impl_(std::make_unique<Impl>()) {
  X509* const certificate = impl_->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  AddExtension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate, NID_key_usage, "critical,keyCertSign");
  Check(X509_sign(certificate, impl_->key.get(), EVP_sha256()) > 0);
  certificate_ = ToPem(certificate);
}

TestAuthority::~TestAuthority() = default;

ServerCertificate TestAuthority::Issue(const std::string& names) const {
  const Key key = MakeKey();
  const Certificate certificate = MakeCertificate(key.get(), "Test server");
  X509_set_issuer_name(certificate.get(),
                       X509_get_subject_name(impl_->certificate.get()));
  AddExtension(certificate.get(), NID_subject_alt_name, names);
  Check(X509_sign(certificate.get(), impl_->key.get(), EVP_sha256()) > 0);
  return {ToPem(certificate.get()), ToPem(key.get())};
}

ServerCertificate TestAuthority::IssueRaw(const std::string& dns_name,
                                          long lasts) const {
  const Key key = MakeKey();
  const Certificate certificate = MakeCertificate(key.get(), "Test server");
  X509_set_issuer_name(certificate.get(),
                       X509_get_subject_name(impl_->certificate.get()));
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), lasts);
  ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
  Check(ASN1_STRING_set(text, dns_name.data(),
                        static_cast<int>(dns_name.size())) == 1);
  GENERAL_NAME* const name = GENERAL_NAME_new();
  GENERAL_NAME_set0_value(name, GEN_DNS, text);
  GENERAL_NAMES* const names = sk_GENERAL_NAME_new_null();
  Check(sk_GENERAL_NAME_push(names, name) == 1);
  Check(X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, names, 0,
                          0) == 1);
  GENERAL_NAMES_free(names);
  Check(X509_sign(certificate.get(), impl_->key.get(), EVP_sha256()) > 0);
  return {ToPem(certificate.get()), ToPem(key.get())};
}

}  // namespace pdp
