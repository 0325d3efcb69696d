#pragma once

#include <string>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "shared/core/result.hpp"

/// TLS 1.2 and up; what a context must say is said here once.
namespace perkline::net {

/// Errors: bad_request (a file that is no PEM chain or key, or the two do not belong together).
Result<boost::asio::ssl::context> make_server_tls(const std::string& cert_file, const std::string& key_file);

/// Verifies the peer against `ca_file`, or the system's store when empty. Errors: bad_request.
Result<boost::asio::ssl::context> make_client_tls(const std::string& ca_file);

/// Makes the handshake on `ssl` fail unless the certificate names `host` (a name, or an address without
/// brackets), and asks for that name (SNI). False when OpenSSL refuses the name.
bool expect_host(SSL* ssl, const std::string& host);

/// Why a client's handshake failed, in words of ours.
std::string handshake_fault(SSL* ssl);

}  // namespace perkline::net
