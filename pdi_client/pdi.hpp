#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/core/clock.hpp"
#include "shared/core/ids.hpp"
#include "shared/core/money.hpp"
#include "shared/net/task.hpp"

/// PDI, the loyalty provider, as flows see it. Its HTTP API is the four calls of contract.md §5 under their
/// own names, its session ids being its own.
namespace perkline::pdi {

struct IdentifyCall {
  CustomerId customer;
  ChannelId channel;
  TransactionId transaction;
  std::string traceparent = {};  ///< W3C trace context, continued with a span of the call's own; empty: none.
};
struct Identified {
  ProviderSessionId session;
  std::string customer_name;
  Points current_points;
  std::string tier;
};

struct Item {
  std::string sku;
  Quantity quantity;
  std::optional<Money> unit_price;
  std::string category;  ///< Empty: none.
  bool operator==(const Item&) const = default;
};
struct CalculateCall {
  ProviderSessionId session;
  Money transaction_amount;
  std::vector<Item> items;
  std::string traceparent = {};  ///< As IdentifyCall's.
};
struct Rewards {
  Points earned;
  double multiplier = 0;
  Points bonus;
  std::vector<std::pair<std::string, Points>> breakdown;  ///< basePoints, tierBonus, …, in PDI's order.
};

struct FinalizeCall {
  ProviderSessionId session;
  TransactionId transaction;
  Money final_amount;
  bool apply_rewards = true;
  std::optional<Points> redeem;
  std::string traceparent = {};  ///< As IdentifyCall's.
};
struct Finalized {
  Points earned;
  Points redeemed;
  Points new_balance;
  ReceiptId receipt;
};

struct StatusCall {
  StatusCall(ProviderSessionId its_session, std::string its_traceparent = {})
      : session(std::move(its_session)), traceparent(std::move(its_traceparent)) {}
  ProviderSessionId session;
  std::string traceparent;  ///< As IdentifyCall's.
};
struct SessionStatus {
  std::string status;                  ///< active, calculated, finalized.
  std::optional<Finalized> finalized;  ///< Exactly when status is finalized.
};

/// Why there is no answer, sorted by what it means for the caller (edge.md, PDI client).
enum class Outcome : std::uint8_t {
  rejected = 1,  ///< 400, 404, 409, 422: PDI decided; `provider` says why.
  rate_limited,  ///< 429: not done; see retry_after.
  unauthorized,  ///< 401 also with a fresh token: not done.
  forbidden,     ///< 403: not done.
  unavailable,  ///< No connection, a time-out, a broken connection, 408, 5xx, or an answer that is not valid.
  no_token,     ///< No access token is to be had: nothing was sent.
  not_tried,    ///< Too many calls in flight or the breaker is open: nothing was sent.
  cancelled,    ///< We gave it up, as at the end of the process; see may_have_been_sent.
};
std::string_view name_of(Outcome outcome);

struct Failure {
  Outcome outcome = Outcome::unavailable;
  /// unavailable, cancelled: a byte of the request may have left, so it may have been done.
  bool may_have_been_sent = false;
  Error error;  ///< pdi_rejected with `provider`, or pdi_unavailable with retry_after.
};

template <class T>
using Reply = std::expected<T, Failure>;

/// Each call returns by `deadline` (and by its own configured timeout, if earlier). Reactor's thread.
class Pdi {
 public:
  virtual ~Pdi() = default;
  virtual Task<Reply<Identified>> identify(IdentifyCall call, MonoTime deadline) = 0;
  virtual Task<Reply<Rewards>> calculate(CalculateCall call, MonoTime deadline) = 0;
  virtual Task<Reply<Finalized>> finalize(FinalizeCall call, MonoTime deadline) = 0;
  virtual Task<Reply<SessionStatus>> status(StatusCall call, MonoTime deadline) = 0;
};

}  // namespace perkline::pdi
