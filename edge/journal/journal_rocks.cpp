#include "edge/journal/journal_rocks.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "edge/journal/folder_lock.hpp"
#include "edge/journal/high_water.hpp"
#include "edge/journal/recovery.hpp"
#include "edge/journal/rocks_store.hpp"
#include "edge/journal/wait_durable.hpp"
#include "shared/core/assert.hpp"
#include "shared/core/limits.hpp"
#include "shared/ops/log.hpp"

namespace perkline::edge::journal {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t group_batches_max = 1024;
constexpr std::size_t group_bytes_max = 4 * limits::mib;
/// So many go to the writer without waiting for the rest of the reactor's turn: it is to be busy meanwhile.
constexpr std::size_t gathered_max = 32;
constexpr std::chrono::seconds mark_every{1};
constexpr std::chrono::seconds look_every{1};
/// While there is no room.
constexpr std::chrono::milliseconds hold_look{200};

std::size_t bytes_of(const Batch& batch) {
  std::size_t bytes = 0;
  for (const auto& change : batch.changes()) {
    bytes += change.key.size() + (change.value ? change.value->size() : 0);
  }
  return bytes;
}

/// The last event that `batches` add to the outbox.
std::optional<HighWater> last_event(const std::vector<Batch>& batches) {
  std::optional<HighWater> last;
  for (const Batch& batch : batches) {
    for (const auto& change : batch.changes()) {
      if (change.family != Family::outbox || !change.value) continue;
      last.emplace().sequence = read_u64(change.key);
      PERKLINE_ASSERT(change.value->size() >= last->hash.size());
      std::copy_n(change.value->begin(), last->hash.size(), last->hash.begin());
    }
  }
  return last;
}

/// Whether `batches` remove what `mark` vouches for, or what follows it.
bool erase_from(const HighWater& mark, const std::vector<Batch>& batches) {
  for (const Batch& batch : batches) {
    for (const auto& change : batch.changes()) {
      if (change.family == Family::outbox && !change.value && read_u64(change.key) >= mark.sequence)
        return true;
    }
  }
  return false;
}

}  // namespace

/// What the reactor's thread and the writer's share. The reactor's tasks hold it weakly: they may come late.
class JournalRocks::Writer : public std::enable_shared_from_this<JournalRocks::Writer> {
 public:
  Writer(net::Reactor& reactor, JournalRocksOptions options, FolderLock lock,
         std::unique_ptr<RocksStore> database, HighWater tail, HighWater mark)
      : reactor_(reactor),
        options_(std::move(options)),
        lock_(std::move(lock)),
        store_(std::move(database)),
        visible_(store_->view()),
        space_(
            {.folder = options_.folder, .reserve_bytes = options_.reserve_bytes, .ask = options_.free_bytes}),
        reached_(tail),
        marked_(mark) {}

  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void stop() {
    hand_over();
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    compaction_cancelled_ = true;
    if (compactor_.joinable()) compactor_.join();
  }

  void add(Batch batch, std::weak_ptr<net::Signal> durable) {
    ++waiting_;
    PERKLINE_ASSERT(waiting_ <= limits::journal_queue_max);
    gathered_.push_back({.batch = std::move(batch), .durable = std::move(durable)});
    if (gathered_.size() >= gathered_max) return hand_over();
    if (gathered_.size() > 1) return;
    reactor_.post([weak = weak_from_this()] {
      if (const auto writer = weak.lock()) writer->hand_over();
    });
  }

  void compact(Family family) {
    if (compacting_.exchange(true)) return;
    if (compactor_.joinable()) compactor_.join();
    compactor_ = std::thread([this, family] {
      (void)store_->compact(family, compaction_cancelled_);  // what it cannot do is in the log
      compacting_ = false;
    });
  }

  std::size_t waiting() const { return waiting_; }
  const Space& space() const { return space_; }
  RocksStore& store() const { return *store_; }
  const std::filesystem::path& folder() const { return options_.folder; }
  void tell(ops::Level level, std::string_view kind, const std::string& what) const {
    ops::log(level, "journal", what, {{"kind", kind}});
    if (options_.on_error) options_.on_error(kind);
  }
  /// `result`, and its error told.
  template <class T>
  T read(T result) const {
    if (!result) tell(ops::Level::error, "read", result.error().detail);
    return result;
  }
  const RocksStore::View& visible() const { return *visible_; }

 private:
  struct Waiting {
    Batch batch;
    std::weak_ptr<net::Signal> durable;
  };
  struct Group {
    std::vector<Batch> batches;
    std::vector<std::weak_ptr<net::Signal>> durable;
  };

