#include "edge/journal/journal_rocks.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <fcntl.h>
#include <mutex>
#include <optional>
#include <sys/file.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "edge/journal/high_water.hpp"
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
constexpr std::chrono::seconds mark_every{1};

/// Says that a process uses the folder; gone with it, however it ends.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder)
      : fd_(::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)),
        held_(fd_ >= 0 && ::flock(fd_, LOCK_EX | LOCK_NB) == 0) {}
  FolderLock(FolderLock&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), held_(std::exchange(other.held_, false)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool held() const { return held_; }

 private:
  int fd_;
  bool held_;
};

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

/// Where the outbox on disk ends. Errors: corrupt, io_failed.
Result<HighWater> tail_of(const RocksStore& store) {
  const auto last = store.last(*store.view(), Family::outbox);
  if (!last) return std::unexpected(last.error());
  HighWater tail;
  if (!*last) return tail;
  const Entry& event = **last;
  if (event.key.size() != sizeof tail.sequence || event.value.size() < tail.hash.size()) {
    return fail(Errc::corrupt, "the outbox ends with what is no event");
  }
  tail.sequence = read_u64(event.key);
  std::copy_n(event.value.begin(), tail.hash.size(), tail.hash.begin());
  return tail;
}

/// Errors: corrupt when the database lacks what `mark` vouches for.
Result<void> check_against(const HighWater& mark, const HighWater& tail, const RocksStore& store) {
  std::string key;
  append_u64(key, mark.sequence);
  const auto marked = store.get(*store.view(), Family::outbox, key);
  if (!marked) return std::unexpected(marked.error());
  if (*marked && (*marked)->starts_with(as_chars(mark.hash))) return {};
  if (!*marked && tail.sequence > mark.sequence) return {};  // pruned since the mark was set
  return fail(Errc::corrupt,
              std::string("the journal ") + (*marked ? "differs from what was" : "has lost what was") +
                  " on disk: outbox sequence " + std::to_string(mark.sequence) +
                  " was, and the journal ends at " + std::to_string(tail.sequence) +
                  ". Keep a copy of its folder, restore the last backup into it, and have the hub's operators"
                  " grant the store a new epoch");
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
        reached_(tail),
        marked_(mark) {}

  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void stop() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void add(Batch batch, std::weak_ptr<net::Signal> durable) {
    ++waiting_;
    PERKLINE_ASSERT(waiting_ <= limits::journal_queue_max);
    {
      const std::scoped_lock lock(mutex_);
      arrived_.push_back({.batch = std::move(batch), .durable = std::move(durable)});
    }
    wake_.notify_one();
  }

  std::size_t waiting() const { return waiting_; }
  const RocksStore& store() const { return *store_; }
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

  void run();
  bool await_batches();
  Group take_group();
  bool write(Group group);
  void move_mark();
  void show_written();

  net::Reactor& reactor_;
  const JournalRocksOptions options_;
  const FolderLock lock_;
  const std::unique_ptr<RocksStore> store_;
  std::shared_ptr<const RocksStore::View> visible_;  ///< The reactor's.
  std::atomic<std::size_t> waiting_{0};

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
  HighWater marked_;   ///< In the file.
  steady_clock::time_point mark_due_{};
};

void JournalRocks::Writer::run() {
  bool more = true;
  while (more) {
    more = await_batches();
    if (backlog_done_ < backlog_.size() && !write(take_group())) return;
    if (marked_ != reached_ && (!more || steady_clock::now() >= mark_due_)) move_mark();
  }
}

/// Returns when there is something to write, the mark is due, or (with false) the end has come.
bool JournalRocks::Writer::await_batches() {
  if (backlog_done_ < backlog_.size()) return true;
  backlog_.clear();
  backlog_done_ = 0;
  std::unique_lock lock(mutex_);
  const auto called = [this] { return stopping_ || !arrived_.empty(); };
  if (marked_ != reached_) {
    wake_.wait_until(lock, mark_due_, called);
  } else {
    wake_.wait(lock, called);
  }
  backlog_.swap(arrived_);
  return !stopping_ || !backlog_.empty();
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

/// False when the disk has failed.
bool JournalRocks::Writer::write(Group group) {
  const auto begin = steady_clock::now();
  if (const auto written = store_->write(group.batches); !written) {
    tell(ops::Level::error, "write", written.error().detail);
    if (!options_.on_failure) std::_Exit(1);
    options_.on_failure(written.error().detail);
    return false;
  }
  if (options_.on_sync) options_.on_sync(steady_clock::now() - begin);
  if (const auto last = last_event(group.batches)) reached_ = *last;
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
  } else {
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
  auto store = RocksStore::open(options.folder / "db");
  if (!store) return failure(store);
  const auto tail = tail_of(**store);
  if (!tail) return std::unexpected(tail.error());
  if (*mark) {
    if (auto checked = check_against(**mark, *tail, **store); !checked) return failure(checked);
  }
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

Result<std::optional<Entry>> JournalRocks::last(Family family) const {
  return writer_->read(writer_->store().last(writer_->visible(), family));
}

Result<void> JournalRocks::scan(
    Family family, std::string_view from,
    const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  return writer_->read(writer_->store().scan(writer_->visible(), family, from, visit));
}

std::size_t JournalRocks::waiting() const {
  return writer_->waiting();
}

}  // namespace perkline::edge::journal
