#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/core/result.hpp"

struct evp_pkey_st;

namespace perkline::hub::identity {

/// An ECDSA key pair on P-256, parsed once and then only read: cheap to copy, any thread. Source: RFC 7518
/// §3.4.
class Es256Key {
 public:
  static Es256Key generate();
  /// Errors: validation_failed for anything but an unencrypted private key on P-256.
  static Result<Es256Key> from_pem(const std::string& pem);

  /// PKCS #8. A secret.
  std::string private_pem() const;
  /// The key's RFC 7638 thumbprint: the same key has the same id wherever it is loaded.
  const std::string& id() const { return id_; }
  /// The public half as a JWK object (RFC 7517).
  std::string public_jwk() const;

  /// r ‖ s, 32 bytes each.
  std::string sign(std::string_view message) const;
  /// False for a signature of any length but 64.
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  explicit Es256Key(std::shared_ptr<evp_pkey_st> key);
  std::shared_ptr<evp_pkey_st> key_;
  std::string x_;  ///< Base64url, as is y_.
  std::string y_;
  std::string id_;
};

/// The keys whose signatures count; the only place a `kid` is looked up in. Set up once, then read by any
/// thread.
class KeySet {
 public:
  explicit KeySet(std::vector<Es256Key> keys) : keys_(std::move(keys)) {}
  /// nullptr when there is none of that id.
  const Es256Key* find(std::string_view id) const;
  /// The public halves as a JWK set (RFC 7517 §5).
  std::string jwks() const;

 private:
  std::vector<Es256Key> keys_;
};

}  // namespace perkline::hub::identity
