#include "hub/identity/secret.hpp"

#include <sodium.h>

namespace perkline::hub::identity {

Result<std::string> load_or_make_secret(db::Transaction& transaction, const std::string& name, Rng& rng) {
  Digest fresh{};
  rng.fill(fresh);
  auto made =
      transaction.execute("INSERT INTO hub_meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                          {name, to_hex(fresh)});
  if (!made) return failure(made);
  auto rows = transaction.query("SELECT value FROM hub_meta WHERE name = $1", {name});
  if (!rows) return failure(rows);
  auto secret = rows->empty() ? std::nullopt : from_hex(rows->front().text(0));
  if (!secret || secret->size() != fresh.size())
    return fail(Errc::corrupt, "the hub's secret " + name + " is none");
  return std::move(*secret);
}

Digest hmac_sha256(std::string_view key, std::string_view message) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(key.data()), key.size());
  crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(message.data()),
                                message.size());
  Digest mac{};
  crypto_auth_hmacsha256_final(&state, mac.data());
  return mac;
}

}  // namespace perkline::hub::identity
