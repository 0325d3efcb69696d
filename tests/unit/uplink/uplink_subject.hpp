#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "edge/journal/journal_memory.hpp"
#include "edge/uplink/uplink.hpp"
#include "shared/sync/cursor.hpp"
#include "tests/support/sim_link.hpp"
#include "tests/support/sim_world.hpp"

namespace perkline::edge::uplink {

inline const StoreId store("store-1");

/// A hub that takes a store's history in as the real one does, without a database.
class ToyHub {
 public:
  Task<std::optional<std::string>> answer(std::string bytes) {
    if (silent) co_return std::nullopt;
    auto frame = sync::decode_frame(bytes);
    EXPECT_TRUE(frame);
    heard.push_back(*frame);
    if (const auto* hello = std::get_if<sync::Hello>(&*frame)) {
      ++hellos;
      if (granted && hello->epoch < cursor.epoch) {
        co_return sync::encode(
            sync::Fork{.epoch = cursor.epoch, .reason = sync::ForkReason::superseded, .applied = granted});
      }
      co_return std::visit([](const auto& verdict) { return sync::encode(verdict); },
                           sync::judge_hello(cursor, incarnation, *hello));
    }
    if (const auto* query = std::get_if<sync::SaleQuery>(&*frame)) {
      co_return sync::encode(sync::SaleAnswer{.known = {}, .unknown = query->sessions});
    }
    if (const auto* batch = std::get_if<sync::Batch>(&*frame)) {
      ++batches;
      co_return take_in(*batch);
    }
    co_return std::nullopt;
  }

  template <class Kind>
  std::vector<Kind> heard_of() const {
    std::vector<Kind> all;
    for (const auto& frame : heard) {
      if (const auto* kind = std::get_if<Kind>(&frame)) all.push_back(*kind);
    }
    return all;
  }

  sync::Cursor cursor = sync::first_cursor(store, 1);
  Uuid incarnation;
  std::optional<sync::Applied> granted;  ///< With the present epoch: what is applied of those before.
  std::vector<std::string> applied;
  std::vector<sync::Frame> heard;
  std::size_t hellos = 0;
  std::size_t batches = 0;
  bool silent = false;
  bool acks_lost = false;

 private:
  std::optional<std::string> take_in(const sync::Batch& batch) {
    const auto verdict = sync::judge_batch(cursor, batch);
    if (const auto* apply = std::get_if<sync::Apply>(&verdict)) {
      for (std::size_t i = apply->skip; i < batch.events.size(); ++i) applied.push_back(batch.events[i]);
      cursor = apply->after;
      if (acks_lost) return std::nullopt;
      return sync::encode(sync::Ack{.epoch = cursor.epoch, .through = cursor.sequence, .hash = cursor.hash});
    }
    if (const auto* nack = std::get_if<sync::Nack>(&verdict)) return sync::encode(*nack);
    if (const auto* fork = std::get_if<sync::Fork>(&verdict)) return sync::encode(*fork);
    ADD_FAILURE() << "a malformed batch";
    return std::nullopt;
  }
};

/// A SimLink whose reconnects are counted, and which can be full.
class WatchedLink final : public net::HubLink {
 public:
  explicit WatchedLink(test::SimLink& inner) : inner_(inner) {}
  Result<void> send(std::string frame) override {
    if (full) return fail(Errc::overloaded);
    return inner_.send(std::move(frame));
  }
  Task<Result<std::string>> receive(MonoTime deadline) override { return inner_.receive(deadline); }
  void reconnect() override {
    ++reconnects;
    inner_.reconnect();
  }
  net::LinkState state() const override { return state_now; }

  bool full = false;
  int reconnects = 0;
  net::LinkState state_now = net::LinkState::connected;

 private:
  test::SimLink& inner_;
};

class UplinkTest : public ::testing::Test {
 protected:
  UplinkTest() { boot(); }
  ~UplinkTest() override { world_.reset(); }

  /// A new life of the store's process on the same disk.
  void boot() {
    world_.reset();
    uplink_.reset();
    link_.reset();
    line_.reset();
    world_ = std::make_unique<test::SimWorld>(time_);
    journal_ = std::make_unique<journal::JournalMemory>(disk_, world_->clock());
    outbox_ = std::move(journal::Outbox::open(*journal_, store).value());
    line_ = std::make_unique<test::SimLink>(
        *world_, *world_, rng_, faults_, [this](std::string frame) { return hub_.answer(std::move(frame)); });
    link_ = std::make_unique<WatchedLink>(*line_);
    uplink_ = std::make_unique<Uplink>(
        *link_, *outbox_, world_->clock(),
        UplinkOptions{.store = store, .boot_id = {}, .status = [] {
                        return sync::Status{.breaker = "CLOSED", .queue_depth = 3, .version = "0.1.0"};
                      }});
    ended_ = false;
  }
  void start() {
    world_->spawn([](Uplink& uplink, bool& ended) -> Task<void> {
      co_await uplink.run();
      ended = true;
    }(*uplink_, ended_));
  }
  void add_sales(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<journal::NewEvent> events;
      events.push_back({.id = {}, .time = time_.wall, .traceparent = "", .payload = sale()});
      world_->spawn(outbox_->commit({}, std::move(events)));
    }
  }
  sync::SaleFinalized sale() {
    return {.session = SessionId("sess_0190163d-8694-739b-aea5-966c26f8ad91"),
            .transaction = TransactionId("T-" + std::to_string(++sales_)),
            .customer = CustomerId("CUST-12345"),
            .channel = ChannelId("POS-001"),
            .amount = Money{15000, *find_currency("USD")},
            .earned = Points{450},
            .redeemed = Points{0},
            .new_balance = Points{5450},
            .tier = "Gold",
            .receipt = ReceiptId("RCP-1"),
            .rules_version = "",
            .finalized_at = time_.wall};
  }
  bool until(const std::function<bool()>& so, Millis time_max = minutes{10}) {
    return world_->run_until(so, time_max);
  }
  void pass(Millis duration) {
    world_->run_until([] { return false; }, duration);
  }
  std::uint64_t prune() {
    return test::run_task(*world_, outbox_->prune(journal::Outbox::everything)).value();
  }
  bool all_acked() const { return outbox_->tail() > 0 && outbox_->acked() == outbox_->tail(); }
  /// Everything this store journalled, once, in order.
  void expect_applied_in_order() {
    ASSERT_EQ(hub_.applied.size(), outbox_->tail());
    for (std::size_t i = 0; i < hub_.applied.size(); ++i)
      EXPECT_EQ(sync::decode_event(hub_.applied[i]).value().sequence, i + 1);
  }

  test::VirtualTime time_;
  SeededRng rng_{1};
  test::LineFaults faults_;
  journal::MemoryDisk disk_;
  ToyHub hub_;
  std::unique_ptr<test::SimWorld> world_;
  std::unique_ptr<journal::JournalMemory> journal_;
  std::unique_ptr<journal::Outbox> outbox_;
  std::unique_ptr<test::SimLink> line_;
  std::unique_ptr<WatchedLink> link_;
  std::unique_ptr<Uplink> uplink_;
  std::size_t sales_ = 0;
  bool ended_ = false;
};

}  // namespace perkline::edge::uplink
