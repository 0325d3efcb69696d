#pragma once

#include <array>
#include <optional>
#include <string>

#include "hub/billing/no_provider.hpp"
#include "hub/billing/test_provider.hpp"
#include "hub/billing/worker.hpp"
#include "tests/support/eventually.hpp"
#include "tests/unit/hub/wallet_fixture.hpp"

namespace perkline::test {

/// The test provider behind a line that can be cut: requests are lost on the way, and counted where they
/// arrive. On the reactor's thread but for its switches.
class CutLine final : public hub::billing::PaymentProvider {
 public:
  explicit CutLine(hub::billing::PaymentProvider& provider) : provider_(provider) {}

  Task<Result<hub::billing::Verdict>> settle(hub::billing::Charge charge) override {
    ++settles;
    if (lost > 0 && lost-- > 0) co_return fail(Errc::connection_lost, "cut");
    co_return co_await provider_.settle(std::move(charge));
  }
  Task<Result<hub::billing::Verdict>> refund(std::string reference) override {
    ++refunds;
    if (refunds_lost) co_return fail(Errc::connection_lost, "cut");
    if (lost > 0 && lost-- > 0) co_return fail(Errc::connection_lost, "cut");
    if (refuses) co_return hub::billing::Verdict{.state = hub::billing::Verdict::State::declined};
    co_return co_await provider_.refund(std::move(reference));
  }
  Task<Result<hub::billing::Verdict>> status(std::string reference) override {
    ++questions;
    if (lost > 0 && lost-- > 0) co_return fail(Errc::connection_lost, "cut");
    co_return co_await provider_.status(std::move(reference));
  }

  std::atomic<int> lost = 0;               ///< So many requests never arrive.
  std::atomic<bool> refunds_lost = false;  ///< No request for one arrives.
  std::atomic<bool> refuses = false;       ///< To give back.
  std::atomic<int> settles = 0;
  std::atomic<int> refunds = 0;
  std::atomic<int> questions = 0;

 private:
  hub::billing::PaymentProvider& provider_;
};

/// The payments' and billing's routes, with all that the wallet's tests have, and quick workers that are
/// started by hand.
class Payments : public Wallet {
 protected:
  static constexpr const char* payments = "/api/v1/payments";
  static constexpr const char* records = "/api/v1/billing/records";
  static constexpr const char* statements = "/api/v1/billing/statements";

  explicit Payments(HubWeb web = {},
                    hub::api::Attempts::Limits limits = {.login_per_minute = 0, .auth_per_address_minute = 0})
      : Wallet(std::move(web), limits) {
    hub_.reactor().run([this] {
      provider_.emplace(hub_.database(), hub_.reactor()->clock());
      line_.emplace(*provider_);
      for (auto& worker : workers_) {
        worker.emplace(hub::billing::Worker::Parts{.database = hub_.database(),
                                                   .provider = *line_,
                                                   .clock = hub_.reactor()->clock(),
                                                   .ids = ids_,
                                                   .to_give_back = [this] { ++for_people_; }},
                       hub::billing::Worker::Options{
                           .look_every = Millis{10}, .lease = Millis{300}, .retry_first = Millis{10}});
      }
    });
  }
  ~Payments() override {
    for (std::size_t i = 0; i < started_; ++i) hub_.reactor().await(workers_[i]->stop());
    hub_.reactor().run([this] {
      for (auto& worker : workers_) worker.reset();
    });
  }
  /// One more, as at another replica.
  void start_worker() { hub_.reactor()->spawn(workers_.at(started_++)->run()); }

  RawAnswer pay(const Member& payer, const std::string& amount, const std::string& to = "",
                const std::string& currency = "USD") {
    std::vector<std::pair<std::string, std::string>> body{{"amount", amount}, {"currency", currency}};
    if (!to.empty()) body.emplace_back("payTo", to);
    return post(payments, payer.token, object(body));
  }
  /// Its id.
  std::string begun(const Member& payer, const std::string& amount, const std::string& to = "") {
    const RawAnswer answer = pay(payer, amount, to);
    EXPECT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(member_of(answer.body, "status"), "pending");
    return member_of(answer.body, "id");
  }
  RawAnswer shown(const Member& payer, const std::string& id) const {
    return hub_.get(payments + ('/' + id), payer.token);
  }
  std::string status(const Member& payer, const std::string& id) const {
    return member_of(shown(payer, id).body, "status");
  }
  /// What it is once it is decided.
  std::string outcome(const Member& payer, const std::string& id) const {
    EXPECT_TRUE(eventually([&] { return status(payer, id) != "pending"; }, std::chrono::seconds(10)));
    return status(payer, id);
  }
  hub::billing::Pending pending() {
    return hub_.reactor()
        .await(hub::db::read_for<hub::billing::Pending>(hub_.database(), &hub::billing::count_pending))
        .value();
  }
  std::int64_t charged() { return count("SELECT COUNT(*) FROM test_provider_charge"); }

  SystemClock clock_;
  SystemRng rng_;
  UuidMaker ids_{clock_, rng_};  ///< The reactor's thread's.
  std::optional<hub::billing::TestProvider> provider_;
  std::optional<CutLine> line_;
  std::array<std::optional<hub::billing::Worker>, 2> workers_;
  std::size_t started_ = 0;
  std::atomic<int> for_people_ = 0;  ///< Refunds that were refused.
};

}  // namespace perkline::test
