#pragma once

#include <cstdint>
#include <optional>

#include "pdi_client/pdi.hpp"
#include "shared/core/clock.hpp"

/// When to ask PDI about a finalize that nobody knows the end of, and what its answers mean (edge.md,
/// "Finalize in doubt"). It stands on one assumption about PDI: it books nothing later than the quiet time
/// after the last byte.
namespace perkline::edge::pdi_queue {

/// How long PDI may leave it open before a person is asked.
inline constexpr hours doubt_max{24};
/// How often finalize is sent again, at most.
inline constexpr std::uint32_t resends_max = 5;
/// Open at the quiet time's end and still open this much later: PDI never got it.
inline constexpr Millis open_confirmation{5000};

/// One session's doubt. Pure.
class Doubt {
 public:
  /// `last_byte`: when a byte of finalize was sent last, or a later moment.
  Doubt(MonoTime last_byte, Millis quiet);

  MonoTime next_ask() const { return next_ask_; }

  enum class Verdict : std::uint8_t {
    adopt,          ///< PDI has booked it: its figures are in the answer.
    send_again,     ///< PDI never got it, and will not get it any more.
    exhausted,      ///< As send_again, but it has been sent often enough.
    wait,           ///< Nothing is known yet.
    contradiction,  ///< PDI denies a session it opened, or tells what it cannot be.
    too_old,        ///< As wait, but for doubt_max now.
  };
  /// What PDI's answer at `now` means, finalize having been sent again `resends` times; sets the next ask.
  Verdict judge(const pdi::Reply<pdi::SessionStatus>& answer, MonoTime now, std::uint32_t resends);

  /// finalize has been sent again and its outcome is unknown: the doubt begins anew.
  void sent_again(MonoTime last_byte);
  /// Not before `time`: PDI or a full queue asked for patience.
  void wait_until(MonoTime time);

 private:
  Verdict judge_open(MonoTime now, std::uint32_t resends);
  MonoTime quiet_end() const { return last_byte_ + quiet_; }
  void schedule(MonoTime now);

  Millis quiet_;
  MonoTime began_;  ///< The first doubt about this sale.
  MonoTime last_byte_;
  std::optional<MonoTime> open_since_;  ///< Since when, after the quiet time, PDI has called it open.
  std::size_t slow_asks_ = 0;           ///< Asked since the quiet time's end.
  MonoTime next_ask_;
};

}  // namespace perkline::edge::pdi_queue
