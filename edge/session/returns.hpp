#pragma once

#include <cstdint>
#include <string>

#include "edge/session/outcome.hpp"

/// Goods of a sale that come back (contract.md §5, hub.md "SaleReturned"). Pure.
namespace perkline::edge::session {

/// Goods on their way back.
struct GoodsReturned {
  ReturnId id;
  TransactionId transaction;
  Money amount;
  ReceiptId receipt;
  WallTime now;
  std::string traceparent;  ///< The call's.
};

/// Goods of the sale come back, as the last of its returns. Of an open sale they are worked out when that is
/// booked, of one that PDI never booked they come to nothing. Errors: session_state (no sale, or one that
/// the till was refused), return_exceeds_sale.
Result<Outcome> returned(Session session, GoodsReturned goods);

/// Works out those that waited for PDI's word on the sale, or a person's, by figures which are final now.
/// What the member owes more by it.
std::int64_t work_out_returns(Session& session);

}  // namespace perkline::edge::session
