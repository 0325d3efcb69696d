#pragma once

#include <memory>
#include <string_view>

#include "shared/sync/down.hpp"

/// How the hub vouches for a catalogue: sync.proto's CatalogueHead. Ed25519 by OpenSSL.
namespace perkline::sync {

/// All items of a catalogue.
using Catalogue = std::map<ItemName, std::string>;

Digest digest_of(const Catalogue& items);

/// Whether all of it fits a frame, by limits.hpp.
bool fits(const Catalogue& items);

/// What the hub signs with. Any thread.
class SigningKey {
 public:
  /// Errors: corrupt for anything but 64 lower-case hex digits.
  static Result<SigningKey> of_secret(std::string_view secret_hex);
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();

  const PublicKey& public_key() const { return public_key_; }
  /// The head of that store's catalogue at `version`, signed.
  CatalogueHead head_of(const StoreId& store, const Position& version, const Digest& digest) const;

 private:
  struct Key;
  explicit SigningKey(std::unique_ptr<Key> key);
  std::unique_ptr<Key> key_;
  PublicKey public_key_{};
};

/// Whether the hub of that key has signed that head for that store.
bool is_signed(const CatalogueHead& head, const StoreId& store, const PublicKey& key);

}  // namespace perkline::sync
