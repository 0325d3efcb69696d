#include "edge/pdi_queue/doubt.hpp"

#include <algorithm>
#include <array>

namespace perkline::edge::pdi_queue {
namespace {

/// Before the quiet time's end, counted from the last byte.
constexpr std::array early_asks{Millis{1000}, Millis{2000}, Millis{4000}, Millis{8000}};
/// From one ask to the next after it; the last one repeats.
constexpr std::array slow_gaps{open_confirmation, Millis{10'000}, Millis{20'000}, Millis{40'000},
                               Millis{60'000}};

}  // namespace

Doubt::Doubt(MonoTime last_byte, Millis quiet) : quiet_(quiet), began_(last_byte), last_byte_(last_byte) {
  schedule(last_byte);
}

void Doubt::schedule(MonoTime now) {
  for (const Millis early : early_asks) {
    if (early < quiet_ && last_byte_ + early > now) {
      next_ask_ = last_byte_ + early;
      return;
    }
  }
  if (now < quiet_end()) {
    next_ask_ = quiet_end();
    return;
  }
  next_ask_ = now + slow_gaps[std::min(slow_asks_, slow_gaps.size() - 1)];
  ++slow_asks_;
}

Doubt::Verdict Doubt::judge(const pdi::Reply<pdi::SessionStatus>& answer, MonoTime now,
                            std::uint32_t resends) {
  schedule(now);
  if (answer && answer->finalized) return Verdict::adopt;
  const bool open = answer && (answer->status == "active" || answer->status == "calculated");
  if (answer && !open) return Verdict::contradiction;
  if (!answer && answer.error().outcome == pdi::Outcome::rejected) return Verdict::contradiction;
  if (!answer && answer.error().error.retry_after) wait_until(now + *answer.error().error.retry_after);
  const Verdict verdict = open ? judge_open(now, resends) : Verdict::wait;
  return verdict == Verdict::wait && now - began_ >= doubt_max ? Verdict::too_old : verdict;
}

Doubt::Verdict Doubt::judge_open(MonoTime now, std::uint32_t resends) {
  if (now < quiet_end()) return Verdict::wait;
  if (!open_since_) open_since_ = now;
  if (now - *open_since_ < open_confirmation) return Verdict::wait;
  return resends < resends_max ? Verdict::send_again : Verdict::exhausted;
}

void Doubt::sent_again(MonoTime last_byte) {
  const MonoTime began = began_;
  *this = Doubt(last_byte, quiet_);
  began_ = began;
}

void Doubt::wait_until(MonoTime time) {
  next_ask_ = std::max(next_ask_, time);
}

}  // namespace perkline::edge::pdi_queue
