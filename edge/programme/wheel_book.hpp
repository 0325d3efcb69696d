#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "edge/journal/journal.hpp"
#include "edge/programme/draw.hpp"

namespace perkline::edge::programme {

/// A spin that the hub was asked to keep one-time prizes for, and that is neither drawn nor dropped.
struct Intent {
  SessionId session;
  Uuid spin;
  CustomerId customer;
  bool operator==(const Intent&) const = default;
};

/// What draws leave in the journal, family prizes_leased: a lease's state under `lease/<id>`, members' nonces
/// under `nonce/<day>/<commitment>/<member>`, intents under `intent/<session>`. Leases' states are kept for
/// ever: a hub that was restored may hand a lease out once more. What is put takes effect with the caller's
/// batch. Errors of all: corrupt, newer_format, io_failed.
class WheelBook {
 public:
  /// `journal` must outlive it.
  explicit WheelBook(const journal::JournalReader& journal) : journal_(journal) {}

  /// Of the leases in the offer.
  Result<LeaseStates> lease_states(const Offer& offer) const;
  void put(journal::Batch& batch, const std::string& lease, const LeaseState& state) const;

  /// How often the member has drawn with the seed.
  Result<std::int64_t> nonce(const Seed& seed, const std::string& member) const;
  void put_nonce(journal::Batch& batch, const Seed& seed, const std::string& member, std::int64_t last) const;
  /// The latest day with whose seed anybody has drawn; nullopt: nobody has, or it is forgotten.
  Result<std::optional<std::chrono::sys_days>> latest_day() const;
  /// Adds the removal of nonces of days before `until`, but of those that the offer has seeds of, at most so
  /// many. How many.
  Result<std::size_t> forget_nonces(journal::Batch& batch, std::chrono::sys_days until, const Offer& offer,
                                    std::size_t count_max) const;

  Result<std::vector<Intent>> intents() const;
  void put(journal::Batch& batch, const Intent& intent) const;
  void erase_intent(journal::Batch& batch, const SessionId& session) const;

 private:
  const journal::JournalReader& journal_;
};

/// Whether a record of the family can be read. Errors: corrupt, newer_format.
Result<void> check_wheel_record(std::string_view key, std::string_view record);

}  // namespace perkline::edge::programme
