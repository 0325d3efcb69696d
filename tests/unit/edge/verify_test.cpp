#include "edge/verify.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "shared/core/bytes.hpp"
#include "tests/support/sim_store.hpp"

namespace perkline::edge {
namespace {

using journal::Batch;
using journal::Family;
using session::Till;

/// A store with a bit of everything: sold, given back, pending, in review, open, voided.
class VerifyTest : public ::testing::Test {
 protected:
  VerifyTest() {
    sold = sell("T-SOLD");
    EXPECT_TRUE(life.run(life.flows.return_goods({.original_transaction = TransactionId("T-SOLD"),
                                                  .transaction = TransactionId("T-BACK"),
                                                  .amount = Money{100, session::usd()}},
                                                 "")));
    EXPECT_TRUE(life.run(life.flows.return_goods({.original_transaction = TransactionId("T-THERE"),
                                                  .transaction = TransactionId("T-FOREIGN"),
                                                  .amount = Money{100, session::usd()},
                                                  .original_store = StoreId("store-2")},
                                                 "")));
    till.transaction = TransactionId("T-OPEN");
    open = life.identify(till);
    outside.pdi.next(test::PdiCall::finalize, {.lose_answer = true});
    pending = sell("T-PENDING");
  }
  SessionId sell(const char* transaction) {
    till.transaction = TransactionId(transaction);
    till.session = life.identify(till);
    EXPECT_TRUE(life.calculate(till));
    (void)life.finalize(till);
    return till.session;
  }
  void change(Batch batch) {
    struct Run {
      static Task<bool> commit(journal::Journal& journal, Batch batch) {
        co_await journal.commit(std::move(batch));
        co_return true;
      }
    };
    (void)life.run(Run::commit(life.journal, std::move(batch)));
  }
  void put(Family family, std::string key, std::string value) {
    Batch batch;
    batch.put(family, std::move(key), std::move(value));
    change(std::move(batch));
  }
  void erase(Family family, std::string key) {
    Batch batch;
    batch.erase(family, std::move(key));
    change(std::move(batch));
  }
  static Task<bool> done(Task<void> task) {
    co_await std::move(task);
    co_return true;
  }
  std::string first_key(Family family) {
    std::string first;
    EXPECT_TRUE(life.journal.scan(family, "", [&](std::string_view key, std::string_view) {
      first = key;
      return false;
    }));
    return first;
  }
  Verification found(std::optional<journal::HighWater> mark = std::nullopt) {
    return verify(life.journal, StoreId("store-1"), mark);
  }
  void expect_fault(const std::string& family, const std::string& what) {
    const Verification now = found();
    EXPECT_FALSE(now.ok());
    EXPECT_TRUE(std::ranges::any_of(now.faults, [&](const Verification::Fault& fault) {
      return fault.family == family && fault.what.find(what) != std::string::npos;
    })) << render(now);
  }

  session::Outside outside;
  session::Life life{outside};
  Till till;
  SessionId sold;
  SessionId open;
  SessionId pending;
};

TEST_F(VerifyTest, FindsNothingWhereNothingIsWrongAndCountsAll) {
  const Verification now = found(journal::HighWater{life.outbox->tail(), life.outbox->tail_hash()});
  EXPECT_TRUE(now.ok()) << render(now);
  EXPECT_EQ(now.records.at("sessions"), 4u);
  EXPECT_EQ(now.records.at("by_transaction"), 5u);
  EXPECT_EQ(now.records.at("due"), 1u);
  EXPECT_EQ(now.records.at("expiry"), 1u);
  EXPECT_EQ(now.records.at("members"), 1u);
  EXPECT_EQ(now.records.at("outbox"), life.outbox->tail());
  EXPECT_EQ(now.tail, life.outbox->tail());
  EXPECT_EQ(now.records.size(), std::size_t{journal::family_count});
}

TEST_F(VerifyTest, RendersWhatItFound) {
  erase(Family::by_transaction, "T-SOLD");
  const std::string text = render(found());
  EXPECT_TRUE(text.starts_with(R"({"ok":false,"tail":)")) << text;
  EXPECT_NE(text.find(R"("faultCount":1,"faults":[{"family":"sessions","key":")" + sold.str() +
                      R"(","fault":"its transaction T-SOLD has no name"}])"),
            std::string::npos)
      << text;
}

TEST_F(VerifyTest, ARecordThatDoesNotDecode) {
  put(Family::sessions, open.str(), "\x01garbage");
  expect_fault("sessions", "");
  expect_fault("by_transaction", "which is not there");
  expect_fault("expiry", "which is not there");
}