  void hand_over();
  void run();
  bool await_batches();
  bool await_room();
  bool hold();
  Group take_group();
  bool write(Group group);
  Result<void> write_batches(const std::vector<Batch>& batches);
  void move_mark();
  void show_written();

  net::Reactor& reactor_;
  const JournalRocksOptions options_;
  const FolderLock lock_;
  const std::unique_ptr<RocksStore> store_;
  std::shared_ptr<const RocksStore::View> visible_;  ///< The reactor's.
  std::vector<Waiting> gathered_;  ///< The reactor's: what it has added in this turn of its own.
  std::atomic<std::size_t> waiting_{0};
  Space space_;
  std::thread compactor_;
  std::atomic<bool> compacting_ = false;
  std::atomic<bool> compaction_cancelled_ = false;

  std::mutex mutex_;  ///< For what follows, up to the thread.
  std::condition_variable wake_;
  std::vector<Waiting> arrived_;
  bool stopping_ = false;
  std::vector<std::weak_ptr<net::Signal>> written_;  ///< Not yet told to those who wait.
  std::shared_ptr<const RocksStore::View> written_view_;

  std::thread thread_;  ///< The rest is its own.
  std::vector<Waiting> backlog_;
  std::size_t backlog_done_ = 0;
  HighWater reached_;  ///< On disk.
  HighWater marked_;   ///< In the file; all 0: there is none.
  steady_clock::time_point mark_due_{};
  bool mark_failed_ = false;
};

/// Once a turn of the reactor, not once a batch: each wakes the writer's thread, to no use while one core has
/// to serve both.
void JournalRocks::Writer::hand_over() {
  if (gathered_.empty()) return;
  {
    const std::scoped_lock lock(mutex_);
    arrived_.insert(arrived_.end(), std::make_move_iterator(gathered_.begin()),
                    std::make_move_iterator(gathered_.end()));
  }
  gathered_.clear();
  wake_.notify_one();
}

void JournalRocks::Writer::run() {
  bool more = true;
  while (more) {
    more = await_batches();
    if (backlog_done_ < backlog_.size() && (!await_room() || !write(take_group()))) return;
    if (marked_ != reached_ && (!more || steady_clock::now() >= mark_due_)) move_mark();
  }
}

/// Returns when there is something to write, the mark is due, it is time to look at the disk, or (with false)
/// the end has come.
bool JournalRocks::Writer::await_batches() {
  if (backlog_done_ < backlog_.size()) return true;
  backlog_.clear();
  backlog_done_ = 0;
  std::unique_lock lock(mutex_);
  const auto called = [this] { return stopping_ || !arrived_.empty(); };
  const auto look_due = steady_clock::now() + look_every;
  const bool came =
      wake_.wait_until(lock, marked_ != reached_ ? std::min(mark_due_, look_due) : look_due, called);
  backlog_.swap(arrived_);
  const bool more = !stopping_ || !backlog_.empty();
  lock.unlock();
  if (!came) space_.look();
  return more;
}

/// False when the end has come before there was room: what waits was never acknowledged.
bool JournalRocks::Writer::await_room() {
  if (space_.look() != Room::none) return true;
  ops::log(ops::Level::error, "journal", "the disk is full: nothing is written until there is room",
           {{"freeBytes", static_cast<std::int64_t>(space_.free_bytes())}});
  do {
    if (!hold()) return false;
  } while (space_.look() == Room::none);
  ops::log(ops::Level::info, "journal", "there is room on the disk again");
  return true;
}

/// False when the end has come.
bool JournalRocks::Writer::hold() {
  if (options_.on_hold) options_.on_hold();
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, hold_look, [this] { return stopping_; });
}

JournalRocks::Writer::Group JournalRocks::Writer::take_group() {
  Group group;
  std::size_t bytes = 0;
  for (; backlog_done_ < backlog_.size() && group.batches.size() < group_batches_max; ++backlog_done_) {
    Waiting& next = backlog_[backlog_done_];
    bytes += bytes_of(next.batch);
    if (!group.batches.empty() && bytes > group_bytes_max) break;
    group.batches.push_back(std::move(next.batch));
    group.durable.push_back(std::move(next.durable));
  }
  return group;
}

/// False when the disk has failed, or the end has come before there was room.
bool JournalRocks::Writer::write(Group group) {
  const auto begin = steady_clock::now();
  if (const auto written = write_batches(group.batches); !written) {
    if (written.error().code == Errc::storage_full) return false;
    tell(ops::Level::error, "write", written.error().detail);
    if (!options_.on_failure) std::_Exit(1);
    options_.on_failure(written.error().detail);
    return false;
  }
  if (options_.on_sync) options_.on_sync(steady_clock::now() - begin);
  waiting_ -= group.batches.size();

  auto view = store_->view();
  bool called = false;
  {
    const std::scoped_lock lock(mutex_);
    called = written_view_ != nullptr;
    written_.insert(written_.end(), std::make_move_iterator(group.durable.begin()),
                    std::make_move_iterator(group.durable.end()));
    written_view_.swap(view);
  }
  if (!called) {
    reactor_.post([weak = weak_from_this()] {
      if (const auto writer = weak.lock()) writer->show_written();
    });
  }
  return true;
}

