#include "edge/journal/journal.hpp"

namespace perkline::edge::journal {

std::string_view name_of(Family family) {
  switch (family) {
    case Family::meta:
      return "meta";
    case Family::sessions:
      return "sessions";
    case Family::by_transaction:
      return "by_transaction";
    case Family::due:
      return "due";
    case Family::outbox:
      return "outbox";
    case Family::catalogue:
      return "catalogue";
    case Family::members:
      return "members";
    case Family::prizes_leased:
      return "prizes_leased";
    case Family::archive:
      return "archive";
    case Family::dead_letters:
      return "dead_letters";
    case Family::expiry:
      return "expiry";
  }
  PERKLINE_ASSERT(false);
}

}  // namespace perkline::edge::journal