TEST_F(VerifyTest, ARecordUnderAnothersKey) {
  put(Family::sessions, "sess_0190163d-8694-739b-aea5-966c26f8ad91",
      *life.journal.get(Family::sessions, open.str()).value());
  expect_fault("sessions", "is the record of " + open.str());
  expect_fault("sessions", "is " + open.str() + "'s");
}

TEST_F(VerifyTest, ASessionInTwoPlaces) {
  put(Family::archive, sold.str(), session::encode_archived(life.stored(sold), WallTime{}));
  expect_fault("sessions", "lies in the archive too");
}

TEST_F(VerifyTest, ANameWithoutItsReturn) {
  erase(Family::sessions, *life.journal.get(Family::by_transaction, "T-FOREIGN").value());
  expect_fault("by_transaction", "which is not its");
}

TEST_F(VerifyTest, ANameOfAnotherTransaction) {
  put(Family::by_transaction, "T-ELSE", sold.str());
  expect_fault("by_transaction", "another transaction's");
}

TEST_F(VerifyTest, ASaleThatNobodyWouldSettle) {
  erase(Family::due, first_key(Family::due));
  expect_fault("sessions", "has no place in due");
}

TEST_F(VerifyTest, APlaceInDueOfASaleThatIsSettled) {
  put(Family::due, std::string(8, '\0') + sold.str(), "");
  expect_fault("due", "does not wait for PDI there");
}

TEST_F(VerifyTest, APlaceInExpiryOfASaleThatCannotLapse) {
  put(Family::expiry, std::string(8, '\0') + sold.str(), "");
  expect_fault("expiry", "does not lapse there");
}

TEST_F(VerifyTest, ADeadLetterThatIsNotInReview) {
  put(Family::dead_letters, sold.str(), "");
  expect_fault("dead_letters", "session is finalized");
}

TEST_F(VerifyTest, AMemberThatDoesNotDecode) {
  put(Family::members, first_key(Family::members), "\x01\xff");
  expect_fault("members", "");
}

TEST_F(VerifyTest, AnEventThatWasChanged) {
  const std::string key = first_key(Family::outbox);
  std::string value = *life.journal.get(Family::outbox, key).value();
  value.back() = static_cast<char>(value.back() ^ 1);
  put(Family::outbox, key, value);
  expect_fault("outbox", "does not continue the chain");
}

TEST_F(VerifyTest, AnEventThatIsMissing) {
  std::string second;
  append_u64(second, 2);
  erase(Family::outbox, second);
  expect_fault("outbox", "some are missing");
}

TEST_F(VerifyTest, AFirstEventThatIsMissingAndWasNotAcknowledged) {
  erase(Family::outbox, first_key(Family::outbox));
  expect_fault("outbox", "some before it are missing");
}

TEST_F(VerifyTest, AnOutboxWhoseFrontWasRemovedAsAcknowledgedAndThatWentOverToANewEpochIsSound) {
  const std::uint64_t acked = life.outbox->tail() - 1;
  EXPECT_TRUE(life.run(done(life.outbox->set_acked(acked))));
  EXPECT_TRUE(life.run(life.outbox->prune(journal::Outbox::everything)));
  EXPECT_TRUE(found().ok()) << render(found());
  EXPECT_TRUE(life.run(life.outbox->adopt(2)));
  EXPECT_EQ(life.outbox->tail(), 1u);
  sell("T-LATER");
  const Verification now = found();
  EXPECT_TRUE(now.ok()) << render(now);
  EXPECT_EQ(now.tail, life.outbox->tail());

  erase(Family::outbox, first_key(Family::outbox));
  expect_fault("outbox", "some");
}

TEST_F(VerifyTest, AnOutboxThatEndsBeforeItsMark) {
  EXPECT_FALSE(found(journal::HighWater{life.outbox->tail() + 1, {}}).ok());
  EXPECT_FALSE(found(journal::HighWater{life.outbox->tail(), {}}).ok()) << "with another chain";
}

TEST_F(VerifyTest, AnotherStoresData) {
  const Verification others = verify(life.journal, StoreId("store-2"), std::nullopt);
  EXPECT_FALSE(others.ok());
}

TEST_F(VerifyTest, ACatalogueThatTheHubHasNotSignedIsAFault) {
  put(Family::catalogue, "head", std::string(1, '\1') + std::string(16 + 8 + 32 + 64, 'x'));
  const Verification found = verify(life.journal, StoreId("store-1"), std::nullopt);
  ASSERT_EQ(found.fault_count, 1u);
  EXPECT_EQ(found.faults.front().what, "is not what the hub signed");
  put(Family::catalogue, "head", "cut short");
  EXPECT_FALSE(verify(life.journal, StoreId("store-1"), std::nullopt).ok());
}

}  // namespace
}  // namespace perkline::edge
