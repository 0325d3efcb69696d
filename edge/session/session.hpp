#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pdi_client/pdi.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/core/result.hpp"
#include "shared/loyalty/returns.hpp"

/// One sale's way from the customer's card to the booked points (edge.md, "Session machine"). Pure.
namespace perkline::edge::session {

/// Stored: append, never renumber.
enum class Status : std::uint8_t {
  active = 1,  ///< The customer is known.
  calculated,  ///< The basket is priced.
  finalizing,  ///< finalize is on its way to PDI: its outcome is PDI's to tell, so nothing else may end the
               ///< session.
  in_doubt,    ///< finalize may have reached PDI, and nobody knows its outcome.
  queued,      ///< A sale that PDI has yet to be told of.
  finalized,   ///< PDI has booked it.
  failed,      ///< PDI has refused it.
  expired,
  voided,
  review,  ///< PDI and we cannot agree: a person decides.
};
inline constexpr std::uint8_t status_count = 10;

/// Who answered the till. Stored: append, never renumber.
enum class Mode : std::uint8_t {
  online = 1,
  standin,  ///< Once, and so for good: no later till call of the session goes to PDI.
};

enum class Step : std::uint8_t {
  calculate,
  finalize,  ///< The intent, journalled before PDI is called for the first time.
  enqueue,   ///< The sale is to be settled later, from its beginning.
  send,      ///< The intent of the queue: finalize leaves, perhaps once more.
  committed,
  rejected,
  not_sent,   ///< The till may try again: as if finalize had never been asked.
  lost,       ///< No word, or none that decides.
  refer,      ///< To a person.
  discard,    ///< The person's no.
  note,       ///< Something is learnt, the status stays.
  give_back,  ///< Goods were returned.
  abandon,    ///< The till gives it up.
  expire,
  recover,  ///< After a restore: the sale may be at PDI, as the lost journal knew.
  spin,     ///< The member has had the sale's spin at the wheel.
};

//   active ──calculate──▶ calculated ──finalize──▶ finalizing ──committed──▶ finalized ──give_back─┐
//      │                   │  │   ▲                 │ ▲ │ │ │                  ▲   ▲               │
//      │                   │  │   └────not_sent─────┘ │ │ │ └──rejected──▶ failed│   └───────────────┘
//      │                   │  │                       │ │ │                  ▲   │
//      │                   │  └──enqueue──▶ queued ◀──┼─┘ └──lost──▶ in_doubt─┼───┘ committed
//      │                   │                  │ └send─┴──────send──────┘ │    │
//      └─expire, abandon───┤                  └────refer──▶ review ◀─────┘    │
//                          ▼                       enqueue, lost ◀──┘ └discard┘
//                   expired, voided
//
// recover leads from active, calculated and queued to in_doubt. calculate also leads from calculated to
// itself, give_back from failed, note from each status that is not an end, and spin from finalized and from
// each that awaits PDI.

struct Rule {
  Status from;
  Step step;
  Status to;
};

/// The whole machine: a pair that is not here is illegal.
inline constexpr std::array rules{
    Rule{Status::active, Step::calculate, Status::calculated},
    Rule{Status::active, Step::note, Status::active},
    Rule{Status::active, Step::abandon, Status::voided},
    Rule{Status::active, Step::expire, Status::expired},
    Rule{Status::active, Step::recover, Status::in_doubt},
    Rule{Status::calculated, Step::calculate, Status::calculated},
    Rule{Status::calculated, Step::finalize, Status::finalizing},
    Rule{Status::calculated, Step::enqueue, Status::queued},
    Rule{Status::calculated, Step::note, Status::calculated},
    Rule{Status::calculated, Step::abandon, Status::voided},
    Rule{Status::calculated, Step::expire, Status::expired},
    Rule{Status::calculated, Step::recover, Status::in_doubt},
    Rule{Status::finalizing, Step::committed, Status::finalized},
    Rule{Status::finalizing, Step::rejected, Status::failed},
    Rule{Status::finalizing, Step::not_sent, Status::calculated},
    Rule{Status::finalizing, Step::enqueue, Status::queued},
    Rule{Status::finalizing, Step::lost, Status::in_doubt},
    Rule{Status::finalizing, Step::refer, Status::review},
    Rule{Status::finalizing, Step::note, Status::finalizing},
    Rule{Status::finalizing, Step::spin, Status::finalizing},
    Rule{Status::in_doubt, Step::committed, Status::finalized},
    Rule{Status::in_doubt, Step::send, Status::finalizing},
    Rule{Status::in_doubt, Step::refer, Status::review},
    Rule{Status::in_doubt, Step::note, Status::in_doubt},
    Rule{Status::in_doubt, Step::spin, Status::in_doubt},
    Rule{Status::queued, Step::send, Status::finalizing},
    Rule{Status::queued, Step::refer, Status::review},
    Rule{Status::queued, Step::note, Status::queued},
    Rule{Status::queued, Step::spin, Status::queued},
    Rule{Status::queued, Step::recover, Status::in_doubt},
    Rule{Status::review, Step::enqueue, Status::queued},
    Rule{Status::review, Step::lost, Status::in_doubt},
    Rule{Status::review, Step::discard, Status::failed},
    Rule{Status::review, Step::note, Status::review},
    Rule{Status::finalized, Step::give_back, Status::finalized},
    Rule{Status::finalized, Step::spin, Status::finalized},
    Rule{Status::failed, Step::give_back, Status::failed},
};

constexpr std::optional<Status> next_status(Status from, Step step) {
  for (const Rule& rule : rules) {
    if (rule.from == from && rule.step == step) return rule.to;
  }
  return std::nullopt;
}

/// Whether a session in that status is where it will stay.
constexpr bool is_end(Status status) {
  for (const Rule& rule : rules) {
    if (rule.from == status && rule.to != status) return false;
  }
  return true;
}
static_assert(is_end(Status::finalized) && is_end(Status::failed) && is_end(Status::expired) &&
                  is_end(Status::voided),
              "a 200 never changes");
static_assert(!next_status(Status::active, Step::finalize) && !next_status(Status::active, Step::enqueue),
              "what was never priced is never booked");
static_assert(!next_status(Status::finalizing, Step::finalize) &&
                  !next_status(Status::finalizing, Step::send),
              "one finalize at a time");
static_assert(!next_status(Status::finalizing, Step::expire) &&
                  !next_status(Status::in_doubt, Step::expire) &&
                  !next_status(Status::queued, Step::expire) && !next_status(Status::review, Step::expire),
              "a till may have been told of it, or PDI may have booked it");
static_assert(!next_status(Status::in_doubt, Step::rejected) && !next_status(Status::queued, Step::rejected),
              "a refusal ends a sale only for a till that hears it");

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
  std::optional<Points> redeem = std::nullopt;  ///< Not 0; absent when apply_rewards is false.
  bool operator==(const Sale&) const = default;
};

