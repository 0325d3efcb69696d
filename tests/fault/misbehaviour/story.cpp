#include <gtest/gtest.h>

#include "tests/fault/misbehaviour/stories.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {

void Story::tell(BreakerIs state) {
  const bool closed = state == BreakerIs::closed;
  SCOPED_TRACE(written(kind_) + " at " + std::string(written(endpoint_)) +
               (closed ? ", closed" : ", open and half_open"));
  closed ? tell_closed() : tell_open_and_half_open();
}

bench::WebAnswer Story::step(OddSale& sale, Call call) {
  const Till till = subject_.till();
  if (call == Call::calculate) return till.calculate(sale.session);
  if (call == Call::finalize) return till.finalize(sale.session, sale.transaction);
  auto answer = till.identify(sale.transaction);
  sale.session = text_at(answer, "sessionId");
  return answer;
}

void Story::bring(OddSale& sale, Call call) {
  for (const Call before : {Call::identify, Call::calculate}) {
    if (before >= call) return;
    const auto answer = step(sale, before);
    EXPECT_EQ(told(sale, answer), "200 online") << sale.transaction << answer.body;
  }
}

void Story::finish(OddSale& sale, Call call) {
  for (const Call next : {Call::calculate, Call::finalize}) {
    if (next <= call) continue;
    const auto answer = step(sale, next);
    EXPECT_LT(answer.status, 300) << sale.transaction << ' ' << written(next) << ": " << answer.body;
  }
}

std::string Story::told(const OddSale& sale, const bench::WebAnswer& answer) const {
  const std::string status = std::to_string(answer.status) + ' ';
  if (answer.status >= 400) return status + text_at(answer, "code");
  const std::string mode = text_at(answer, "mode");
  // The price of a basket does not name it.
  return status + (mode.empty() ? text_at(subject_.till().status(sale.session), "mode") : mode);
}

void Story::expect_queued_as(const OddSale& sale, const std::string& state) {
  EXPECT_TRUE(eventually([&] { return subject_.queued_as(sale.session) == state; }))
      << sale.transaction << " is to be " << state << " in the queue, and is "
      << subject_.queued_as(sale.session);
}

void Story::mark_steps() {
  for (const char* state : {"queued", "in_doubt", "review"}) marked_[state] = subject_.steps_to(state);
}

void Story::expect_stepped_to(const std::string& state, const std::string& from) {
  if (state != from && state != "nothing")
    EXPECT_TRUE(eventually([&] { return subject_.steps_to(state) > marked_[state]; })) << state;
  for (const auto& [other, steps] : marked_) {
    if (other != state && other != from) EXPECT_EQ(subject_.steps_to(other), steps) << other;
  }
}

/// They begin at the edge, where each waits for the one before: one may be late on its way, and the next not.
void Story::expect_refreshes_apart() {
  const auto asked = subject_.books().arrivals(Call::token);
  for (std::size_t i = 0; i < asked.size(); ++i) EXPECT_GE(asked[i] - refreshes_since_, seconds{i}) << i;
  for (std::size_t i = 2; i < asked.size(); ++i) EXPECT_GE(asked[i] - asked[i - 2], seconds{1}) << i;
}

void Story::expect_end(OddSale& sale, const std::string& end) {
  SCOPED_TRACE(sale.transaction + " ends as " + end);
  if (end == "resold") {
    const Call again = sale.session.empty() ? Call::identify : Call::calculate;
    EXPECT_EQ(told(sale, step(sale, again)), "200 online");
    finish(sale, again);
  }
  if (end == "review") {
    expect_queued_as(sale, "review");
    subject_.retry(sale.session);
  }
  if (end == "refused") {
    EXPECT_EQ(told(sale, step(sale, Call::finalize)), "400 PDI_REJECTED");
    EXPECT_EQ(text_at(subject_.till().status(sale.session), "status"), "failed");
    EXPECT_EQ(subject_.books().booked(sale.transaction), 0u);
    return;
  }
  const auto status = [&] { return text_at(subject_.till().status(sale.session), "status"); };
  EXPECT_TRUE(eventually([&] { return status() == "finalized"; }, std::chrono::seconds(50))) << status();
  EXPECT_EQ(subject_.books().booked(sale.transaction), 1u) << "in PDI's own ledger";
  const auto final = step(sale, Call::finalize);
  EXPECT_EQ(final.status, 200) << final.body;
  EXPECT_EQ(number_at(final, "earnedPoints"), FakePdi::earned);
  expect_queued_as(sale, "nothing");
}

}  // namespace perkline::test
