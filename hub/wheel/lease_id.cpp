#include "hub/wheel/lease_id.hpp"

#include <algorithm>

#include "hub/identity/secret.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/random.hpp"

namespace perkline::hub::wheel {
namespace {

constexpr std::size_t units_at = 6;    ///< Behind the time: 4 bits of the version, 12 of the units.
constexpr std::size_t sealed_at = 10;  ///< What stands before it is covered by the seal.
constexpr std::uint8_t version = 0x70;
constexpr std::int64_t units_max = 0xfff;

/// `id` with the seal that its other bytes ask for.
Result<Uuid> sealed(db::Transaction& transaction, Uuid id, const StoreId& store, std::string_view prize) {
  SystemRng rng;
  const auto secret = identity::load_or_make_secret(transaction, std::string(lease_secret), rng);
  if (!secret) return std::unexpected(secret.error());
  std::string message(reinterpret_cast<const char*>(id.bytes.data()), sealed_at);
  append_u64(message, store.str().size());
  message.append(store.str()).append(prize);
  const Digest mac = identity::hmac_sha256(*secret, message);
  std::copy_n(mac.begin(), id.bytes.size() - sealed_at, id.bytes.begin() + sealed_at);
  return id;
}

}  // namespace

Result<std::string> make_lease_id(db::Transaction& transaction, const Uuid& from, const LeaseTerms& terms) {
  PERKLINE_ASSERT(terms.units > 0 && terms.units <= units_max);
  Uuid id = from;
  id.bytes[units_at] = static_cast<std::uint8_t>(version | terms.units >> 8);
  id.bytes[units_at + 1] = static_cast<std::uint8_t>(terms.units & 0xff);
  const auto made = sealed(transaction, id, terms.store, terms.prize);
  if (!made) return std::unexpected(made.error());
  return made->str();
}

Result<std::optional<std::int64_t>> units_by_id(db::Transaction& transaction, const std::string& id,
                                                const StoreId& store, const std::string& prize) {
  const auto told = parse_uuid(id);
  if (!told) return std::nullopt;
  const auto ours = sealed(transaction, *told, store, prize);
  if (!ours) return std::unexpected(ours.error());
  if (*ours != *told || (told->bytes[units_at] & 0xf0) != version) return std::nullopt;
  return std::int64_t{told->bytes[units_at] & 0x0f} << 8 | told->bytes[units_at + 1];
}

}  // namespace perkline::hub::wheel