/// What a till was told, to the byte. A status of 400 or more is problem+json.
struct Answer {
  int status = 200;
  std::string body;
  bool replayed = false;  ///< Told before; not stored.
  bool operator==(const Answer&) const = default;
};

/// Goods of a sale that came back.
struct Return {
  ReturnId id = {};
  TransactionId transaction = {};  ///< The return's own, at the till.
  Money amount;
  ReceiptId receipt = {};
  WallTime returned_at = {};
  /// What it took and gave; nullopt while PDI's word on the sale is out, or where only the hub knows the
  /// sale.
  std::optional<loyalty::ReturnPoints> points = std::nullopt;
  Answer answer = {};
  bool operator==(const Return&) const = default;
};

/// Stored: append, never renumber.
enum class DecisionKind : std::uint8_t { retried = 1, discarded };
inline constexpr std::uint8_t decision_kind_count = 2;

/// A person's, about a sale in review.
struct Decision {
  WallTime at = {};
  DecisionKind kind = DecisionKind::retried;
  std::string actor = {};
  std::string reason = {};  ///< Of a discard.
  bool operator==(const Decision&) const = default;
};

/// The one spin that the sale gave its member.
struct Spin {
  Uuid id = {};
  std::string client_seed = {};  ///< The member's; empty: none.
  WallTime drawn_at = {};
  Answer answer = {};  ///< Its body is empty once the member is forgotten.
  bool operator==(const Spin&) const = default;
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
  bool acknowledged = false;  ///< The till was told 202: from then on only events tell the outcome.

