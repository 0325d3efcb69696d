#include "hub/stores/key_directory.hpp"

#include "hub/stores/stores.hpp"
#include "shared/ops/log.hpp"

namespace perkline::hub::stores {
namespace {

constexpr Millis between_reads{500};

}  // namespace

Task<Result<void>> StoreKeys::refresh() {
  auto keys = co_await db::read_for<std::vector<KeyHolder>>(
      database_, [](db::Transaction& transaction) { return valid_keys(transaction); });
  if (!keys) co_return failure(keys);
  auto fresh = std::make_shared<Map>();
  for (KeyHolder& key : *keys) fresh->emplace(std::move(key.public_key), std::move(key.store));
  const std::scoped_lock lock(mutex_);
  keys_ = std::move(fresh);
  co_return Result<void>{};
}

Task<void> StoreKeys::keep_fresh() {
  while (!stopped_) {
    co_await clock_.sleep(between_reads);
    const auto refreshed = co_await refresh();
    if (refreshed) {
      faults_.over();
    } else if (faults_.is_news(name_of(refreshed.error().code), clock_.mono_now())) {
      ops::log(ops::Level::warn, "stores", "the stores' keys could not be read",
               {{"error", name_of(refreshed.error().code)}});
    }
  }
}

std::optional<StoreId> StoreKeys::store_of(const std::string& public_key) const {
  const std::scoped_lock lock(mutex_);
  const auto found = keys_->find(public_key);
  if (found == keys_->end()) return std::nullopt;
  return found->second;
}

}  // namespace perkline::hub::stores
