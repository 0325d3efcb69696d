#pragma once

#include "edge/session/session.hpp"

namespace perkline::edge::session {

/// The session without whose it is: the token in the card's place, no name, neither in what tills were told,
/// nor the proof of its spin.
/// Amounts, points and everything else stay, and so do the bytes of an answer that names nobody. Pure.
Session without_member(Session session, const CustomerId& token);

}  // namespace perkline::edge::session
