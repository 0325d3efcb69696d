#include "edge/backups.hpp"

#include "edge/jobs/successes.hpp"
#include "edge/journal/wait_durable.hpp"
#include "shared/json/writer.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge {

std::string render(const std::filesystem::path& folder, const journal::BackedUp& made) {
  json::Writer out;
  out.begin_object();
  out.field("folder", folder.string())
      .field("number", static_cast<std::uint64_t>(made.backup.number))
      .field("store", made.backup.store.str())
      .field("madeAt", format_time(made.backup.made_at))
      .field("tail", made.backup.tail.sequence)
      .field("bytes", made.backup.bytes);
  out.key("removed").begin_array();
  for (const std::uint32_t number : made.removed) out.value(static_cast<std::uint64_t>(number));
  out.end_array().end_object();
  return out.take();
}

/// Shared with the thread, which may end when nobody waits any more.
struct Backups::Work {
  net::Signal done;
  Result<journal::BackedUp> outcome = fail(Errc::cancelled);
};

Backups::Backups(net::Reactor& reactor, journal::JournalRocks& journal, StoreId store, OnSuccess on_success)
    : reactor_(reactor), journal_(journal), store_(std::move(store)), on_success_(std::move(on_success)) {
  on_success_(jobs::last_success(journal_, jobs::backup_name));
}

Backups::~Backups() = default;  // the jthread asks to stop, and waits

Task<Result<std::string>> Backups::make(std::filesystem::path folder) {
  if (working_) co_return fail(Errc::session_state, "a backup is being made already");
  working_ = true;
  if (worker_.joinable()) worker_.join();
  auto work = std::make_shared<Work>();
  journal::BackupOrder order{
      .folder = folder, .data_dir = {}, .store = store_, .now = reactor_.clock().wall_now()};
  worker_ = std::jthread([this, work, order = std::move(order)](const std::stop_token& stop) mutable {
    order.stop = stop;
    work->outcome = journal_.back_up(std::move(order));
    reactor_.post([work] { work->done.notify(); });
  });
  // Not to be cancelled: what the thread writes is read below.
  co_await journal::wait_durable(std::shared_ptr<net::Signal>(work, &work->done));
  working_ = false;
  if (!work->outcome) co_return failure(work->outcome);
  const WallTime began = work->outcome->backup.made_at;
  on_success_(began);
  // The journal would wait for room, which may be what the backup is made for.
  if (journal_.space().room() != journal::Room::none)
    co_await jobs::keep_success(journal_, jobs::backup_name, began);
  std::string made = render(folder, *work->outcome);
  ops::log(ops::Level::info, "backup", "a backup was made", {{"folder", folder.string()}});
  co_return made;
}

}  // namespace perkline::edge
