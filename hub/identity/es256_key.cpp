#include "hub/identity/es256_key.hpp"

#include <array>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "hub/identity/base64url.hpp"
#include "shared/core/assert.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::identity {
namespace {

constexpr std::size_t coordinate_bytes = 32;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free>>;
using BnPtr = std::unique_ptr<BIGNUM, Freer<BN_clear_free>>;
using SigPtr = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;
using MdCtxPtr = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string padded(const BIGNUM* number) {
  std::string bytes(coordinate_bytes, '\0');
  PERKLINE_ASSERT(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), coordinate_bytes) ==
                  static_cast<int>(coordinate_bytes));
  return bytes;
}

std::string coordinate(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  PERKLINE_ASSERT(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  const BnPtr owned(number);
  return base64url(padded(number));
}

bool is_p256(const EVP_PKEY* key) {
  std::array<char, 32> group{};
  std::size_t length = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 &&
         EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) == 1 &&
         std::string_view(group.data(), length) == "prime256v1";
}

/// OpenSSL would ask the terminal otherwise.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

std::string sha256(std::string_view text) {
  std::string digest(32, '\0');
  unsigned length = 0;
  PERKLINE_ASSERT(EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()),
                             &length, EVP_sha256(), nullptr) == 1);
  return digest;
}

}  // namespace

Es256Key::Es256Key(std::shared_ptr<evp_pkey_st> key)
    : key_(std::move(key)),
      x_(coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X)),
      y_(coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y)) {
  // RFC 7638 §3.2: the required members alone, in this order, without spaces.
  id_ = base64url(sha256(R"({"crv":"P-256","kty":"EC","x":")" + x_ + R"(","y":")" + y_ + R"("})"));
}

Es256Key Es256Key::generate() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  PERKLINE_ASSERT(key != nullptr);
  return Es256Key(std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free));
}

Result<Es256Key> Es256Key::from_pem(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  PERKLINE_ASSERT(bio != nullptr);
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr),
                                EVP_PKEY_free);
  if (key == nullptr) return fail(Errc::validation_failed, "is no unencrypted private key in PEM");
  if (!is_p256(key.get())) return fail(Errc::validation_failed, "is no key on the curve P-256");
  return Es256Key(std::move(key));
}

std::string Es256Key::private_pem() const {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PERKLINE_ASSERT(bio != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0,
                                                                  nullptr, nullptr) == 1);
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

std::string Es256Key::public_jwk() const {
  json::Writer out;
  out.begin_object();
  out.field("kty", "EC").field("crv", "P-256").field("x", x_).field("y", y_);
  out.field("kid", id_).field("use", "sig").field("alg", "ES256");
  out.end_object();
  return out.take();
}

std::string Es256Key::sign(std::string_view message) const {
  const MdCtxPtr context(EVP_MD_CTX_new());
  PERKLINE_ASSERT(context != nullptr);
  PERKLINE_ASSERT(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1);
  std::array<unsigned char, 80> der{};  // a P-256 signature takes at most 72
  std::size_t length = der.size();
  PERKLINE_ASSERT(EVP_DigestSign(context.get(), der.data(), &length, bytes_of(message), message.size()) == 1);
  const unsigned char* at = der.data();
  const SigPtr signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(length)));
  PERKLINE_ASSERT(signature != nullptr);
  return padded(ECDSA_SIG_get0_r(signature.get())) + padded(ECDSA_SIG_get0_s(signature.get()));
}

bool Es256Key::verify(std::string_view message, std::string_view signature) const {
  if (signature.size() != 2 * coordinate_bytes) return false;
  const SigPtr pair(ECDSA_SIG_new());
  BnPtr r(BN_bin2bn(bytes_of(signature), coordinate_bytes, nullptr));
  BnPtr s(BN_bin2bn(bytes_of(signature) + coordinate_bytes, coordinate_bytes, nullptr));
  PERKLINE_ASSERT(pair != nullptr && r != nullptr && s != nullptr);
  PERKLINE_ASSERT(ECDSA_SIG_set0(pair.get(), r.release(), s.release()) == 1);

  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(pair.get(), &der);
  if (length <= 0) return false;
  const std::unique_ptr<unsigned char, Freer<[](unsigned char* bytes) { OPENSSL_free(bytes); }>> owned(der);

  const MdCtxPtr context(EVP_MD_CTX_new());
  PERKLINE_ASSERT(context != nullptr);
  PERKLINE_ASSERT(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1);
  return EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(length), bytes_of(message),
                          message.size()) == 1;
}

const Es256Key* KeySet::find(std::string_view id) const {
  for (const auto& key : keys_) {
    if (key.id() == id) return &key;
  }
  return nullptr;
}

std::string KeySet::jwks() const {
  json::Writer out;
  out.begin_object().key("keys").begin_array();
  for (const auto& key : keys_) out.raw(key.public_jwk());
  out.end_array().end_object();
  return out.take();
}

}  // namespace perkline::hub::identity
