#include "edge/closed_shop.hpp"

#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/log_key.hpp"

namespace perkline::edge {

Result<void> become_owner_of(const std::string& folder) {
  struct ::stat info{};
  if (::geteuid() != 0) return {};
  if (::stat(folder.c_str(), &info) == 0 && ::setgid(info.st_gid) == 0 && ::setuid(info.st_uid) == 0)
    return {};
  return fail(Errc::io_failed, folder + ": cannot act as its owner");
}

Result<std::unique_ptr<ClosedShop>> open_data(const EdgeConfig& config) {
  if (!std::filesystem::exists(config.data_dir)) {
    return fail(Errc::io_failed, config.data_dir + ": no daemon runs and there is no data");
  }
  if (auto owner = become_owner_of(config.data_dir); !owner) return failure(owner);
  auto shop = std::make_unique<ClosedShop>();
  shop->config = config;
  shop->store_id = StoreId(config.store_id);
  auto journal = journal::JournalRocks::open(shop->reactor, {.folder = config.data_dir});
  if (!journal) return failure(journal);
  use_log_key(config.data_dir);
  shop->journal = std::move(*journal);
  auto outbox = journal::Outbox::open(*shop->journal, StoreId(config.store_id));
  if (!outbox) return failure(outbox);
  shop->outbox = std::move(*outbox);
  shop->store = std::make_unique<session::SessionStore>(*shop->journal, *shop->outbox);
  if (auto counted = shop->store->count(); !counted) return failure(counted);
  return shop;
}

}  // namespace perkline::edge
