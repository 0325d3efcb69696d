#include "hub/identity/password_hasher.hpp"

#include <algorithm>
#include <functional>
#include <sys/resource.h>

#include "shared/core/assert.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/random.hpp"
#include "shared/net/signal.hpp"

namespace perkline::hub::identity {
namespace {

constexpr unsigned threads_max = 8;
constexpr seconds retry_after{2};
/// Longer than what lies between two hashes under load, short enough that a quiet hub is a small one.
constexpr seconds memory_kept{10};

/// One core is left to all else. Less priority alone does not do: a scheduler lets a hash that runs have its
/// slice of milliseconds, and a call passes through several threads.
unsigned threads_of(unsigned wanted) {
  const unsigned cores = std::max(std::thread::hardware_concurrency(), 2U);
  return wanted != 0 ? wanted : std::min(cores - 1, threads_max);
}

/// Of this thread alone (setpriority(2), "C library/kernel differences"): where there is one core, or none is
/// free, other calls are not to wait for a tenth of a second. From whatever the process has.
void be_modest() {
  constexpr int less = 10;
  constexpr int least = 19;
  ::setpriority(PRIO_PROCESS, 0, std::min(::getpriority(PRIO_PROCESS, 0) + less, least));
}

std::string random_text() {
  SystemRng rng;
  Digest bytes{};
  rng.fill(bytes);
  return to_hex(bytes);
}

}  // namespace

struct PasswordHasher::Job {
  std::function<void(HashMemory&)> action;  ///< On a hashing thread.
  net::Signal signal = {};                  ///< This and what follows: on the reactor's.
  bool done = false;
};

PasswordHasher::PasswordHasher(net::Reactor& reactor, Options options)
    : reactor_(reactor), options_(options) {
  auto hash = hash_password(random_text(), options_.cost);
  PERKLINE_ASSERT(hash.has_value());
  nobodys_hash_ = std::move(*hash);
  for (unsigned i = 0; i < threads_of(options_.threads); ++i) threads_.emplace_back([this] { work(); });
}

PasswordHasher::~PasswordHasher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

Task<Result<std::string>> PasswordHasher::hash(std::string password) {
  const auto hash = std::make_shared<Result<std::string>>(fail(Errc::cancelled));
  auto job =
      std::make_shared<Job>([hash, password = std::move(password), cost = options_.cost](HashMemory& memory) {
        *hash = hash_password(password, cost, &memory);
      });
  if (auto done = co_await run(std::move(job)); !done) co_return failure(done);
  co_return std::move(*hash);
}

Task<Result<bool>> PasswordHasher::verify(std::string hash, std::string password) {
  const auto right = std::make_shared<bool>(false);
  auto job =
      std::make_shared<Job>([right, hash = std::move(hash), password = std::move(password)](
                                HashMemory& memory) { *right = verify_password(hash, password, &memory); });
  if (auto done = co_await run(std::move(job)); !done) co_return failure(done);
  co_return *right;
}

Task<Result<void>> PasswordHasher::run(std::shared_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= options_.queue_max) {
      const auto limit = static_cast<std::int64_t>(options_.queue_max);
      co_return fail({.code = Errc::rate_limited,
                      .detail = "too many passwords are being checked; try again",
                      .retry_after = retry_after,
                      .quota = Quota{.limit = limit, .remaining = 0, .reset = retry_after}});
    }
    waiting_.push_back(job);
  }
  wake_.notify_one();
  co_await job->signal.wait();
  if (!job->done) co_return fail(Errc::cancelled);
  co_return Result<void>{};
}

void PasswordHasher::work() {
  be_modest();
  HashMemory memory;
  while (auto job = next(memory)) {
    job->action(memory);
    // Moved, so that no owner is left on this thread: the signal belongs to the reactor's.
    reactor_.post([finished = std::move(job)] {
      finished->done = true;
      finished->signal.notify();
    });
  }
}

std::shared_ptr<PasswordHasher::Job> PasswordHasher::next(HashMemory& memory) {
  const auto due = [this] { return stopping_ || !waiting_.empty(); };
  std::unique_lock lock(mutex_);
  if (!wake_.wait_for(lock, memory_kept, due)) {
    lock.unlock();
    memory.release();
    lock.lock();
    wake_.wait(lock, due);
  }
  if (stopping_) return nullptr;
  auto job = std::move(waiting_.front());
  waiting_.pop_front();
  return job;
}

}  // namespace perkline::hub::identity