/// Errors: storage_full (the end came before there was room), io_failed, corrupt.
Result<void> JournalRocks::Writer::write_batches(const std::vector<Batch>& batches) {
  if (marked_.sequence > 0 && erase_from(marked_, batches)) {
    if (auto removed = remove_high_water(options_.folder / "high_water"); !removed) return removed;
    marked_ = {};
  }
  auto written = store_->write(batches);
  while (!written && written.error().code == Errc::storage_full && hold()) written = store_->write(batches);
  if (!written) return written;
  if (const auto last = last_event(batches)) reached_ = *last;
  if (reached_.sequence > 0 && erase_from(reached_, batches)) {
    const auto tail = tail_of(*store_->reader());
    if (!tail) return std::unexpected(tail.error());
    reached_ = *tail;
  }
  reached_.writes = store_->writes();
  return {};
}

void JournalRocks::Writer::show_written() {
  std::vector<std::weak_ptr<net::Signal>> written;
  {
    const std::scoped_lock lock(mutex_);
    written.swap(written_);
    visible_ = std::exchange(written_view_, nullptr);
  }
  for (const auto& waiting : written) {
    if (const auto durable = waiting.lock()) durable->notify();
  }
}

void JournalRocks::Writer::move_mark() {
  mark_due_ = steady_clock::now() + mark_every;
  if (const auto moved = write_high_water(options_.folder / "high_water", reached_); moved) {
    marked_ = reached_;
    mark_failed_ = false;
  } else if (!std::exchange(mark_failed_, true)) {
    // No reason to stop selling: the old mark is still true.
    tell(ops::Level::warn, "mark", moved.error().detail);
  }
}

JournalRocks::JournalRocks(std::shared_ptr<Writer> writer) : writer_(std::move(writer)) {}

Result<std::unique_ptr<JournalRocks>> JournalRocks::open(net::Reactor& reactor, JournalRocksOptions options) {
  const std::string folder = options.folder.string();
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (!error) std::filesystem::permissions(options.folder, std::filesystem::perms::owner_all, error);
  if (error) return fail(Errc::io_failed, "the journal's folder " + folder + " cannot be made one's own");
  FolderLock lock(options.folder);
  if (!lock.held())
    return fail(Errc::io_failed, "the journal in " + folder + " is in use by another process");

  const auto mark = read_high_water(options.folder / "high_water");
  if (!mark) return std::unexpected(mark.error());
  auto store = open_or_salvage(options.folder, *mark);
  if (!store) return failure(store);
  auto tail = tail_of(*(*store)->reader());
  if (!tail) return failure(tail);
  tail->writes = (*store)->writes();
  auto writer = std::make_shared<Writer>(reactor, std::move(options), std::move(lock), std::move(*store),
                                         *tail, mark->value_or(HighWater{}));
  writer->start();
  return std::unique_ptr<JournalRocks>(new JournalRocks(std::move(writer)));
}

JournalRocks::~JournalRocks() {
  writer_->stop();
}

Task<void> JournalRocks::commit(Batch batch) {
  if (batch.empty()) co_return;
  auto durable = std::make_shared<net::Signal>();
  writer_->add(std::move(batch), durable);
  co_await wait_durable(std::move(durable));
}

Result<std::optional<std::string>> JournalRocks::get(Family family, std::string_view key) const {
  return writer_->read(writer_->store().get(writer_->visible(), family, key));
}

Result<std::optional<Entry>> JournalRocks::last(Family family, std::string_view before) const {
  return writer_->read(writer_->store().last(writer_->visible(), family, before));
}

Result<void> JournalRocks::scan(
    Family family, std::string_view from,
    const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  return writer_->read(writer_->store().scan(writer_->visible(), family, from, visit));
}

std::size_t JournalRocks::waiting() const {
  return writer_->waiting();
}

void JournalRocks::compact(Family family) {
  writer_->compact(family);
}

Result<BackedUp> JournalRocks::back_up(BackupOrder order) const {
  order.data_dir = writer_->folder();
  return journal::back_up(writer_->store(), order);
}

const Space& JournalRocks::space() const {
  return writer_->space();
}

}  // namespace perkline::edge::journal
