#include <filesystem>
#include <optional>
#include <unistd.h>

#include <fmt/format.h>

#include "edge/backups.hpp"
#include "edge/cli_ask.hpp"
#include "edge/closed_shop.hpp"
#include "edge/commands.hpp"
#include "edge/jobs/successes.hpp"
#include "edge/journal/backup.hpp"
#include "edge/journal/folder_lock.hpp"
#include "edge/journal/log_damage.hpp"
#include "edge/journal/recovery.hpp"
#include "edge/journal/rocks_store.hpp"
#include "edge/verify.hpp"
#include "shared/core/clock.hpp"
#include "shared/json/writer.hpp"

namespace perkline::edge {
namespace {

namespace fs = std::filesystem;

constexpr hours backup_patience{6};

Task<void> keep_success(ClosedShop& shop, WallTime began) {
  co_await jobs::keep_success(*shop.journal, jobs::backup_name, began);
  shop.reactor.stop();
}

Result<std::string> back_up_data(const EdgeConfig& config, const fs::path& folder) {
  auto shop = open_data(config);
  if (!shop) return failure(shop);
  const auto made = (*shop)->journal->back_up(
      {.folder = folder, .data_dir = {}, .store = (*shop)->store_id, .now = SystemClock().wall_now()});
  if (!made) return std::unexpected(made.error());
  // For the next daemon's metrics; the journal would wait for room.
  if ((*shop)->journal->space().room() != journal::Room::none) {
    (*shop)->reactor.spawn(keep_success(**shop, made->backup.made_at));
    (*shop)->reactor.run();
  }
  return render(folder, *made);
}

/// How the store is to go on after a restore.
std::string next_step(const EdgeConfig& config) {
  return "the store needs a new epoch: perkline-hub store new-epoch " + config.store_id +
         " --reason restored; then, with the number it prints, perkline-edge epoch adopt N";
}

std::string render(const EdgeConfig& config, const journal::Backup& restored, const Verification& found) {
  json::Writer out;
  out.begin_object();
  out.field("number", static_cast<std::uint64_t>(restored.number))
      .field("store", restored.store.str())
      .field("madeAt", format_time(restored.made_at))
      .field("tail", found.tail)
      .field("bytes", restored.bytes)
      .field("faultCount", found.fault_count)
      .field("next", next_step(config))
      .end_object();
  return out.take();
}

/// A folder that is there for as long as this lives.
class Scratch {
 public:
  explicit Scratch(fs::path folder) : folder_(std::move(folder)) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code error;
    fs::remove_all(folder_, error);
  }
  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
};

/// Beside a daemon it reads what that has written so far, and holds nobody up.
Result<Verification> verify_data(const EdgeConfig& config) {
  const fs::path folder(config.data_dir);
  if (!fs::exists(folder / "db")) return fail(Errc::io_failed, config.data_dir + ": there is no data");
  if (auto owner = become_owner_of(config.data_dir); !owner) return failure(owner);
  const journal::FolderLock lock(folder);
  const auto mark = journal::read_high_water(folder / "high_water");
  if (!mark) return std::unexpected(mark.error());
  if (auto room = journal::check_room(folder); !room) return failure(room);
  const Scratch scratch(folder / fmt::format("verify.{}", ::getpid()));
  using Access = journal::RocksStore::Access;
  auto store = journal::RocksStore::open(
      folder / "db",
      {.access = lock.held() ? Access::reading : Access::beside_writer, .scratch = scratch.folder()});
  if (!store) return failure(store);
  Verification found = verify(*(*store)->reader(), StoreId(config.store_id), *mark);
  const auto add_fault = [&found](const std::string& what) {
    ++found.fault_count;
    found.faults.push_back({.family = "", .key = "", .what = what});
  };
  if (auto checked = (*store)->check_files(); !checked) add_fault(checked.error().detail);
  const auto logs = journal::find_log_damage(folder / "db");
  if (!logs) add_fault(logs.error().detail);
  if (logs && *logs) add_fault((*logs)->what);
  return found;
}

}  // namespace

int backup(const std::string& config_path, const std::string& folder, bool json) {
  auto config = load_config(config_path);
  if (!config) return exit_usage;
  const fs::path absolute = fs::absolute(folder).lexically_normal();
  perkline::json::Writer body;
  body.begin_object().field("folder", absolute.string()).end_object();
  auto made = ask_daemon(*config, {.path = "/backup", .body = body.take(), .patience = backup_patience});
  if (!made && made.error().code == Errc::connection_failed) made = back_up_data(*config, absolute);
  return show(made, json);
}

int restore(const std::string& config_path, const RestoreArguments& arguments, bool json) {
  auto config = load_config(config_path);
  if (!config) return exit_usage;
  if (fs::exists(config->data_dir)) {
    if (auto owner = become_owner_of(config->data_dir); !owner) return report(owner.error());
  }
  Verification found;
  journal::RestoreOrder order{.folder = fs::absolute(arguments.folder),
                              .data_dir = config->data_dir,
                              .store = StoreId(config->store_id),
                              .now = SystemClock().wall_now(),
                              .check = {}};
  if (arguments.number != 0) order.number = arguments.number;
  order.check = [&](const journal::JournalReader& restored) -> Result<void> {
    found = verify(restored, order.store, std::nullopt);
    if (found.ok() || arguments.accept_faults) return {};
    return fail(Errc::corrupt,
                fmt::format("the backup has {} faults; the first: {} {} {}. Take another one with"
                            " --backup N, or this one with --accept-faults",
                            found.fault_count, found.faults.front().family, found.faults.front().key,
                            found.faults.front().what));
  };
  const auto restored = journal::restore(order);
  if (!restored) return report(restored.error());
  return show(render(*config, *restored, found), json);
}

int verify(const std::string& config_path, bool json) {
  auto config = load_config(config_path);
  if (!config) return exit_usage;
  const auto found = verify_data(*config);
  if (!found) return report(found.error());
  const int shown = show(render(*found), json);
  return found->ok() ? shown : exit_failed;
}

}  // namespace perkline::edge
