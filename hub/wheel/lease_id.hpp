#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hub/db/database.hpp"
#include "shared/core/ids.hpp"

/// Ids of leases that nobody but the hub can make up: a hub that was restored knows by the id alone whether
/// it was granted a lease that its database has forgotten, and how large that was. A UUIDv7 of the grant's
/// time; behind it the units, 14 bits that tell two grants of one millisecond apart, and the first 48 bits of
/// an HMAC-SHA256 of all that with the store and the prize, under a secret of the database's. Errors:
/// corrupt, the database's.
namespace perkline::hub::wheel {

/// The name of the database's secret that seals them; in every backup, as a hub that starts makes it.
inline constexpr std::string_view lease_secret = "wheel_lease_key";

struct LeaseTerms {
  StoreId store;
  std::string prize;
  std::int64_t units = 0;  ///< 1 to 4,095.
};

/// `from`: a UUIDv7 of the grant's time that is this lease's alone.
Result<std::string> make_lease_id(db::Transaction& transaction, const Uuid& from, const LeaseTerms& terms);

/// How many units of the prize the store was leased under this id; nullopt: no hub of this database has ever
/// leased it any so.
Result<std::optional<std::int64_t>> units_by_id(db::Transaction& transaction, const std::string& id,
                                                const StoreId& store, const std::string& prize);

}  // namespace perkline::hub::wheel
