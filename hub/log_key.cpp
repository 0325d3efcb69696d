#include "hub/log_key.hpp"

#include "shared/core/bytes.hpp"

namespace perkline::hub {
namespace {

constexpr const char* name = "log_key";

}  // namespace

Result<std::string> load_or_make_log_key(db::Transaction& transaction, Rng& rng) {
  Digest fresh;
  rng.fill(fresh);
  auto made =
      transaction.execute("INSERT INTO hub_meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                          {std::string(name), to_hex(fresh)});
  if (!made) return failure(made);
  auto rows = transaction.query("SELECT value FROM hub_meta WHERE name = $1", {std::string(name)});
  if (!rows) return failure(rows);
  auto key = rows->empty() ? std::nullopt : from_hex(rows->front().text(0));
  if (!key || key->size() != fresh.size()) return fail(Errc::corrupt, "the key of the log's hashes is none");
  return std::move(*key);
}

}  // namespace perkline::hub