  std::string customer_name = {};
  Points current_points = {};  ///< The member's balance as identify told it.
  std::string tier = {};

  std::optional<Basket> basket = std::nullopt;  ///< The latest priced.
  bool priced_at_pdi = false;                   ///< PDI has priced that one.
  std::string rules_version = {};               ///< Of the store's rules that priced it; empty: PDI did.
  std::optional<Sale> sale = std::nullopt;      ///< From the intent on; gone again when it was not sent.
  Points earned = {};  ///< As priced, of the sale once it is pending; PDI's word once finalized; 0 when it
                       ///< failed.
  Points redeemed = {};
  std::optional<Points> new_balance = std::nullopt;
  ReceiptId receipt = {};  ///< Our own while pending, then PDI's.
  /// As told with 202, while that is the answer; nullopt then: by a version that had no other than the
  /// built-in ones.
  std::optional<std::vector<std::string>> receipt_lines = std::nullopt;
  std::optional<ProviderFault> refusal = std::nullopt;  ///< PDI's, if it did; failed or review.
  std::string reason = {};  ///< Why it was abandoned, referred or discarded, in words.

  WallTime created_at = {};
  /// The journal's latest restore by then, as its mark names it; nullopt: there had been none.
  std::optional<WallTime> after_restore = std::nullopt;
  WallTime expires_at = {};
  std::optional<WallTime> pending_at = std::nullopt;  ///< When the till was told 202.
  std::optional<WallTime> finalized_at = std::nullopt;
  std::uint32_t attempts = 0;  ///< How often finalize may have been sent.
  /// Its place in the journal's `due`, while it has one: since when it waits for PDI.
  std::optional<WallTime> next_attempt_at = std::nullopt;
  std::vector<Decision> audit = {};  ///< In the order in which they were taken.
  /// Notes; a name may be there more than once.
  std::vector<std::pair<std::string, std::string>> metadata = {};
  std::string traceparent = {};  ///< Of the call that finalized it: the event continues that trace.

  Answer identify_answer = {};
  std::optional<Answer> calculate_answer = std::nullopt;  ///< To `basket`.
  std::optional<Answer> finalize_answer = std::nullopt;   ///< To `sale`; once it is here it never changes.

  std::vector<Return> returns = {};  ///< In the order in which they came.
  std::optional<Spin> spin = std::nullopt;

  bool operator==(const Session&) const = default;
};

/// One version of a session, which never changes, for all who look at it; nullptr: there is none.
using SharedSession = std::shared_ptr<const Session>;

/// Goods of another store's sale, which the hub alone knows: the till's call, kept to be told again.
struct ForeignReturn {
  StoreId original_store = {};
  TransactionId original_transaction = {};
  Return goods;
  bool operator==(const ForeignReturn&) const = default;
};

/// A till's name that is a claim's of a promotion (edge/programme), whose record has this id.
struct ClaimName {
  std::string record = {};
  bool operator==(const ClaimName&) const = default;
};
/// Whether `text` may be such a record's id: `clm_` and a canonical UUID.
bool is_claim_record_id(std::string_view text);

/// The session after `step`: its status moved and its version raised. The caller fills in the rest and
/// commits it. Errors: session_state when the machine has no such step.
Result<Session> take_step(Session session, Step step);

/// Whether it may lapse by its age alone.
bool may_expire(const Session& session);

/// Whether PDI's word on its sale is out: queued, in doubt or on its way.
bool awaits_pdi(const Session& session);
/// Whether its sale is neither booked nor refused yet: it awaits PDI, or a person.
bool is_open_sale(const Session& session);

/// For logs, metrics and commands: the enumerator's own name.
std::string_view name_of(Status status);
std::string_view name_of(DecisionKind kind);
/// contract.md §5: what PDI has yet to settle of an acknowledged sale is `pending`.
std::string_view wire_name(const Session& session);
std::string_view wire_name(Mode mode);

}  // namespace perkline::edge::session
