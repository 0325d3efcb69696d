#pragma once

namespace perkline {

/// Prints and aborts: a bug of ours. systemd restarts the daemon and the journal recovers.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace perkline

/// On in every build. For our own bugs only: bytes from network, disk or a clock get an Errc instead.
#define PERKLINE_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::perkline::assertion_failed(#condition, __FILE__, __LINE__))
