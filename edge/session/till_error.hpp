#pragma once

#include "edge/session/session.hpp"
#include "pdi_client/pdi.hpp"
#include "shared/core/error.hpp"

/// What tills are told when a call cannot be done. Pure.
namespace perkline::edge::session {

/// Another call of the session runs; it is worth trying again soon.
Error session_busy();
/// The transaction id stands for another call.
Error transaction_reused();
/// The hub has the member blocked, and PDI is not there to be asked.
Error member_blocked();
/// No such call in the session's status.
Error out_of_order(const Session& session);
/// More points than a member can hold.
Error too_many_points(std::string field);
/// The journal's disk has too little room for one more sale.
Error storage_full();
/// finalize is with PDI and its outcome not known yet.
Error awaiting_pdi();
/// PDI's refusal with its own words, or that it is out of reach, and when to try again.
Error till_error(pdi::Failure failure);

inline Answer replay(Answer answer) {
  answer.replayed = true;
  return answer;
}

}  // namespace perkline::edge::session
