#include "tests/support/test_certificates.hpp"

#include <cstdio>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "shared/core/assert.hpp"

namespace perkline::test {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

constexpr long backdated_s = -3600;  // Machines whose clocks differ a little.
constexpr long valid_s = 24 * 3600;

void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  PERKLINE_ASSERT(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

Certificate blank_certificate(EVP_PKEY* key, const std::string& common_name, long serial) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), backdated_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), valid_s);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  return certificate;
}

std::unique_ptr<std::FILE, Free> created(const std::string& path) {
  std::unique_ptr<std::FILE, Free> file(std::fopen(path.c_str(), "w"));
  PERKLINE_ASSERT(file != nullptr);
  return file;
}

bool is_address(const std::string& host) {
  return host.find_first_not_of("0123456789.") == std::string::npos || host.contains(':');
}

}  // namespace

struct TestCertificates::Authority {
  Key key{EVP_EC_gen("P-256")};
  Certificate certificate = blank_certificate(key.get(), "Perkline test CA", 1);
};

TestCertificates::TestCertificates()
    : ca_file_(dir_.file("ca.pem")), authority_(std::make_unique<Authority>()) {
  X509* certificate = authority_->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  extend(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate, certificate, NID_key_usage, "critical,keyCertSign");
  extend(certificate, certificate, NID_subject_key_identifier, "hash");
  PERKLINE_ASSERT(X509_sign(certificate, authority_->key.get(), EVP_sha256()) > 0);
  PERKLINE_ASSERT(PEM_write_X509(created(ca_file_).get(), certificate) == 1);
}
TestCertificates::~TestCertificates() = default;

TestCertificates::Files TestCertificates::server(const std::string& host) {
  const Key key(EVP_EC_gen("P-256"));
  X509* issuer = authority_->certificate.get();
  const Certificate certificate = blank_certificate(key.get(), host, 2 + made_);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
  extend(certificate.get(), issuer, NID_subject_alt_name, (is_address(host) ? "IP:" : "DNS:") + host);
  extend(certificate.get(), issuer, NID_ext_key_usage, "serverAuth");
  PERKLINE_ASSERT(X509_sign(certificate.get(), authority_->key.get(), EVP_sha256()) > 0);

  const std::string stem = dir_.file("server-" + std::to_string(made_++));
  Files files{.cert_file = stem + ".pem", .key_file = stem + ".key"};
  PERKLINE_ASSERT(PEM_write_X509(created(files.cert_file).get(), certificate.get()) == 1);
  PERKLINE_ASSERT(PEM_write_PrivateKey(created(files.key_file).get(), key.get(), nullptr, nullptr, 0, nullptr,
                                       nullptr) == 1);
  return files;
}

}  // namespace perkline::test
