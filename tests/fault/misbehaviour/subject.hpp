#pragma once

#include <string>
#include <vector>

#include "tests/fault/misbehaviour/odd_provider.hpp"
#include "tests/integration/lone_edge.hpp"

namespace perkline::test {

/// A real edge and the PDI that misbehaves towards it, and what of both can be seen from outside.
class Subject {
 public:
  using Call = FakePdi::Call;

  Subject(const ProviderPapers& papers, Misbehaviour kind, Call endpoint);

  OddProvider& pdi() { return pdi_; }
  FakePdi& books() { return pdi_.books(); }
  Till till() const { return edge_.till(); }
  /// Killed and started: its breakers are closed and it has no token.
  void restart() { edge_.restart(); }

  /// How often the edge has tried that call (of the token: has asked for one), as its metrics tell.
  std::size_t tries(Call call) const;
  std::size_t seen(Call call) { return books().calls(call); }

  /// Of the breaker for PDI's calls: `CLOSED`.
  std::string breaker() const;
  /// Every change of that breaker's state since the edge was started first: `CLOSED>OPEN`.
  std::vector<std::string> breaker_changes() const;
  /// As an operator holds it open, and closes it; what it has counted is forgotten.
  void hold_breaker_open();
  void close_breaker();
  /// Of the token endpoint's breaker; told every 250 ms.
  bool token_breaker_is(const std::string& state) const;

  /// How many steps of sessions have led to that state.
  std::size_t steps_to(const std::string& state) const;
  /// What `queue list` holds of that session; `nothing`: it is not in it.
  std::string queued_as(const std::string& session) const;
  /// A person's decision.
  void retry(const std::string& session);

  /// Waits until a refresh of the token may begin: none does within a second of another.
  void let_token_age();

 private:
  std::string control(const std::string& line, const std::string& body = {}) const;
  std::string metrics() const;

  OddProvider pdi_;
  LoneEdge edge_;
};

}  // namespace perkline::test
