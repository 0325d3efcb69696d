#include "edge/downlink/erasing.hpp"

#include "edge/session/erased.hpp"
#include "shared/json/value.hpp"
#include "shared/sync/hash_chain.hpp"
#include "tests/unit/edge/jobs_subject.hpp"

namespace perkline::edge::downlink {
namespace {

using jobs::Job;
using session::Session;
using session::Status;
using session::Till;

const CustomerId john("CUST-12345");
const CustomerId token("erased-00112233445566778899aabbccddeeff");

/// People who are forgotten in a store with sales of all kinds.
class ErasingTest : public jobs::JobsTest {
 protected:
  ~ErasingTest() override { end(); }
  void TearDown() override {
    stop();
    JobsTest::TearDown();
  }

  void stop() {
    if (life) life->world.reset();
    erasing_.reset();
  }
  void restart() {
    stop();
    start();
  }
  sync::Erasure erasure(const CustomerId& of = john) {
    Uuid id;
    id.bytes[0] = static_cast<std::uint8_t>(++erasures_);
    return {.id = id, .member = sync::member_hash(of), .token = token, .requested_at = outside.time.wall};
  }
  void want(const sync::Erasure& wanted) {
    if (!erasing_) {
      erasing_.emplace(Erasing::Parts{.ports = life->ports, .writer = life->writer, .outbox = *life->outbox});
      life->world->spawn(erasing_->run());
    }
    erasing_->want({wanted});
  }
  bool forgotten(Millis within = seconds{30}) {
    return life->world->run_until([this] { return erasing_->waiting() == 0; }, within);
  }
  /// The erasures that the hub is told of, in order.
  std::vector<Uuid> told() {
    std::vector<Uuid> all;
    const auto records = life->outbox->read(1, 1000, 1 << 20);
    EXPECT_TRUE(records);
    for (const auto& record : *records) {
      const auto event = sync::decode_event(record.event).value();
      if (const auto* erased = std::get_if<sync::MemberErased>(&event.payload))
        all.push_back(erased->erasure);
    }
    return all;
  }
  /// Whether anything in the journal but the outbox, which the hub is told of, holds the text.
  bool is_anywhere(const std::string& text) {
    bool found = false;
    for (const auto family :
         {journal::Family::sessions, journal::Family::archive, journal::Family::members}) {
      EXPECT_TRUE(life->journal.scan(family, "", [&](std::string_view key, std::string_view value) {
        found = found || key.find(text) != key.npos || value.find(text) != value.npos;
        return true;
      }));
    }
    return found;
  }
  Session stored(const Till& till) { return life->stored(till.session); }

