#include "hub/wheel/store_spin.hpp"

#include <algorithm>

#include "hub/wheel/seeds.hpp"

namespace perkline::hub::wheel {
namespace {

Result<Digest> digest_in(const std::string& hex, std::string_view what) {
  const auto bytes = from_hex(hex);
  Digest digest{};
  if (!bytes || bytes->size() != digest.size())
    return fail(Errc::validation_failed, std::string(what) + " is no SHA-256");
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

}  // namespace

Result<void> verify_store_spin(db::Transaction& transaction, const StoreDraw& told) {
  const auto commitment = digest_in(told.commitment, "the seed's commitment");
  if (!commitment) return std::unexpected(commitment.error());
  const auto version = digest_in(told.version, "the table's version");
  if (!version) return std::unexpected(version.error());
  const auto seed = find_seed(transaction, told.store, told.commitment);
  if (!seed) return std::unexpected(seed.error());
  if (!*seed) return fail(Errc::validation_failed, "the seed is none of this store's");
  return loyalty::verify((*seed)->seed, {.draw = told.draw,
                                         .table = told.table,
                                         .version = *version,
                                         .commitment = *commitment,
                                         .prize = told.prize});
}

}  // namespace perkline::hub::wheel
