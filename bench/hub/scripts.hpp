#pragma once

#include <vector>

#include "bench/hub/members.hpp"
#include "bench/measure/http_load.hpp"
#include "shared/core/random.hpp"

/// What members ask a hub for, again and again. `members` outlives each.
namespace perkline::bench {

/// Keys for Idempotency-Key that no earlier run against the same database has used.
class CallKeys {
 public:
  /// The header line.
  std::string next();

 private:
  std::uint64_t run_ = SystemRng().next();
  std::uint64_t count_ = 0;
};

/// A cent from a random member to another; or, `hot`, to the first.
class TransferScript final : public HttpScript {
 public:
  TransferScript(const std::vector<Member>& members, bool hot) : members_(members), hot_(hot) {}
  std::size_t next(std::size_t lane, std::string& request) override;
  bool answered(std::size_t lane, int status, std::string_view body) override;

 private:
  const std::vector<Member>& members_;
  bool hot_;
  SeededRng rng_{1};
  CallKeys keys_;
};

/// A random member's spin.
class SpinScript final : public HttpScript {
 public:
  explicit SpinScript(const std::vector<Member>& members) : members_(members) {}
  std::size_t next(std::size_t lane, std::string& request) override;
  bool answered(std::size_t lane, int status, std::string_view body) override;

 private:
  const std::vector<Member>& members_;
  SeededRng rng_{1};
  CallKeys keys_;
};

/// Claims what is assigned, each once.
class ClaimScript final : public HttpScript {
 public:
  explicit ClaimScript(const std::vector<Member>& members) : members_(members) {}
  void add(std::vector<MadeAssignment> assignments);
  std::size_t left() const { return left_.size(); }
  /// Once nothing is left, the first member asks for what is nobody's: a failure, which ends the turn.
  std::size_t next(std::size_t lane, std::string& request) override;
  bool answered(std::size_t lane, int status, std::string_view body) override;

 private:
  const std::vector<Member>& members_;
  std::vector<MadeAssignment> left_;
  CallKeys keys_;
};

/// A random member reads.
class ReadScript final : public HttpScript {
 public:
  ReadScript(const std::vector<Member>& members, std::string target)
      : members_(members), target_(std::move(target)) {}
  std::size_t next(std::size_t lane, std::string& request) override;
  bool answered(std::size_t lane, int status, std::string_view body) override;

 private:
  const std::vector<Member>& members_;
  std::string target_;
  SeededRng rng_{1};
};

}  // namespace perkline::bench
