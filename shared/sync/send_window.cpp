#include "shared/sync/send_window.hpp"

#include <algorithm>

namespace perkline::sync {

void SendWindow::welcomed(const Welcome& welcome, MonoTime now) {
  heard(now);
  if (hello_at_) round_trip_ = now - *hello_at_;
  hello_at_.reset();
  credit_ = std::min<std::uint32_t>(welcome.credit, limits::sync_window_batches);
  if (phase_ == Phase::streaming && welcome.cursor >= acknowledged_) {
    // Only the answer to whether the hub is there, or an old one: what is under way stays so.
    acked(welcome.cursor, now);
    return;
  }
  phase_ = Phase::streaming;
  acknowledged_ = welcome.cursor;
  next_ = welcome.cursor + 1;
  went_back_to_.reset();
  in_flight_.clear();
}

bool SendWindow::acked(std::uint64_t through, MonoTime now) {
  heard(now);
  if (phase_ != Phase::streaming) return false;
  const bool moved = through > acknowledged_;
  if (moved) {
    acknowledged_ = through;
    next_ = std::max(next_, through + 1);
    progress_at_ = now;
  }
  while (!in_flight_.empty() && in_flight_.front().last_sequence <= acknowledged_) {
    round_trip_ = now - in_flight_.front().sent_at;
    in_flight_.pop_front();
  }
  return moved;
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

void SendWindow::doubt(MonoTime now) {
  reconnected(now);
}

void SendWindow::said_hello(MonoTime now) {
  if (!owed()) owed_since_ = now;
  hello_at_ = now;
  last_status_ = now;
  // With batches unanswered nobody knows where the hub is until it says so.
  if (phase_ == Phase::streaming && in_flight_.empty()) return;
  phase_ = Phase::greeting;
  in_flight_.clear();
}

void SendWindow::sent_batch(std::uint64_t last_sequence, MonoTime now) {
  if (!owed()) owed_since_ = now;
  if (in_flight_.empty()) progress_at_ = now;
  in_flight_.push_back({.last_sequence = last_sequence, .sent_at = now});
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
  if (hello_at_ && now >= *hello_at_ + answer_max) return Move::hello;
  if (phase_ == Phase::greeting) return hello_at_ ? Move::wait : Move::hello;
  if (!in_flight_.empty() && now >= progress_at_ + answer_max) return Move::hello;
  if (next_ <= tail && in_flight_.size() < credit_) return Move::batch;
  if (now < last_status_ + limits::sync_status_every) return Move::wait;
  const bool quiet = !owed() && now >= last_heard_ + answer_max;
  return quiet ? Move::hello : Move::status;
}

MonoTime SendWindow::wake_at() const {
  if (phase_ == Phase::stopped) return stopped_at_ + stopped_retry;
  MonoTime wake = MonoTime::max();
  const auto no_later = [&wake](MonoTime time) { wake = std::min(wake, time); };
  if (owed()) no_later(silence_ends());
  if (hello_at_) no_later(*hello_at_ + answer_max);
  if (!in_flight_.empty()) no_later(progress_at_ + answer_max);
  if (phase_ == Phase::streaming) no_later(last_status_ + limits::sync_status_every);
  return wake;
}

}  // namespace perkline::sync
