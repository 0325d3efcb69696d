#pragma once

#include "shared/core/clock.hpp"
#include "shared/core/random.hpp"

namespace perkline {

/// Full jitter: uniform in [0, min(cap, base·2^attempt)). Source: AWS Architecture Blog, "Exponential Backoff
/// And Jitter" (2015). `attempt` counts from 0.
Millis full_jitter(Rng& rng, unsigned attempt, Millis base, Millis cap);

}  // namespace perkline
