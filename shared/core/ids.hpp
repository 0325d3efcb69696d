#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "shared/core/clock.hpp"
#include "shared/core/random.hpp"

namespace perkline {

/// Text that names one kind of thing; two kinds never mix.
template <class Kind>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}
  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  std::string text_;
};

using StoreId = Id<struct StoreKind>;
using SessionId = Id<struct SessionKind>;              ///< Ours: `sess_` + UUIDv7.
using ProviderSessionId = Id<struct ProviderSession>;  ///< PDI's own.
using CustomerId = Id<struct CustomerKind>;            ///< The loyalty card, PDI's name for the member.
using TransactionId = Id<struct TransactionKind>;      ///< The till's name for the sale, unique in its store.
using ChannelId = Id<struct ChannelKind>;              ///< The till.
using ReceiptId = Id<struct ReceiptKind>;
using ReturnId = Id<struct ReturnKind>;  ///< Ours: `ret_` + UUIDv7.
using UserId = Id<struct UserKind>;      ///< A user of the hub: UUIDv7.

/// RFC 9562.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
  std::string str() const;  ///< `0190163d-8694-739b-aea5-966c26f8ad91`
};

/// The canonical lower-case form only.
std::optional<Uuid> parse_uuid(std::string_view text);

/// Makes UUIDv7 that sort in the order they were made, also when the clock goes back (RFC 9562 §6.2, method
/// 2). One thread.
class UuidMaker {
 public:
  /// Both must outlive this.
  UuidMaker(const Clock& clock, Rng& rng) : clock_(clock), rng_(rng) {}
  Uuid next();
  SessionId next_session_id() { return SessionId("sess_" + next().str()); }
  ReturnId next_return_id() { return ReturnId("ret_" + next().str()); }

 private:
  const Clock& clock_;
  Rng& rng_;
  std::uint64_t last_millis_ = 0;
  std::uint64_t tail_ = 0;  ///< The 74 random bits' first 62; counts up within a millisecond.
};

/// Whether `text` may be a session's id: `sess_` and a canonical UUID.
bool is_session_id(std::string_view text);
/// `ret_` and a canonical UUID.
bool is_return_id(std::string_view text);

}  // namespace perkline

template <class Kind>
struct std::hash<perkline::Id<Kind>> {
  std::size_t operator()(const perkline::Id<Kind>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
