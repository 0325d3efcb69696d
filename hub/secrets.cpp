#include "hub/secrets.hpp"

#include "hub/identity/secret.hpp"
#include "hub/wheel/lease_id.hpp"

namespace perkline::hub {

Result<Secrets> load_or_make_secrets(db::Transaction& transaction, bool token_keys_in_file, WallTime now,
                                     Rng& rng) {
  auto log_key = identity::load_or_make_secret(transaction, "log_key", rng);
  if (!log_key) return failure(log_key);
  auto refresh_key = identity::load_or_make_secret(transaction, "refresh_key", rng);
  if (!refresh_key) return failure(refresh_key);
  std::vector<identity::SigningKey> token_keys;
  if (!token_keys_in_file) {
    auto loaded = identity::load_or_make_signing_keys(transaction, now);
    if (!loaded) return failure(loaded);
    token_keys = std::move(*loaded);
  }
  if (auto leases = identity::load_or_make_secret(transaction, std::string(wheel::lease_secret), rng);
      !leases)
    return failure(leases);
  const auto catalogue_secret = identity::load_or_make_secret(transaction, "catalogue_key", rng);
  if (!catalogue_secret) return std::unexpected(catalogue_secret.error());
  auto catalogue_key = sync::SigningKey::of_secret(to_hex(*catalogue_secret));
  if (!catalogue_key) return failure(catalogue_key);
  return Secrets{.log_key = std::move(*log_key),
                 .refresh_key = std::move(*refresh_key),
                 .token_keys = std::move(token_keys),
                 .catalogue_key = std::move(*catalogue_key)};
}

}  // namespace perkline::hub
