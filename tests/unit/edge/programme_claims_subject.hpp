#pragma once

#include "tests/unit/edge/programme_subject.hpp"

namespace perkline::edge::programme {

inline Uuid uuid_of(std::uint8_t number) {
  Uuid id;
  id.bytes[6] = 0x70;
  id.bytes[8] = 0x80;
  id.bytes[15] = number;
  return id;
}

/// Claims of two promotions, one of which begins tomorrow, at a hub that grants them.
class ClaimsTest : public ProgrammeTest {
 protected:
  void SetUp() override {
    ProgrammeTest::SetUp();
    catalogue.promotion(welcome, "2026-02-01", "2026-03-31");
    catalogue.promotion(later, "2026-03-02", "2026-03-31");
    offer();
    assign({welcome, later});
    hub.claim = [this](const sync::ClaimRequest& request) {
      return says(request, sync::ClaimOutcome::claimed);
    };
  }
  static Money dollars(std::int64_t minor) { return {minor, session::usd()}; }
  sync::ClaimAnswer says(const sync::ClaimRequest& request, sync::ClaimOutcome outcome) {
    sync::ClaimAnswer answer{.claim = request.claim, .outcome = outcome};
    if (outcome == sync::ClaimOutcome::claimed) {
      answer.credit = sync::ClaimAnswer::Credit{.user = UserId("0190163d-8694-739b-aea5-966c26f8ad91"),
                                                .amount = dollars(2000),
                                                .available = dollars(2150),
                                                .held = dollars(0),
                                                .claimed_at = request.claimed_at,
                                                .transaction = uuid_of(99),
                                                .description = "Claimed 'Welcome' promotion",
                                                .created_at = request.claimed_at};
    }
    return answer;
  }
  std::vector<sync::PromotionClaimed> pending() { return told<sync::PromotionClaimed>(); }
  std::vector<std::string> listed(const std::string& customer = "CUST-12345") {
    const auto answer = life->run(programme->claims().promotions(CustomerId(customer)));
    EXPECT_TRUE(answer);
    std::vector<std::string> ids;
    const auto document = json::parse(answer->body);
    for (const json::Value& item : document->root().find("items")->items())
      ids.emplace_back(item.find("id")->text());
    return ids;
  }

  const Uuid welcome = uuid_of(1);
  const Uuid later = uuid_of(2);
};

}  // namespace perkline::edge::programme
