#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "edge/journal/journal_memory.hpp"
#include "edge/journal/journal_rocks.hpp"
#include "shared/net/reactor.hpp"
#include "tests/support/sim_world.hpp"
#include "tests/support/temp_dir.hpp"

namespace perkline::edge::journal {

/// A process with a journal that can end and start again: what the contract runs on.
class Host {
 public:
  virtual ~Host() = default;
  virtual Journal& journal() = 0;
  virtual void reopen() = 0;
  virtual std::uint64_t syncs() const = 0;
  virtual void spawn(Task<void> task) = 0;
  /// Runs one handler; false when nothing can happen any more.
  virtual bool step() = 0;

  bool run_until(const std::function<bool()>& done) {
    while (!done()) {
      if (!step()) return false;
    }
    return true;
  }
  void commit(Batch batch) {
    bool done = false;
    spawn(commit_and_tell(journal(), std::move(batch), done));
    ASSERT_TRUE(run_until([&] { return done; }));
  }

  void run(Task<void> task) {
    bool done = false;
    spawn(tell(std::move(task), done));
    ASSERT_TRUE(run_until([&] { return done; }));
  }
  template <class T>
  T run_for(Task<T> task) {
    std::optional<T> value;
    spawn(keep(std::move(task), value));
    run_until([&] { return value.has_value(); });
    return std::move(value.value());
  }

  static Task<void> tell(Task<void> task, bool& done) {
    co_await std::move(task);
    done = true;
  }
  template <class T>
  static Task<void> keep(Task<T> task, std::optional<T>& value) {
    value = co_await std::move(task);
  }
  static Task<void> commit_and_tell(Journal& journal, Batch batch, bool& done) {
    co_await journal.commit(std::move(batch));
    done = true;
  }
};

/// In memory, in virtual time.
class MemoryHost final : public Host {
 public:
  explicit MemoryHost(Millis sync_time = Millis{3}) : world_(std::make_unique<test::SimWorld>(time_)) {
    disk.sync_time = sync_time;
    journal_ = std::make_unique<JournalMemory>(disk, world_->clock());
  }
  JournalMemory& journal() override { return *journal_; }
  void reopen() override {
    journal_.reset();
    world_ = std::make_unique<test::SimWorld>(time_);
    journal_ = std::make_unique<JournalMemory>(disk, world_->clock());
  }
  std::uint64_t syncs() const override { return disk.syncs; }
  void spawn(Task<void> task) override { world_->spawn(std::move(task)); }
  bool step() override {
    world_->io().restart();
    if (world_->io().poll_one() > 0) return true;
    const auto due = world_->next_due();
    if (!due) return false;
    time_.mono = std::max(time_.mono, *due);
    world_->wake_due();
    return true;
  }
  test::SimWorld& world() { return *world_; }
  MonoTime now() const { return time_.mono; }

  MemoryDisk disk;

 private:
  test::VirtualTime time_;
  std::unique_ptr<test::SimWorld> world_;
  std::unique_ptr<JournalMemory> journal_;
};

/// On a reactor that the test drives handler by handler.
class ReactorHost : public Host {
 public:
  void spawn(Task<void> task) override { reactor.spawn(std::move(task)); }
  bool step() override {
    reactor.io().restart();
    return reactor.io().run_one_for(std::chrono::seconds{20}) > 0;
  }
  net::Reactor reactor;
};

class MemoryReactorHost final : public ReactorHost {
 public:
  MemoryReactorHost() { reopen(); }
  Journal& journal() override { return *journal_; }
  void reopen() override {
    journal_.reset();
    journal_ = std::make_unique<JournalMemory>(disk_, reactor.clock());
  }
  std::uint64_t syncs() const override { return disk_.syncs; }

 private:
  MemoryDisk disk_;
  std::unique_ptr<JournalMemory> journal_;
};

class RocksHost final : public ReactorHost {
 public:
  RocksHost() { reopen(); }
  JournalRocks& journal() override { return *journal_; }
  void reopen() override {
    close();
    auto opened = open();
    ASSERT_TRUE(opened) << opened.error().detail;
    journal_ = std::move(*opened);
  }
  std::uint64_t syncs() const override { return syncs_; }

  void close() { journal_.reset(); }
  Result<std::unique_ptr<JournalRocks>> open() {
    return JournalRocks::open(reactor, {.folder = folder(), .on_sync = [this](auto) { ++syncs_; }});
  }
  std::filesystem::path folder() const { return dir_.path() / "journal"; }

 private:
  test::TempDir dir_;
  std::atomic<std::uint64_t> syncs_{0};
  std::unique_ptr<JournalRocks> journal_;
};

}  // namespace perkline::edge::journal
