#pragma once

#include "shared/net/task.hpp"

namespace perkline::net {

/// Runs both side by side until one of them ends; then the other is cancelled where it waits, and has ended
/// when this returns.
Task<void> either(Task<void> a, Task<void> b);

}  // namespace perkline::net
