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

unsigned threads_of(unsigned wanted) {
  return wanted != 0 ? wanted : std::clamp(std::thread::hardware_concurrency(), 1U, threads_max);
}

std::string random_text() {
  SystemRng rng;
  Digest bytes{};
  rng.fill(bytes);
  return to_hex(bytes);
}

}  // namespace

struct PasswordHasher::Job {
  std::function<void()> action;  ///< On a hashing thread.
  net::Signal signal = {};       ///< This and what follows: on the reactor's.
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
  auto job = std::make_shared<Job>([hash, password = std::move(password), cost = options_.cost] {
    *hash = hash_password(password, cost);
  });
  if (auto done = co_await run(std::move(job)); !done) co_return failure(done);
  co_return std::move(*hash);
}

Task<Result<bool>> PasswordHasher::verify(std::string hash, std::string password) {
  const auto right = std::make_shared<bool>(false);
  auto job = std::make_shared<Job>([right, hash = std::move(hash), password = std::move(password)] {
    *right = verify_password(hash, password);
  });
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
  // Of this thread alone (setpriority(2), "C library/kernel differences"): a hash takes a core for a tenth of
  // a second, which other calls are not to wait for.
  constexpr int niceness = 10;
  ::setpriority(PRIO_PROCESS, 0, niceness);
  while (true) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    job->action();
    // Moved, so that no owner is left on this thread: the signal belongs to the reactor's.
    reactor_.post([finished = std::move(job)] {
      finished->done = true;
      finished->signal.notify();
    });
  }
}

}  // namespace perkline::hub::identity
