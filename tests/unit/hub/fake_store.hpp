#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "hub/downlink/catalogue.hpp"
#include "hub/ingest/ingest.hpp"
#include "hub/stores/stores.hpp"
#include "hub/wheel/lease_upkeep.hpp"
#include "hub/wheel/seeds.hpp"
#include "shared/json/value.hpp"
#include "shared/loyalty/wheel.hpp"
#include "tests/unit/hub/hub_database.hpp"
#include "tests/unit/hub/store_history.hpp"

namespace perkline::test {

/// A store as the hub knows stores: it holds a catalogue, draws from it as it may without asking, and tells
/// of it. Whether it is cut off is up to who calls look(), ask() and sync(), or does not.
class FakeStore {
 public:
  FakeStore(HubDatabase& hub, hub::ingest::Ingest& ingest, StoreId id)
      : hub_(hub), ingest_(ingest), id_(std::move(id)), history_(id_, hub.uuids, hub.clock) {}

  const StoreId& id() const { return id_; }
  StoreHistory& history() { return history_; }
  sync::SaleFinalized sale(const std::string& card) {
    auto made = history_.sale(10, 0, card);
    made.transaction = TransactionId("T-" + made.session.str().substr(5));
    history_.add(made);
    return made;
  }

  /// Tells who holds its leases, is supplied, and takes the catalogue in.
  void look() {
    answer_of(sync::Status{.tail = history_.tail(),
                           .breaker = "CLOSED",
                           .queue_depth = 0,
                           .version = "0.1.0",
                           .held = sync::Held{.lease_holder = holder_},
                           .epoch = history_.epoch});
    EXPECT_TRUE(
        run_task(hub_.world(), hub::wheel::commit_seeds(hub_.port(), {id_}, hub_.clock.wall, hub_.rng)));
    const hub::wheel::UpkeepCause cause{.id = hub_.uuids.next(), .at = hub_.clock.wall};
    EXPECT_TRUE(hub_.write([&](hub::db::Transaction& t) -> Result<void> {
      auto kept = hub::wheel::keep_leases(t, cause, id_);
      if (!kept) return failure(kept);
      return {};
    }));
    EXPECT_TRUE(hub_.read([&](hub::db::Transaction& t) -> Result<void> {
      catalogue_ = hub::downlink::read_catalogue(t, id_).value();
      return {};
    }));
  }
  /// As after a restore from a backup.
  void begin_new_life() {
    holder_ = hub_.uuids.next();
    given_.clear();
  }
  const Uuid& holder() const { return holder_; }
  /// As after an epoch was granted and adopted: nothing of the earlier one is sent again.
  void begin_new_epoch(std::uint64_t epoch) {
    begin_new_life();
    history_.clear();
    history_.epoch = epoch;
    sent_ = 0;
  }
  /// Of a process that calls itself `boot`.
  sync::Hello hello(const Uuid& boot) const {
    sync::Hello hello = history_.hello();
    hello.boot_id = boot;
    hello.status.held = sync::Held{.lease_holder = holder_};
    hello.status.epoch = history_.epoch;
    return hello;
  }

  /// What of one-time prizes the hub keeps for that spin.
  std::vector<std::string> ask(const Uuid& spin, const std::string& card) {
    const auto answer = answer_of(sync::SpinReserve{.spin = spin, .customer = CustomerId(card)});
    EXPECT_TRUE(answer && std::holds_alternative<sync::SpinReserved>(*answer));
    return std::get<sync::SpinReserved>(*answer).prizes;
  }
  /// Draws for the sale; `once`: what may be in the draw of one-time prizes. nullopt: nothing could be drawn.
  std::optional<sync::SpinDrawn> draw(const sync::SaleFinalized& sale, const Uuid& spin,
                                      const std::vector<std::string>& once = {}) {
    const Units left = units_left();
    std::vector<loyalty::Prize> prizes;
    for (const auto& [name, body] : items(sync::ItemKind::prize))
      prizes.push_back(prize(name, body, left, once));
    const loyalty::PrizeTable table = loyalty::table_of(prizes);
    const auto secret = todays<Digest>("seed");
    const loyalty::ServerSeed seed{.bytes = secret.value_or(Digest{})};
    if (table.slots.empty() || !secret) return std::nullopt;
    const std::string member = loyalty::till_member(todays<Digest>("memberKey").value(), sale.customer);
    const std::int64_t nonce = ++nonces_[{hub::wheel::day_text(hub::wheel::day_of(hub_.clock.wall)), member}];
    sync::SpinDrawn drawn{.spin = spin,
                          .session = sale.session,
                          .transaction = sale.transaction,
                          .customer = sale.customer,
                          .commitment = loyalty::commitment_of(seed),
                          .client_seed = "lucky",
                          .nonce = nonce,
                          .slots = {},
                          .prize = loyalty::draw_prize(seed, {member, "lucky", nonce}, table),
                          .lease = {},
                          .ordinal = 0,
                          .drawn_at = hub_.clock.wall};
    drawn.terms = sync::sha256(items(sync::ItemKind::prize).at(drawn.prize));
    for (const auto& slot : table.slots)
      drawn.slots.push_back({.prize = slot.prize, .tickets = slot.tickets});
    if (const auto unit = left.find(drawn.prize); unit != left.end()) {
      drawn.lease = unit->second.lease;
      drawn.ordinal = static_cast<std::uint32_t>(++given_[drawn.lease]);
    }
    return drawn;
  }
  /// A sale and its spin, told when the store next syncs. `online`: it asks for one-time prizes.
  std::optional<std::string> sell_and_spin(const std::string& card, bool online) {
    const auto made = sale(card);
    const Uuid spin = hub_.uuids.next();
    const auto drawn = draw(made, spin, online ? ask(spin, card) : std::vector<std::string>{});
    if (!drawn) return std::nullopt;
    history_.add(*drawn);
    return drawn->prize;
  }

