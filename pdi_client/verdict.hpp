#pragma once

#include "pdi_client/breaker.hpp"
#include "pdi_client/pdi.hpp"

namespace perkline::pdi {

/// Whether a call that went well was slow: it took four fifths of its time-out or more.
inline bool is_slow(MonoTime::duration took, Millis timeout) {
  return took >= timeout * 4 / 5;
}

/// Tells the breaker what a failed call says about the other side (edge.md's table of outcomes). Pure.
void judge(Breaker::Permit permit, const Failure& failure, MonoTime now);

}  // namespace perkline::pdi
