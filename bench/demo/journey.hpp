#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "bench/demo/calls.hpp"
#include "bench/fleet/fleet.hpp"
#include "bench/fleet/mail_server.hpp"
#include "bench/load/replay.hpp"

namespace perkline::bench {

/// What the hub's configuration needs for the journey's figures, besides the mail server's own lines.
inline constexpr const char* journey_hub_yaml =
    "programme: { purchase_rule: [{ from: \"100.00\", points: 2 }] }\n";

/// The demo's second act: three members and all that the programme has for them, told line by line with the
/// figures. A figure that is wrong is told, and ends it. One thread.
class Journey {
 public:
  /// `mails`: the server that the hub mails to; null: there is none, and nobody looks for a mail.
  Journey(const Fleet& fleet, const MailServer* mails, const std::atomic<bool>& stop);
  /// False: something was not as it has to be.
  bool play();
  /// What was sold on the way, for who holds tills, PDI and hub against each other.
  const std::vector<SoldBasket>& sold() const { return sold_; }
  /// Who signs in with what.
  std::string logins() const;

 private:
  struct Member {
    std::string name;
    std::string id = {};
    std::string token = {};
    std::string referral_code = {};
    std::string email() const;
  };
  /// A till's own ids for one sale.
  struct Sale {
    std::string transaction;
    std::string session = {};
    std::string receipt = {};
    std::int64_t earned = 0;
    std::int64_t balance = 0;
  };

  Result<void> offer_a_welcome_bonus();
  Result<void> ada_registers();
  Result<void> ben_registers_with_her_code();
  Result<void> both_hear_of_the_bonus();
  Result<void> ben_claims_it();
  Result<void> ben_buys_at_a_till();
  Result<void> ben_shows_his_receipt();
  Result<void> ben_spins_on_the_web();
  Result<void> ben_spins_at_the_till();
  Result<void> ben_claims_at_the_till();
  Result<void> ben_pays_cora();
  Result<void> cora_has_mail();
  Result<void> the_statement_shows_the_points();

  Result<void> register_member(Member& member, const std::string& referral_code) const;
  /// Hears of it, and of nothing else of that type before.
  Result<void> hears_of_the_bonus(const Member& member) const;
  Result<void> points_are(const Member& member, std::int64_t points) const;
  Result<void> wallet_is(const Member& member, const std::string& amount) const;
  Result<std::string> statement_issued() const;
  /// A card that no till has read.
  Result<std::string> new_card() const;

  const Fleet& fleet_;
  Calls calls_;
  const MailServer* mails_;
  const std::atomic<bool>& stop_;
  std::string password_;
  std::string staff_;
  std::string bonus_;
  std::string card_;
  std::string month_;
  std::int64_t issued_before_ = 0;
  std::int64_t points_ = 0;  ///< Ben's.
  Member ada_{.name = "Ada"};
  Member ben_{.name = "Ben"};
  Member cora_{.name = "Cora"};
  Sale sale_{.transaction = "JOURNEY-1"};
  std::vector<SoldBasket> sold_;
};

}  // namespace perkline::bench
