#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "edge/programme/programme.hpp"
#include "shared/json/value.hpp"
#include "shared/sync/hash_chain.hpp"
#include "tests/support/sim_store.hpp"

namespace perkline::edge::programme {

using session::Answer;
using session::Life;
using session::LifeOptions;
using session::Outside;
using session::Till;

/// A catalogue, put together item by item.
class Catalogue {
 public:
  struct PrizeOptions {
    std::int64_t tickets = 10'000;
    bool one_time = false;
    bool stocked = false;
    std::string type = "coupon";
  };
  void prize(const std::string& id, const PrizeOptions& options) {
    put(sync::ItemKind::prize, id,
        R"({"name":"Prize )" + id + R"(","type":")" + options.type + R"(","tickets":)" +
            std::to_string(options.tickets) + R"(,"oneTime":)" + (options.one_time ? "true" : "false") +
            R"(,"stocked":)" + (options.stocked ? "true" : "false") + "}");
  }
  void prize(const std::string& id) { prize(id, PrizeOptions{}); }
  static loyalty::ServerSeed secret_of(std::chrono::sys_days day) {
    loyalty::ServerSeed seed;
    seed.bytes.fill(static_cast<std::uint8_t>(day.time_since_epoch().count()));
    return seed;
  }
  static loyalty::MemberKey member_key_of(std::chrono::sys_days day) {
    loyalty::MemberKey key;
    key.fill(static_cast<std::uint8_t>(day.time_since_epoch().count() + 100));
    return key;
  }
  void seed(std::chrono::sys_days day) {
    const loyalty::ServerSeed secret = secret_of(day);
    put(sync::ItemKind::wheel_seed, format_day(day),
        R"({"commitment":")" + to_hex(loyalty::commitment_of(secret)) + R"(","seed":")" +
            to_hex(secret.bytes) + R"(","memberKey":")" + to_hex(member_key_of(day)) + R"("})");
  }
  void lease(const std::string& id, const std::string& prize, int units, const Uuid& holder,
             WallTime return_after) {
    put(sync::ItemKind::prize_lease, id,
        R"({"prize":")" + prize + R"(","units":)" + std::to_string(units) + R"(,"holder":")" +
            to_hex(
                std::string_view(reinterpret_cast<const char*>(holder.bytes.data()), holder.bytes.size())) +
            R"(","returnAfter":")" + format_time(return_after) + R"("})");
  }
  void promotion(const Uuid& id, const std::string& first, const std::string& last) {
    put(sync::ItemKind::promotion, id.str(),
        R"({"title":"Welcome","description":"For you","type":"WELCOME_BONUS","amount":"20.00",)"
        R"("currency":"USD","startDate":")" +
            first + R"(","endDate":")" + last + R"("})");
  }
  void put(sync::ItemKind kind, const std::string& id, std::string body) {
    items[sync::name_of(kind, id)] = std::move(body);
  }
  void gone(sync::ItemKind kind, const std::string& id) { items.erase(sync::name_of(kind, id)); }

  sync::Catalogue items;
};

/// The hub, as far as it is asked.
struct HubDouble {
  bool up = true;
  bool forked = false;
  Millis takes{10};
  std::function<std::optional<std::vector<std::string>>(const sync::SpinReserve&)> reserve = {};
  std::function<std::optional<sync::ClaimAnswer>(const sync::ClaimRequest&)> claim = {};
  std::function<std::optional<sync::MemberSnapshot>(const sync::MemberRequest&)> member =
      {};  ///< Empty: it does not answer.
  std::vector<sync::SpinReserve> reserves = {};
  std::vector<sync::MemberRequest> members = {};
  std::vector<sync::ClaimRequest> claims = {};
};

/// The programme at a store over a simulated world; what `outside` and `hub` are outlives each life.
class ProgrammeTest : public ::testing::Test {
 protected:
  ~ProgrammeTest() override { end(); }
  void SetUp() override { start(); }

  void end() {
    if (life) life->world.reset();
    programme.reset();
    life.reset();
  }
  void start() {
    end();
    life = std::make_unique<Life>(outside, LifeOptions{.standin = {.enabled = true}});
    programme.emplace(Parts{.ports = life->ports,
                            .flows = life->flows,
                            .writer = life->writer,
                            .journal = life->journal,
                            .outbox = *life->outbox,
                            .store = StoreId("store-1")},
                      watch);
    if (has_hub) {
      programme->connect({.send = [this](const sync::Frame& frame) { hear(frame); },
                          .is_up = [this] { return hub.up; },
                          .is_forked = [this] { return hub.forked; }});
    }
    ASSERT_TRUE(life->run(programme->start()));
    offer();
    life->world->spawn(programme->run());
  }
  void offer() { programme->use(catalogue.items, has_catalogue); }
  /// The power goes while something is under way, and comes back.
  void crash(std::uint64_t seed) {
    life->crash(seed);
    start();
  }

  Uuid holder() { return programme->lease_holder().value(); }
  std::chrono::sys_days today() { return utc_day(outside.time.wall); }
  void seeds() {
    for (int i = -1; i < 5; ++i) catalogue.seed(today() + days{i});
  }
  void lease(const std::string& id, const std::string& prize, int units) {
    catalogue.lease(id, prize, units, holder(), outside.time.wall + days{7});
    offer();
  }
  void skip(Millis time) {
    const MonoTime until = outside.time.mono + time;
    life->world->run_until([&] { return outside.time.mono >= until; }, time + Millis{1});
  }

  /// Days go by in which nobody does anything, and then two minutes.
  void pass(days time) {
    outside.time.mono += time;
    outside.time.wall += time;
    skip(minutes{2});
  }

