#pragma once

#include <map>
#include <semaphore>
#include <string>

#include "tests/fault/misbehaviour/subject.hpp"

namespace perkline::test {

/// A till's sale, as far as it has come.
struct OddSale {
  std::string transaction;
  std::string session = {};
};

/// What has to be done while the breaker is open, for seconds, is done by a few at a time, so that they are
/// not in each other's way.
class Turn {
 public:
  Turn() { turns.acquire(); }
  ~Turn() { turns.release(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  static inline std::counting_semaphore<4> turns{4};
};

/// What the stories of all endpoints have in common: sales at the till of one edge, and how they end.
class Story {
 public:
  using Call = FakePdi::Call;

  Story(const ProviderPapers& papers, Misbehaviour kind, Call endpoint)
      : kind_(kind), endpoint_(endpoint), subject_(papers, kind, endpoint) {}
  virtual ~Story() = default;

  /// Either story of the kind and endpoint (matrix.txt); what is not as tabled is a failed expectation.
  void tell(BreakerIs state);

 protected:
  virtual void tell_open_and_half_open() = 0;
  virtual void tell_closed() = 0;

  const Cell& cell(BreakerIs state) const { return matrix().at(kind_, endpoint_, state); }
  Subject& subject() { return subject_; }
  void misbehave() { subject_.pdi().misbehave(endpoint_); }

  /// One of a till's three calls.
  bench::WebAnswer step(OddSale& sale, Call call);
  /// Those before the till's `call`, which go well.
  void bring(OddSale& sale, Call call);
  /// Those behind it, up to finalize.
  void finish(OddSale& sale, Call call);
  /// As matrix.txt has it: `200 standin`, `400 PDI_REJECTED`.
  std::string told(const OddSale& sale, const bench::WebAnswer& answer) const;
  /// PDI is well; what becomes of it, by the cell's `end`.
  void expect_end(OddSale& sale, const std::string& end);
  void expect_queued_as(const OddSale& sale, const std::string& state);
  /// From here on, before PDI has seen any, refreshes of the token are expected to begin a second apart.
  void mark_refreshes() { refreshes_since_ = std::chrono::steady_clock::now(); }
  void expect_refreshes_apart();
  /// From here on, steps to the states of the queue are counted.
  void mark_steps();
  /// Since then sales have come to that state of the queue, and to no other but, `from` there, that one.
  void expect_stepped_to(const std::string& state, const std::string& from = {});

  const Misbehaviour kind_;
  const Call endpoint_;

 private:
  Subject subject_;
  std::map<std::string, std::size_t> marked_;
  MonoTime refreshes_since_;
};

/// Of identify, calculateRewards, finalize and getSessionStatus.
class CallStory final : public Story {
 public:
  using Story::Story;

 private:
  void tell_open_and_half_open() override;
  void tell_closed() override;

  /// The till's call whose turn it is when PDI misbehaves; of getSessionStatus: finalize, once more.
  Call till_call() const { return endpoint_ == Call::status ? Call::finalize : endpoint_; }
  void bring_to_endpoint(OddSale& sale);
  void open_breaker();
  void tell_open(OddSale& sale);
  void tell_half_open();
  void expect_till_stood_in();
  /// How sales meet it while the breaker is closed.
  void meet_in_turn(OddSale& first, OddSale& second);
  void meet_once(OddSale& sale);
  void expect_counted(const Cell& expected, std::size_t changes);
  /// What is counted at PDI and in the edge, from begin_counting() on.
  struct Counts {
    std::size_t tries = 0;
    std::size_t seen = 0;
    std::size_t tokens = 0;
  };
  void begin_counting() { before_ = counts(); }
  Counts counts();
  Counts counted();
  std::size_t seen_anywhere();

  Counts before_;
  std::size_t changes_when_open_ = 0;
};

/// Of the token endpoint.
class TokenStory final : public Story {
 public:
  using Story::Story;

 private:
  void tell_open_and_half_open() override;
  void tell_closed() override;
  void tell_open(OddSale& sale);
  void tell_half_open(const OddSale& waiting);
  void expect_breaker_counted(const std::string& what, const char* state_if_ignored);

  std::size_t tries_when_open_ = 0;
  std::size_t seen_when_open_ = 0;
};

}  // namespace perkline::test
