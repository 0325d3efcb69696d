#include "shared/net/tls.hpp"

#include <boost/asio/ip/address.hpp>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace perkline::net {
namespace {

namespace ssl = boost::asio::ssl;

void harden(ssl::context& context) {
  SSL_CTX* raw = context.native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  // Idle connections are many: they need not hold OpenSSL's buffers.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
}

}  // namespace

Result<ssl::context> make_server_tls(const std::string& cert_file, const std::string& key_file) {
  ssl::context context(ssl::context::tls_server);
  harden(context);
  boost::system::error_code error;
  // Without it OpenSSL would ask on the terminal for an encrypted key's password.
  context.set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string(); },
                                error);
  context.use_certificate_chain_file(cert_file, error);
  if (error) return fail(Errc::bad_request, "no certificate chain in PEM: " + cert_file);
  context.use_private_key_file(key_file, ssl::context::pem, error);
  if (error) return fail(Errc::bad_request, "no private key in PEM, or not this certificate's: " + key_file);
  if (SSL_CTX_check_private_key(context.native_handle()) != 1) {
    return fail(Errc::bad_request, "the private key is not this certificate's: " + key_file);
  }
  return context;
}

Result<ssl::context> make_client_tls(const std::string& ca_file) {
  ssl::context context(ssl::context::tls_client);
  harden(context);
  context.set_verify_mode(ssl::verify_peer);
  SSL_CTX_set_session_cache_mode(context.native_handle(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  boost::system::error_code error;
  if (ca_file.empty()) {
    context.set_default_verify_paths(error);
    if (error) return fail(Errc::bad_request, "the system's certificate store cannot be read");
  } else {
    context.load_verify_file(ca_file, error);
    if (error) return fail(Errc::bad_request, "no CA certificates in PEM: " + ca_file);
  }
  return context;
}

bool expect_host(SSL* handle, const std::string& host) {
  boost::system::error_code no_address;
  boost::asio::ip::make_address(host, no_address);
  X509_VERIFY_PARAM* rules = SSL_get0_param(handle);
  if (!no_address) return X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(handle, host.c_str()) == 1 && SSL_set_tlsext_host_name(handle, host.c_str()) == 1;
}

std::string handshake_fault(SSL* handle) {
  switch (const long verdict = SSL_get_verify_result(handle)) {
    case X509_V_OK:
      return "TLS handshake failed";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "TLS: the certificate is for another host";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "TLS: the certificate has expired";
    default:
      return "TLS: the certificate is not trusted (verification code " + std::to_string(verdict) + ")";
  }
}

}  // namespace perkline::net
