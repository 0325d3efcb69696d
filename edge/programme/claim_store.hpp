#pragma once

#include <cstddef>
#include <optional>
#include <string>

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
  bool operator==(const Claim&) const = default;
};

/// The claim's id, at the hub too: the same call always has the same, so that an answer that was lost and an
/// event that comes later are one claim. A UUID (RFC 9562, version 8) of SHA-256("perkline-claim-1" ‖ length
/// as u32 big-endian ‖ text, of store, transaction, customer and promotion).
Uuid claim_id_of(const StoreId& store, const Claim& claim);

/// What lies under that record's id. Errors: corrupt (also: nothing does), newer_format, io_failed.
Result<Claim> find_claim(const journal::JournalReader& journal, const std::string& record);

/// Claims in the journal, family prizes_leased: each under `claim/<record>`, and under
/// `claimed/<member>/<promotion>` that the member has claimed it here. Their transactions' names are in
/// `by_transaction`. Reactor's thread. Errors of all: corrupt, newer_format, io_failed.
class ClaimStore {
 public:
  /// Both must outlive it.
  ClaimStore(journal::Journal& journal, journal::Outbox& outbox) : journal_(journal), outbox_(outbox) {}

  Result<Claim> get(const std::string& record) const { return find_claim(journal_, record); }
  Result<bool> is_claimed(const CustomerId& customer, const Uuid& promotion) const;
  /// With the event that tells the hub, if it is to be told. Durable when it returns.
  Task<void> add(Claim claim, std::optional<journal::NewEvent> event);

  /// Puts the token in the member's place in claims that were made before `requested_at`; what tills were
  /// told goes. Durable when it returns.
  Task<Result<void>> forget_member(sync::Erasure erasure);
  /// Forgets claims that were made before `until` for good, with their names, the oldest first and at most so
  /// many. How many went, durably.
  Task<Result<std::size_t>> remove(WallTime until, std::size_t count_max);

 private:
  journal::Journal& journal_;
  journal::Outbox& outbox_;
};

/// Whether a record of the family under that key is one of these; and whether it can be read. Errors:
/// corrupt, newer_format.
bool is_claim_key(std::string_view key);
Result<void> check_claim_record(const journal::JournalReader& journal, std::string_view key,
                                std::string_view record);

}  // namespace perkline::edge::programme