  std::optional<Erasing> erasing_;
  int erasures_ = 0;
};

TEST_F(ErasingTest, TheTokenStandsWhereverTheCardStoodAndNoNameAnywhere) {
  const Till till = sold("T-1");
  away(days{31});
  ASSERT_TRUE(run(Job::archive));
  const Till later = sold("T-2");
  ASSERT_TRUE(is_anywhere(john.str()));
  ASSERT_TRUE(is_anywhere("John Doe"));
  const Session before = stored(till);
  skip(seconds{1});
  const auto wanted = erasure();
  want(wanted);
  ASSERT_TRUE(forgotten());
  EXPECT_FALSE(is_anywhere(john.str()));
  EXPECT_FALSE(is_anywhere("John Doe"));
  EXPECT_FALSE(life->ports.members.find(john).value().has_value());
  EXPECT_EQ(told(), std::vector<Uuid>{wanted.id});
  for (const Till& each : {till, later}) EXPECT_EQ(stored(each).customer, token);
  const Session after = stored(till);
  EXPECT_EQ(after.sale, before.sale);
  EXPECT_EQ(after.earned, before.earned);
  EXPECT_EQ(after.new_balance, before.new_balance);
  EXPECT_EQ(after.version, before.version);
  EXPECT_TRUE(life->store.look_up(till.session).value()->archived_at) << "where it lay";
}

TEST_F(ErasingTest, OthersKeepTheirs) {
  outside.pdi.add({.id = CustomerId("CUST-00002"), .name = "Jane", .tier = "Silver", .balance = Points{10}});
  Till till = till_of("T-1");
  till.customer = CustomerId("CUST-00002");
  till.session = life->identify(till);
  ASSERT_TRUE(life->calculate(till));
  ASSERT_TRUE(life->finalize(till));
  const Session before = stored(till);
  skip(seconds{1});
  want(erasure());
  ASSERT_TRUE(forgotten());
  EXPECT_EQ(stored(till), before);
  EXPECT_TRUE(life->ports.members.find(CustomerId("CUST-00002")).value().has_value());
}

TEST_F(ErasingTest, AFinalizeIsToldAgainToTheByteAndIdentifyIsNoLongerTheirs) {
  const Till till = sold("T-1");
  const std::string answer = stored(till).finalize_answer->body;
  skip(seconds{1});
  want(erasure());
  ASSERT_TRUE(forgotten());
  EXPECT_EQ(life->finalize(till)->body, answer) << "it named nobody";
  const auto again = life->run(life->flows.identify(till.identify_request(), ""));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::transaction_reused);
}

TEST_F(ErasingTest, ASaleThatIsNotSettledGoesToPdiUnderItsCardFirst) {
  life_options.standin.enabled = true;
  start();
  outside.pdi.next(jobs::PdiCall::finalize, {.lose_answer = true});
  const Till till = calculated("T-1");
  (void)life->finalize(till);
  ASSERT_FALSE(is_end(status_of(till)));
  skip(seconds{1});
  const auto wanted = erasure();
  want(wanted);
  EXPECT_FALSE(forgotten(seconds{5}));
  EXPECT_EQ(stored(till).customer, john);
  EXPECT_TRUE(told().empty());
  ASSERT_TRUE(life->settle());
  ASSERT_TRUE(forgotten(minutes{5})) << "tried again by itself";
  EXPECT_EQ(status_of(till), Status::finalized);
  EXPECT_EQ(stored(till).customer, token);
  EXPECT_EQ(told(), std::vector<Uuid>{wanted.id});
}

TEST_F(ErasingTest, WhoBeginsAnewIsSomebodyNew) {
  const Till old = sold("T-1");
  skip(seconds{1});
  const auto wanted = erasure();
  skip(seconds{1});
  const Till fresh = sold("T-2");
  const Till open = calculated("T-3");
  want(wanted);
  ASSERT_TRUE(forgotten()) << "their open session is not waited for";
  EXPECT_EQ(stored(old).customer, token);
  EXPECT_EQ(stored(fresh).customer, john);
  EXPECT_EQ(stored(open).customer, john);
}

TEST_F(ErasingTest, AskedForAgainItIsToldOnce) {
  (void)sold("T-1");
  skip(seconds{1});
  const auto wanted = erasure();
  want(wanted);
  ASSERT_TRUE(forgotten());
  want(wanted);
  ASSERT_TRUE(forgotten());
  EXPECT_EQ(told().size(), 1u);
}

TEST_F(ErasingTest, SomebodyThisStoreNeverMetIsForgottenAtOnce) {
  const auto wanted = erasure(CustomerId("CUST-NEVER"));
  want(wanted);
  ASSERT_TRUE(forgotten());
  EXPECT_EQ(told(), std::vector<Uuid>{wanted.id});
}

TEST_F(ErasingTest, AfterACrashAtAnyMomentItIsDoneOnceTheHubAsksAgain) {
  const auto wanted = [&] {
    for (int i = 0; i < 5; ++i) (void)sold("T-" + std::to_string(i));
    skip(seconds{1});
    return erasure();
  }();
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    outside.disk.sync_time = Millis{3};
    want(wanted);
    pass(Millis{static_cast<std::int64_t>(2 * seed)});
    life->crash(seed);
    erasing_.reset();
    jobs.reset();
    life.reset();
    start();
    // Never told before all of it is done.
    if (!told().empty()) EXPECT_FALSE(is_anywhere(john.str()));
  }
  want(wanted);
  ASSERT_TRUE(forgotten());
  EXPECT_FALSE(is_anywhere(john.str()));
  EXPECT_FALSE(told().empty());
}

// ---- what is left of a session

TEST(WithoutMember, AReceiptThatNamesThemIsWrittenAnew) {
  Session session{.currency = *find_currency("USD")};
  session.id = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad91");
  session.customer = john;
  session.customer_name = "John Doe";
  session.status = Status::finalized;
  session.sale = session::Sale{.final_amount = Money{15000, session.currency}};
  session.earned = Points{450};
  session.new_balance = Points{5450};
  session.receipt = ReceiptId("RCP-1");
  session.receipt_lines = std::vector<std::string>{"For John Doe", "450 points"};
  session.finalize_answer =
      session::Answer{.status = 200, .body = R"({"earnedPoints":450,"receiptLines":["Dear John Doe,"]})"};
  const Session left = session::without_member(session, token);
  EXPECT_EQ(left.customer, token);
  EXPECT_EQ(left.customer_name, "");
  EXPECT_EQ(left.receipt_lines, std::vector<std::string>{"450 points"});
  EXPECT_EQ(left.finalize_answer->body.find("John"), std::string::npos);
  EXPECT_NE(left.finalize_answer->body.find(R"("earnedPoints":450)"), std::string::npos);
  EXPECT_EQ(left.identify_answer.body.find("John"), std::string::npos);
  session.finalize_answer->body = R"({"receiptLines":["450 points"]})";
  EXPECT_EQ(session::without_member(session, token).finalize_answer, session.finalize_answer);
}

TEST(ErasingClocks, ARequestIsToldByTheStoresOwnClock) {
  const WallTime hub{hours{1'000}};
  sync::EraseMember erase{.erasures = {{.id = {}, .token = {}, .requested_at = hub}}};
  EXPECT_EQ(by_own_clock(erase, hub + hours{5}).front().requested_at, hub) << "by a hub that does not say";
  erase.sent_at = hub + hours{3};
  EXPECT_EQ(by_own_clock(erase, hub + hours{5}).front().requested_at, hub + hours{2}) << "two hours ahead";
  EXPECT_EQ(by_own_clock(erase, hub + hours{2}).front().requested_at, hub - hours{1}) << "an hour behind";
}

}  // namespace
}  // namespace perkline::edge::downlink
