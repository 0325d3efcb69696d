#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdi_client/pdi.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/core/result.hpp"

/// One sale's way from the customer's card to the booked points (edge.md, "Session machine"). Pure.
namespace perkline::edge::session {

/// Stored: append, never renumber. queued, in_doubt, voided and review have no way in yet.
enum class Status : std::uint8_t {
  active = 1,  ///< The customer is known.
  calculated,  ///< The basket is priced.
  finalizing,  ///< finalize may be on its way to PDI: its outcome is PDI's to tell, so nothing else may end
               ///< the session.
  in_doubt,
  queued,
  finalized,  ///< PDI has booked it.
  failed,     ///< PDI has refused it.
  expired,
  voided,
  review,
};
inline constexpr std::uint8_t status_count = 10;

/// Who answered the till. Stored: append, never renumber.
enum class Mode : std::uint8_t { online = 1, standin };

enum class Step : std::uint8_t {
  calculate,
  finalize,  ///< The intent, journalled before PDI is called.
  committed,
  rejected,
  not_sent,
  recount,  ///< finalize goes out once more, or turned out not to have left: `attempts` changes.
  expire,
};

//                  ┌─calculate─┐                     ┌─recount─┐
//                  │           ▼                     │         ▼
//   active ──calculate──▶ calculated ──finalize──▶ finalizing ──committed──▶ finalized
//      │                   │      ▲                 │      │
//      │                   │      └────not_sent─────┘      └────rejected──▶ failed
//      └──expire──┬──expire┘
//                 ▼
//              expired
//
// No word from PDI is no step: the session stays finalizing until the resolver has PDI's account of it.

struct Rule {
  Status from;
  Step step;
  Status to;
};

/// The whole machine: a pair that is not here is illegal.
inline constexpr std::array rules{
    Rule{Status::active, Step::calculate, Status::calculated},
    Rule{Status::active, Step::expire, Status::expired},
    Rule{Status::calculated, Step::calculate, Status::calculated},
    Rule{Status::calculated, Step::finalize, Status::finalizing},
    Rule{Status::calculated, Step::expire, Status::expired},
    Rule{Status::finalizing, Step::committed, Status::finalized},
    Rule{Status::finalizing, Step::rejected, Status::failed},
    Rule{Status::finalizing, Step::not_sent, Status::calculated},
    Rule{Status::finalizing, Step::recount, Status::finalizing},
};

constexpr std::optional<Status> next_status(Status from, Step step) {
  for (const Rule& rule : rules) {
    if (rule.from == from && rule.step == step) return rule.to;
  }
  return std::nullopt;
}

constexpr bool leads_anywhere(Status from) {
  for (const Rule& rule : rules) {
    if (rule.from == from) return true;
  }
  return false;
}
static_assert(!next_status(Status::active, Step::finalize), "what was never priced is never booked");
static_assert(!next_status(Status::finalizing, Step::expire), "PDI may have booked it");
static_assert(!next_status(Status::finalizing, Step::finalize), "one intent at a time");
static_assert(!leads_anywhere(Status::finalized) && !leads_anywhere(Status::failed) &&
                  !leads_anywhere(Status::expired),
              "an end is an end: a 200 never changes");

/// What calculateRewards asks.
struct Basket {
  Money amount;
  std::vector<pdi::Item> items;
  bool operator==(const Basket&) const = default;
};

/// What finalize asks.
struct Sale {
  Money final_amount;
  bool apply_rewards = true;
  std::optional<Points> redeem = std::nullopt;  ///< Absent when apply_rewards is false.
  bool operator==(const Sale&) const = default;
};

/// What a till was told, to the byte. A status of 400 or more is problem+json.
struct Answer {
  int status = 200;
  std::string body;
  bool replayed = false;  ///< Told before; not stored.
  bool operator==(const Answer&) const = default;
};

struct Session {
  SessionId id = {};
  StoreId store = {};
  CustomerId customer = {};
  ChannelId channel = {};
  TransactionId transaction = {};
  ProviderSessionId provider_session = {};
  Currency currency;  ///< Of every amount in here.

  Status status = Status::active;
  std::uint64_t version = 1;  ///< One more with every step; a store refuses any other.
  Mode mode = Mode::online;
  bool acknowledged = false;  ///< The till was told 202 while PDI's word was out.

  std::string customer_name = {};
  Points current_points = {};  ///< The member's balance as identify told it.
  std::string tier = {};

  std::optional<Basket> basket = std::nullopt;  ///< The latest priced.
  std::optional<Sale> sale = std::nullopt;      ///< From the intent on; gone again when it was not sent.
  Points earned = {};  ///< As priced; PDI's final word once finalized; 0 when it failed.
  Points redeemed = {};
  std::optional<Points> new_balance = std::nullopt;
  ReceiptId receipt = {};
  std::optional<ProviderFault> refusal = std::nullopt;  ///< Why PDI refused; status failed.

  WallTime created_at = {};
  WallTime expires_at = {};
  std::optional<WallTime> finalized_at = std::nullopt;
  std::uint32_t attempts = 0;  ///< How often finalize may have been sent.
  std::optional<WallTime> next_attempt_at =
      std::nullopt;  ///< Its place in the journal's `due`, while it has one.
  std::vector<std::pair<std::string, std::string>> metadata = {};
  std::string traceparent = {};  ///< Of the call that finalized it: the event continues that trace.

  Answer identify_answer = {};
  std::optional<Answer> calculate_answer = std::nullopt;  ///< To `basket`.
  std::optional<Answer> finalize_answer = std::nullopt;   ///< To `sale`; once it is here it never changes.

  bool operator==(const Session&) const = default;
};

/// The session after `step`: its status moved and its version raised. The caller fills in the rest and
/// commits it. Errors: session_state when the machine has no such step.
Result<Session> take_step(Session session, Step step);

/// Whether it may lapse by its age alone.
bool may_expire(const Session& session);

/// For logs, metrics and commands: the enumerator's own name.
std::string_view name_of(Status status);
/// contract.md §5: what PDI has yet to settle of an acknowledged sale is `pending`.
std::string_view wire_name(const Session& session);
std::string_view wire_name(Mode mode);

}  // namespace perkline::edge::session
