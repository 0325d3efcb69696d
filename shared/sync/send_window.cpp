#include "shared/sync/send_window.hpp"

#include <algorithm>

namespace perkline::sync {

void SendWindow::welcomed(const Welcome& welcome, MonoTime now) {
  heard(now);
  phase_ = Phase::streaming;
  hello_at_.reset();
  acknowledged_ = welcome.cursor;
  went_back_to_.reset();
  next_ = welcome.cursor + 1;
  credit_ = std::min<std::uint32_t>(welcome.credit, limits::sync_window_batches);
  in_flight_.clear();
  last_status_ = now;
}

bool SendWindow::acked(std::uint64_t through, MonoTime now) {
  heard(now);
  if (phase_ != Phase::streaming || through <= acknowledged_ || through >= next_) {
    // Of an earlier connection, doubled, or of what was never sent: no news. A batch wholly under the cursor
    // is still done.
    while (!in_flight_.empty() && in_flight_.front() <= acknowledged_) in_flight_.pop_front();
    return false;
  }
  acknowledged_ = through;
  progress_at_ = now;
  while (!in_flight_.empty() && in_flight_.front() <= through) in_flight_.pop_front();
  return true;
}

void SendWindow::nacked(std::uint64_t expected, MonoTime now) {
  heard(now);
  if (phase_ != Phase::streaming || expected <= acknowledged_ || expected > next_) return;
  // Every batch behind a gap is answered so: going back for each would double what is under way each time.
  if (went_back_to_ == expected) return;
  went_back_to_ = expected;
  next_ = expected;
  in_flight_.clear();
  progress_at_ = now;
}

void SendWindow::stop(MonoTime now) {
  heard(now);
  phase_ = Phase::stopped;
  stopped_at_ = now;
  hello_at_.reset();
  in_flight_.clear();
}

void SendWindow::said_hello(MonoTime now) {
  if (!owed()) owed_since_ = now;
  phase_ = Phase::greeting;
  hello_at_ = now;
  in_flight_.clear();
}

void SendWindow::sent_batch(std::uint64_t last_sequence, MonoTime now) {
  if (!owed()) owed_since_ = now;
  if (in_flight_.empty()) progress_at_ = now;
  in_flight_.push_back(last_sequence);
  next_ = last_sequence + 1;
}

void SendWindow::reconnected(MonoTime now) {
  heard(now);
  phase_ = Phase::greeting;
  hello_at_.reset();
  in_flight_.clear();
}

MonoTime SendWindow::silence_ends() const {
  return std::max(last_heard_, owed_since_) + limits::sync_silence_max;
}

SendWindow::Move SendWindow::next_move(std::uint64_t tail, MonoTime now) const {
  if (phase_ == Phase::stopped) return now >= stopped_at_ + stopped_retry ? Move::hello : Move::wait;
  if (owed() && now >= silence_ends()) return Move::reconnect;
  if (phase_ == Phase::greeting)
    return !hello_at_ || now >= *hello_at_ + answer_max ? Move::hello : Move::wait;
  if (!in_flight_.empty() && now >= progress_at_ + answer_max) return Move::hello;
  if (next_ <= tail && in_flight_.size() < credit_) return Move::batch;
  if (now >= last_status_ + limits::sync_status_every) return Move::status;
  return Move::wait;
}

MonoTime SendWindow::wake_at() const {
  if (phase_ == Phase::stopped) return stopped_at_ + stopped_retry;
  MonoTime wake = phase_ == Phase::greeting ? hello_at_.value_or(MonoTime{}) + answer_max
                                            : last_status_ + limits::sync_status_every;
  if (!in_flight_.empty()) wake = std::min(wake, progress_at_ + answer_max);
  if (hello_at_ || !in_flight_.empty())
    wake = std::min<MonoTime>(wake, last_heard_ + limits::sync_silence_max);
  return wake;
}

}  // namespace perkline::sync
