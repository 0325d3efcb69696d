#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "edge/journal/outbox.hpp"
#include "edge/session/session.hpp"
#include "shared/sync/down.hpp"

namespace perkline::edge::programme {

/// A promotion claimed at a till, and what that was told.
struct Claim {
  std::string record = {};  ///< `clm_` + UUIDv7: where it lies.
  Uuid id = {};             ///< claim_id_of()
  CustomerId customer = {};
  Uuid promotion = {};
  TransactionId transaction = {};  ///< Its own, at the till.
  WallTime claimed_at = {};
  session::Answer answer = {};
  /// What the store's catalogue says of the promotion. Not kept with it: its event tells it.
  std::optional<Digest> terms = std::nullopt;
  /// The hub's word, after the till was told 202; `answer` is empty then.
  std::optional<sync::ClaimOutcome> refused = std::nullopt;
  bool operator==(const Claim&) const = default;
};

/// Whether it is for the hub to say yet what comes of it.
bool is_pending(const Claim& claim);

/// The claim's id, at the hub too: the same call always has the same, so that an answer that was lost and an
/// event that comes later are one claim. A UUID (RFC 9562, version 8) of SHA-256("perkline-claim-1" ‖ length
/// as u32 big-endian ‖ text, of store, transaction, customer and promotion).
Uuid claim_id_of(const StoreId& store, const Claim& claim);

/// What lies under that record's id. Errors: corrupt (also: nothing does), newer_format, io_failed.
Result<Claim> find_claim(const journal::JournalReader& journal, const std::string& record);

/// Claims in the journal, family prizes_leased: each under `claim/<record>`, under
/// `claimed/<member>/<promotion>` that the member has claimed it here, and under `asked/<claim>`, until it is
/// known better, that the hub may have booked it, having been asked to. Whoever changes one holds
/// `claims_key`. Their transactions' names are in `by_transaction`. Reactor's thread. Errors of all: corrupt,
/// newer_format, io_failed.
class ClaimStore {
 public:
  /// Both must outlive it.
  ClaimStore(journal::Journal& journal, journal::Outbox& outbox) : journal_(journal), outbox_(outbox) {}

  Result<Claim> get(const std::string& record) const { return find_claim(journal_, record); }
  /// Whether anything lies under that record's id.
  Result<bool> holds(const std::string& record) const;
  Result<bool> is_claimed(const CustomerId& customer, const Uuid& promotion) const;
  /// By which claim that is; nullopt: it is not.
  Result<std::optional<Claim>> claim_of(const CustomerId& customer, const Uuid& promotion) const;
  /// Whether the hub was asked to book it, by this process or one before, and may have done so unheard.
  Result<bool> is_asked(const Uuid& claim) const;
  /// Durable when it returns.
  Task<void> note_asked(Uuid claim, WallTime at);
  /// It was asked once, and has said no. Durable when it returns.
  Task<void> note_refused(Uuid claim);
  /// With the event that tells the hub. Durable when it returns.
  Task<void> add(Claim claim, journal::NewEvent event);
  /// What became of one that was pending. Where it is refused, the member may claim the promotion here again.
  /// Durable when it returns.
  Task<Result<void>> settle(Claim claim);
  /// Records of those that are pending, the oldest first.
  Result<std::vector<std::string>> pending() const;

  /// Puts the token in the member's place in claims that were made before `requested_at`; what tills were
  /// told goes. Durable when it returns.
  Task<Result<void>> forget_member(sync::Erasure erasure);
  /// Forgets claims that were made, or asked about, before `until` for good, with their names, the oldest
  /// made first and at most so many. How many went, durably.
  Task<Result<std::size_t>> remove(WallTime until, std::size_t count_max);

 private:
  Result<void> erase_mark(journal::Batch& batch, const Claim& claim) const;
  Result<std::size_t> remove_asked(journal::Batch& batch, WallTime until, std::size_t count_max) const;

  journal::Journal& journal_;
  journal::Outbox& outbox_;
};

/// Whether a record of the family under that key is one of these; and whether it can be read. Errors:
/// corrupt, newer_format.
bool is_claim_key(std::string_view key);
Result<void> check_claim_record(const journal::JournalReader& journal, std::string_view key,
                                std::string_view record);

}  // namespace perkline::edge::programme