  void pdi_is_out() {
    outside.pdi.otherwise([](test::PdiCall) { return test::PdiFault{.lose_request = true}; });
  }
  Till till_of(const std::string& transaction) {
    Till till;
    till.transaction = TransactionId(transaction);
    return till;
  }
  Till sold(const std::string& transaction) {
    Till till = till_of(transaction);
    till.session = life->identify(till);
    EXPECT_TRUE(life->calculate(till));
    EXPECT_TRUE(life->finalize(till));
    return till;
  }

  static SpinRequest request_of(const Till& till, std::string client_seed = "") {
    return {
        .customer = till.customer, .transaction = till.transaction, .client_seed = std::move(client_seed)};
  }
  Result<Answer> spin(const SpinRequest& request) {
    return life->run(programme->spins().spin(request, trace));
  }
  Result<Answer> spin(const Till& till) { return spin(request_of(till)); }
  Errc refused(const SpinRequest& request) {
    const auto answer = spin(request);
    EXPECT_FALSE(answer) << answer->body;
    return answer ? Errc::internal : answer.error().code;
  }
  Result<Answer> claim(const std::string& transaction, const Uuid& promotion,
                       const std::string& customer = "CUST-12345") {
    return life->run(programme->claims().claim(
        {.customer = CustomerId(customer), .promotion = promotion, .transaction = TransactionId(transaction)},
        trace));
  }
  Errc claim_refused(const std::string& transaction, const Uuid& promotion,
                     const std::string& customer = "CUST-12345") {
    const auto answer = claim(transaction, promotion, customer);
    EXPECT_FALSE(answer) << answer->body;
    return answer ? Errc::internal : answer.error().code;
  }
  /// What the hub tells of the member: these are theirs to claim.
  void assign(std::vector<Uuid> promotions, const std::string& customer = "CUST-12345") {
    tell({.member = sync::member_hash(CustomerId(customer)),
          .name = "John",
          .tier = "Gold",
          .promotions = std::move(promotions)});
  }
  void block() {
    tell({.member = sync::member_hash(CustomerId("CUST-12345")), .name = "John", .blocked = true});
  }
  void tell(const sync::MemberSnapshot& member) {
    journal::Batch batch;
    ASSERT_TRUE(life->members.merge(batch, member, true, standin::Members::Source::kept_up));
    commit(std::move(batch));
  }
  /// The hub has all that the store has told.
  void acknowledge() {
    struct Done {};
    (void)life->run([](journal::Outbox& outbox) -> Task<Done> {
      co_await outbox.set_acked(outbox.tail());
      co_return Done{};
    }(*life->outbox));
  }
  void commit(journal::Batch batch) {
    struct Done {};
    (void)life->run([](journal::Journal& journal, journal::Batch what) -> Task<Done> {
      co_await journal.commit(std::move(what));
      co_return Done{};
    }(life->journal, std::move(batch)));
  }

  template <class Payload>
  std::vector<Payload> told() {
    std::vector<Payload> all;
    for (const sync::Event& event : life->events())
      if (const auto* payload = std::get_if<Payload>(&event.payload)) all.push_back(*payload);
    return all;
  }
  std::vector<sync::SpinDrawn> drawn() { return told<sync::SpinDrawn>(); }
  /// A member of the answer's, or of an object in it.
  static std::string text_in(const std::string& body, std::initializer_list<std::string_view> path) {
    const auto document = json::parse(body);
    if (!document) return "not JSON";
    const json::Value* at = &document->root();
    for (const std::string_view name : path) {
      at = at->find(name);
      if (at == nullptr) return "absent";
    }
    return std::string(at->text());
  }
  static std::string prize_of(const Result<Answer>& answer) {
    return answer ? text_in(answer->body, {"prize", "id"}) : std::string(name_of(answer.error().code));
  }

  static constexpr const char* trace = "00-11112222333344445555666677778888-00f067aa0ba902b7-01";
  Outside outside;
  HubDouble hub;
  bool has_hub = true;
  bool has_catalogue = true;
  Watch watch;
  Catalogue catalogue;
  std::unique_ptr<Life> life;
  std::optional<Programme> programme;

 private:
  void hear(const sync::Frame& frame) {
    std::optional<sync::Frame> answer;
    if (const auto* reserve = std::get_if<sync::SpinReserve>(&frame)) {
      hub.reserves.push_back(*reserve);
      const auto kept = hub.reserve ? hub.reserve(*reserve) : std::nullopt;
      if (kept) answer = sync::SpinReserved{.spin = reserve->spin, .prizes = *kept};
    }
    if (const auto* request = std::get_if<sync::ClaimRequest>(&frame)) {
      hub.claims.push_back(*request);
      if (auto said = hub.claim ? hub.claim(*request) : std::nullopt) answer = std::move(*said);
    }
    if (const auto* request = std::get_if<sync::MemberRequest>(&frame)) {
      hub.members.push_back(*request);
      if (hub.member) {
        answer = sync::MemberAnswer{.id = request->id,
                                    .applied_epoch = life->outbox->epoch(),
                                    .applied_through = life->outbox->acked(),
                                    .member = hub.member(*request)};
      }
    }
    if (answer) life->world->spawn(reply(std::move(*answer)));
  }
  Task<void> reply(sync::Frame answer) {
    net::AsyncClock& clock = life->world->clock();
    co_await clock.sleep_until(clock.mono_now() + hub.takes);
    EXPECT_TRUE(programme->hear(answer));
  }
};

}  // namespace perkline::edge::programme
