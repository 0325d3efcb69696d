#include "shared/sync/catalogue.hpp"

#include <openssl/evp.h>

#include "shared/core/assert.hpp"
#include "shared/core/down_limits.hpp"
#include "shared/sync/hash_chain.hpp"
#include "shared/sync/wire.hpp"

namespace perkline::sync {
namespace {

constexpr std::size_t secret_bytes = 32;

void append_text(std::string& out, std::string_view text) {
  append_u32(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

std::string signed_text(const StoreId& store, const Position& version, const Digest& digest) {
  std::string text = "perkline-catalogue-1";
  append_text(text, store.str());
  text += wire::bytes_of(version.incarnation);
  append_u64(text, version.at);
  text += as_chars(digest);
  return text;
}

const unsigned char* bytes_in(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using KeyHandle = std::unique_ptr<EVP_PKEY, FreeKey>;
using ContextHandle = std::unique_ptr<EVP_MD_CTX, FreeContext>;

}  // namespace

Digest digest_of(const Catalogue& items) {
  std::string text = "perkline-catalogue-items-1";
  for (const auto& [name, body] : items) {
    append_u32(text, name.kind);
    append_text(text, name.id);
    append_text(text, body);
  }
  return sha256(text);
}

bool fits(const Catalogue& items) {
  std::size_t bytes = 0;
  for (const auto& [name, body] : items) {
    if (name.id.size() > limits::id_bytes_max || body.size() > limits::catalogue_body_bytes_max) return false;
    bytes += name.id.size() + body.size();
  }
  return items.size() <= limits::catalogue_items_max && bytes <= limits::catalogue_bytes_max;
}

struct SigningKey::Key {
  KeyHandle handle;
};

SigningKey::SigningKey(std::unique_ptr<Key> key) : key_(std::move(key)) {
  std::size_t size = public_key_.size();
  PERKLINE_ASSERT(EVP_PKEY_get_raw_public_key(key_->handle.get(), public_key_.data(), &size) == 1 &&
                  size == public_key_.size());
}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

Result<SigningKey> SigningKey::of_secret(std::string_view secret_hex) {
  const auto secret = from_hex(secret_hex);
  if (!secret || secret->size() != secret_bytes)
    return fail(Errc::corrupt, "the key that signs catalogues is none");
  KeyHandle handle(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_in(*secret), secret->size()));
  PERKLINE_ASSERT(handle != nullptr);
  return SigningKey(std::make_unique<Key>(Key{std::move(handle)}));
}

CatalogueHead SigningKey::head_of(const StoreId& store, const Position& version, const Digest& digest) const {
  CatalogueHead head{
      .incarnation = version.incarnation, .version = version.at, .digest = digest, .signature = {}};
  const std::string text = signed_text(store, version, digest);
  const ContextHandle context(EVP_MD_CTX_new());
  std::size_t size = head.signature.size();
  PERKLINE_ASSERT(context != nullptr &&
                  EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->handle.get()) == 1 &&
                  EVP_DigestSign(context.get(), head.signature.data(), &size, bytes_in(text), text.size()) ==
                      1 &&
                  size == head.signature.size());
  return head;
}

bool is_signed(const CatalogueHead& head, const StoreId& store, const PublicKey& key) {
  const KeyHandle handle(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const ContextHandle context(EVP_MD_CTX_new());
  if (!handle || !context ||
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, handle.get()) != 1) {
    return false;
  }
  const std::string text =
      signed_text(store, {.incarnation = head.incarnation, .at = head.version}, head.digest);
  return EVP_DigestVerify(context.get(), head.signature.data(), head.signature.size(), bytes_in(text),
                          text.size()) == 1;
}

}  // namespace perkline::sync
