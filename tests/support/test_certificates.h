// Certificates for tests of TLS, made anew in each.

#ifndef PDP_TESTS_SUPPORT_TEST_CERTIFICATES_H_
#define PDP_TESTS_SUPPORT_TEST_CERTIFICATES_H_

#include <memory>
#include <string>

namespace pdp {

struct ServerCertificate {
  std::string certificate;  // PEM.
  std::string private_key;  // PEM.
};

// An authority that nobody trusts but who is given its certificate.
class TestAuthority {
 public:
  TestAuthority();
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  // PEM.
  const std::string& certificate() const { return certificate_; }

  // For the names, as a subjectAltName has them: `DNS:localhost,IP:127.0.0.1`.
  ServerCertificate Issue(const std::string& names) const;

  // For one DNS name, whatever bytes that has; ends `lasts` seconds from now.
  ServerCertificate IssueRaw(const std::string& dns_name,
                             long lasts = 3600) const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
  std::string certificate_;
};

}  // namespace pdp

#endif  // PDP_TESTS_SUPPORT_TEST_CERTIFICATES_H_