  /// All that is new, in one batch.
  void sync() {
    if (sent_ == history_.tail()) return;
    const auto batch = history_.batch(sent_ + 1, history_.tail());
    sent_ = history_.tail();
    const auto answer = answer_of(batch);
    ASSERT_TRUE(answer && std::holds_alternative<sync::Ack>(*answer));
  }
  std::optional<sync::Frame> answer_of(const sync::Frame& frame) {
    const auto answer = run_task(hub_.world(), ingest_.handle(id_, sync::encode(frame)));
    if (!answer) return std::nullopt;
    return sync::decode_frame(*answer).value();
  }

  std::map<std::string, std::string> items(sync::ItemKind kind) const {
    std::map<std::string, std::string> found;
    for (const auto& [name, body] : catalogue_) {
      if (name.kind == static_cast<std::uint32_t>(kind)) found.emplace(name.id, body);
    }
    return found;
  }
  /// Of leases that this life of the store holds.
  std::int64_t units_held() const {
    std::int64_t units = 0;
    for (const auto& [prize, unit] : units_left()) units += unit.left;
    return units;
  }

 private:
  struct Unit {
    std::string lease;  ///< The one to draw the next from.
    std::int64_t left = 0;
  };
  using Units = std::map<std::string, Unit>;  ///< By prize.

  static json::Document parsed(const std::string& body) { return std::move(json::parse(body).value()); }
  static bool is_true(const json::Document& body, const char* name) {
    return body.root().find(name)->boolean();
  }

  Units units_left() const {
    Units units;
    const std::string mine =
        to_hex({reinterpret_cast<const char*>(holder_.bytes.data()), holder_.bytes.size()});
    for (const auto& [id, body] : items(sync::ItemKind::prize_lease)) {
      const auto lease = parsed(body);
      if (lease.root().find("holder")->text() != mine) continue;
      const auto given = given_.find(id);
      const std::int64_t left = std::stoll(std::string(lease.root().find("units")->text())) -
                                (given == given_.end() ? 0 : given->second);
      if (left <= 0) continue;
      Unit& unit = units[std::string(lease.root().find("prize")->text())];
      if (unit.lease.empty()) unit.lease = id;
      unit.left += left;
    }
    return units;
  }
  static loyalty::Prize prize(const std::string& id, const std::string& body, const Units& left,
                              const std::vector<std::string>& once) {
    const auto item = parsed(body);
    loyalty::Prize made{.id = id, .tickets = std::stoll(std::string(item.root().find("tickets")->text()))};
    if (is_true(item, "stocked")) made.units = left.contains(id) ? left.at(id).left : 0;
    made.withheld = is_true(item, "oneTime") && std::ranges::find(once, id) == once.end();
    return made;
  }
  /// A member of today's seed, in hex there.
  template <class Bytes>
  std::optional<Bytes> todays(const char* name) const {
    const auto seeds = items(sync::ItemKind::wheel_seed);
    const auto today = seeds.find(hub::wheel::day_text(hub::wheel::day_of(hub_.clock.wall)));
    if (today == seeds.end()) return std::nullopt;
    const auto item = parsed(today->second);
    Bytes bytes{};
    std::ranges::copy(from_hex(item.root().find(name)->text()).value(), bytes.begin());
    return bytes;
  }

  HubDatabase& hub_;
  hub::ingest::Ingest& ingest_;
  StoreId id_;
  StoreHistory history_;
  Uuid holder_ = hub_.uuids.next();
  sync::Catalogue catalogue_;
  std::map<std::string, std::int64_t> given_;                           ///< By lease: ordinals used.
  std::map<std::pair<std::string, std::string>, std::int64_t> nonces_;  ///< By day and member.
  std::uint64_t sent_ = 0;
};

}  // namespace perkline::test
