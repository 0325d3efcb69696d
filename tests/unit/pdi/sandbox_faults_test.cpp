#include <algorithm>

#include <gtest/gtest.h>

#include "pdi_client/answers.hpp"
#include "pdi_client/sandbox/faults.hpp"
#include "pdi_client/sandbox/spoil.hpp"
#include "pdi_client/token_answer.hpp"
#include "shared/core/limits.hpp"

namespace perkline::pdi::sandbox {
namespace {

class SandboxFaults : public ::testing::Test {
 protected:
  FaultMode mode_of(Endpoint endpoint) { return faults.draw(endpoint, rng).mode; }
  /// The fields that a body is refused for.
  std::vector<std::string> refused(std::string_view body) {
    const auto changed = faults.change(body);
    std::vector<std::string> fields;
    if (changed) return fields;
    EXPECT_EQ(changed.error().code, Errc::validation_failed);
    for (const FieldFault& fault : changed.error().faults) fields.push_back(fault.field);
    return fields;
  }

  Faults faults;
  SeededRng rng{1};
};

TEST_F(SandboxFaults, FieldsLeftOutTakeTheContractsValues) {
  ASSERT_TRUE(faults.change(R"({"endpoint":"finalize","mode":"status"})"));
  const Fault fault = faults.draw(Endpoint::finalize, rng);
  EXPECT_EQ(fault.mode, FaultMode::status);
  EXPECT_EQ(fault.status, 503);
  EXPECT_EQ(fault.delay, Millis{0});
  EXPECT_EQ(fault.retry_after, "");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(mode_of(Endpoint::finalize), FaultMode::status);
}

TEST_F(SandboxFaults, OnlyTheNamedEndpointIsChanged) {
  ASSERT_TRUE(faults.change(R"({"endpoint":"identify","mode":"hang"})"));
  ASSERT_TRUE(faults.change(R"({"endpoint":"token","mode":"reset"})"));
  EXPECT_EQ(mode_of(Endpoint::identify), FaultMode::hang);
  EXPECT_EQ(mode_of(Endpoint::token), FaultMode::reset);
  EXPECT_EQ(mode_of(Endpoint::calculate), FaultMode::ok);
  EXPECT_EQ(mode_of(Endpoint::status), FaultMode::ok);
}

TEST_F(SandboxFaults, StarChangesAllFiveEachWithItsOwnCount) {
  ASSERT_TRUE(faults.change(R"({"endpoint":"*","mode":"drip","count":1})"));
  for (std::size_t i = 0; i < endpoint_count; ++i) {
    EXPECT_EQ(mode_of(static_cast<Endpoint>(i)), FaultMode::drip);
    EXPECT_EQ(mode_of(static_cast<Endpoint>(i)), FaultMode::ok);
  }
}

TEST_F(SandboxFaults, AFaultReplacesTheOneBefore) {
  ASSERT_TRUE(
      faults.change(R"({"endpoint":"identify","mode":"status","status":429,"retryAfter":"7","count":9})"));
  ASSERT_TRUE(faults.change(R"({"endpoint":"identify","mode":"status"})"));
  const Fault fault = faults.draw(Endpoint::identify, rng);
  EXPECT_EQ(fault.status, 503);
  EXPECT_EQ(fault.retry_after, "");
  EXPECT_EQ(fault.count, 0);
  ASSERT_TRUE(faults.change(R"({"endpoint":"*","mode":"ok"})"));
  EXPECT_EQ(mode_of(Endpoint::identify), FaultMode::ok);
}

TEST_F(SandboxFaults, CountIsOfCallsThatItStruck) {
  ASSERT_TRUE(faults.change(R"({"endpoint":"identify","mode":"reset","count":3,"probability":0.5})"));
  int struck = 0;
  for (int i = 0; i < 1000; ++i) struck += mode_of(Endpoint::identify) == FaultMode::reset ? 1 : 0;
  EXPECT_EQ(struck, 3);
}

TEST_F(SandboxFaults, ProbabilityIsPerCall) {
  ASSERT_TRUE(faults.change(R"({"endpoint":"identify","mode":"reset","probability":0.25})"));
  int struck = 0;
  for (int i = 0; i < 4000; ++i) struck += mode_of(Endpoint::identify) == FaultMode::reset ? 1 : 0;
  EXPECT_GT(struck, 850);
  EXPECT_LT(struck, 1150);
  ASSERT_TRUE(faults.change(R"({"endpoint":"identify","mode":"reset","probability":0})"));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(mode_of(Endpoint::identify), FaultMode::ok);
}

TEST_F(SandboxFaults, EveryModeOfTheContractIsKnown) {
  const std::pair<const char*, FaultMode> modes[] = {
      {"ok", FaultMode::ok},
      {"delay", FaultMode::delay},
      {"hang", FaultMode::hang},
      {"reset", FaultMode::reset},
      {"status", FaultMode::status},
      {"malformed", FaultMode::malformed},
      {"timeout_after_commit", FaultMode::timeout_after_commit},
      {"drip", FaultMode::drip}};
  for (const auto& [name, mode] : modes) {
    ASSERT_TRUE(faults.change(R"({"endpoint":"getSessionStatus","mode":")" + std::string(name) + "\"}"))
        << name;
    EXPECT_EQ(mode_of(Endpoint::status), mode) << name;
  }
}

TEST_F(SandboxFaults, EveryFaultOfABodyIsNamed) {
  using Fields = std::vector<std::string>;
  EXPECT_EQ(refused("{}"), Fields{"endpoint"});
  EXPECT_EQ(refused(R"({"endpoint":"spin","mode":"slow"})"), (Fields{"endpoint", "mode"}));
  EXPECT_EQ(refused(R"({"endpoint":"*","mode":"ok","status":199})"), Fields{"status"});
  EXPECT_EQ(refused(R"({"endpoint":"*","mode":"ok","status":600})"), Fields{"status"});
  EXPECT_EQ(refused(R"({"endpoint":"*","mode":"ok","delayMs":-1})"), Fields{"delayMs"});
  EXPECT_EQ(refused(R"({"endpoint":"*","mode":"ok","delayMs":1.5})"), Fields{"delayMs"});
  EXPECT_EQ(refused(R"({"endpoint":"*","mode":"ok","probability":1.1})"), Fields{"probability"});
  EXPECT_EQ(refused(R"({"endpoint":"*","mode":"ok","probability":"1"})"), Fields{"probability"});
  EXPECT_EQ(refused(R"({"endpoint":"*","mode":"ok","count":-1})"), Fields{"count"});
  EXPECT_EQ(refused(R"({"endpoint":"*","mode":"ok","retryAfter":"a\r\nb"})"), Fields{"retryAfter"});
  EXPECT_EQ(faults.change("{").error().code, Errc::malformed_json);
}

TEST_F(SandboxFaults, RefusedBodyChangesNothing) {
  ASSERT_TRUE(faults.change(R"({"endpoint":"*","mode":"hang"})"));
  ASSERT_FALSE(faults.change(R"({"endpoint":"*","mode":"ok","count":-1})"));
  EXPECT_EQ(mode_of(Endpoint::finalize), FaultMode::hang);
}

TEST(SandboxSpoil, NoSpoiltAnswerIsTakenForGood) {
  const ProviderSessionId session("s");
  const FinalizeCall call{.session = session,
                          .transaction = TransactionId("t"),
                          .final_amount = Money{100, *find_currency("USD")},
                          .redeem = std::nullopt};
  const auto taken = [&](Endpoint endpoint, const std::string& body) {
    switch (endpoint) {
      case Endpoint::identify:
        return read_identified(body).has_value();
      case Endpoint::calculate:
        return read_rewards(body, session).has_value();
      case Endpoint::finalize:
        return read_finalized(body, call).has_value();
      case Endpoint::status:
        return read_status(body, session).has_value();
      case Endpoint::token:
        return read_token_grant(body).has_value();
    }
    return false;
  };
  const std::string good[endpoint_count] = {
      R"({"sessionId":"s","status":"active","customerName":"J","currentPoints":5000,"tier":"Gold"})",
      R"({"earnedPoints":450,"multiplier":3.0,"bonusPoints":150,"breakdown":{"basePoints":300}})",
      R"({"sessionId":"s","status":"finalized","earnedPoints":1,"redeemedPoints":0,"newBalance":2,"receiptId":"R"})",
      R"({"sessionId":"s","status":"calculated"})", R"({"access_token":"abc","token_type":"Bearer"})"};
  for (std::size_t i = 0; i < endpoint_count; ++i) {
    const auto endpoint = static_cast<Endpoint>(i);
    ASSERT_TRUE(taken(endpoint, good[i])) << name_of(endpoint);
    for (std::size_t turn = 0; turn < spoilings(endpoint); ++turn) {
      const std::string spoilt = spoil(endpoint, good[i], turn);
      // What is only too long never comes as far as the reader.
      if (spoilt.size() > limits::pdi_answer_bytes_max) continue;
      EXPECT_FALSE(taken(endpoint, spoilt)) << name_of(endpoint) << ' ' << spoilt;
    }
  }
}

}  // namespace
}  // namespace perkline::pdi::sandbox
