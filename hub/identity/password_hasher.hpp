#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "hub/identity/password_hash.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::hub::identity {

/// Hashes on threads of its own, so that neither the reactor nor the database waits for argon2id, and with a
/// bounded queue, so that a flood of logins is turned away before it piles up. Reactor's thread.
class PasswordHasher {
 public:
  struct Options {
    /// Each at work takes a core and HashCost's memory. 0: one fewer than there are cores, at least 1 and at
    /// most 8.
    unsigned threads = 0;
    std::size_t queue_max = 32;
    HashCost cost = HashCost::interactive();
  };
  /// `reactor` must outlive this.
  PasswordHasher(net::Reactor& reactor, Options options);
  PasswordHasher(const PasswordHasher&) = delete;
  PasswordHasher& operator=(const PasswordHasher&) = delete;
  ~PasswordHasher();

  /// Errors: rate_limited with retry_after (the queue is full), overloaded (no memory), cancelled.
  Task<Result<std::string>> hash(std::string password);
  /// Errors: as hash.
  Task<Result<bool>> verify(std::string hash, std::string password);
  /// What to verify a password against that belongs to nobody: takes as long, and is false.
  const std::string& nobodys_hash() const { return nobodys_hash_; }

 private:
  struct Job;
  Task<Result<void>> run(std::shared_ptr<Job> job);
  void work();
  /// nullptr: the end. Blocks a hashing thread; `memory` goes back when there is nothing to do.
  std::shared_ptr<Job> next(HashMemory& memory);

  net::Reactor& reactor_;
  Options options_;
  std::string nobodys_hash_;

  std::mutex mutex_;  ///< Guards what follows.
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace perkline::hub::identity
