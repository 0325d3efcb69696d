#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "shared/core/clock.hpp"
#include "shared/core/limits.hpp"
#include "shared/sync/frame.hpp"

namespace perkline::sync {

/// What a store says next, decided from what it has heard (sync.md, "Up"). Pure: time passed in, no I/O.
///
///     greeting ──Welcome──▶ streaming ──no progress, or reconnected──▶ greeting
///         └── a fork, lost history, refused ──▶ stopped ──30 s──▶ greeting (a person may have mended it)
///
/// A store that has nothing to send asks by Hello whether the hub is there, and goes on streaming meanwhile.
class SendWindow {
 public:
  enum class Phase : std::uint8_t { greeting, streaming, stopped };
  enum class Move : std::uint8_t {
    wait,       ///< Until `wake_at` or something is heard or journalled.
    hello,      ///< Say Hello.
    batch,      ///< Send a batch from `next()` on, and tell `sent_batch`.
    status,     ///< Say Status.
    reconnect,  ///< Nothing heard for too long: go to the next endpoint, then say Hello.
  };
  /// A Hello or a batch that is not answered is taken for lost after this.
  static constexpr Millis answer_max{5000};
  static constexpr Millis stopped_retry{30'000};
  static_assert(2 * answer_max < limits::sync_silence_max,
                "a lost Hello is said again before the hub is given up");

  explicit SendWindow(MonoTime now) : last_heard_(now) {}

  /// The hub's answers. A welcome's cursor and an ack's sequence must have been checked against the store's
  /// own chain. Told again, late or out of order they do no harm.
  void welcomed(const Welcome& welcome, MonoTime now);
  /// Whether it moved the acknowledged sequence.
  bool acked(std::uint64_t through, MonoTime now);
  void nacked(std::uint64_t expected, MonoTime now);
  void stop(MonoTime now);
  /// What was heard needs a Welcome to be believed: says Hello at once.
  void doubt(MonoTime now);

  void said_hello(MonoTime now);
  void sent_batch(std::uint64_t last_sequence, MonoTime now);
  void said_status(MonoTime now) { last_status_ = now; }
  void reconnected(MonoTime now);

  /// `tail`: the last durable sequence.
  Move next_move(std::uint64_t tail, MonoTime now) const;
  /// When next_move may say something else than `wait`, if nothing happens before. Not in the past while it
  /// says so.
  MonoTime wake_at() const;

  Phase phase() const { return phase_; }
  std::uint64_t next() const { return next_; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  MonoTime last_heard() const { return last_heard_; }
  /// From the last Hello or batch that was answered to its answer; nullopt: none was yet.
  std::optional<std::chrono::nanoseconds> round_trip() const { return round_trip_; }

 private:
  void heard(MonoTime now) { last_heard_ = now; }
  /// Silence counts only while an answer is owed.
  bool owed() const { return hello_at_.has_value() || !in_flight_.empty(); }
  MonoTime silence_ends() const;

  Phase phase_ = Phase::greeting;
  std::optional<MonoTime> hello_at_;  ///< When Hello was said that is not answered yet.
  std::uint64_t acknowledged_ = 0;
  std::uint64_t next_ = 1;
  std::uint32_t credit_ = 0;
  std::optional<std::uint64_t> went_back_to_;  ///< The last gap that was told, and sent again from.
  struct InFlight {
    std::uint64_t last_sequence;
    MonoTime sent_at;
  };
  std::deque<InFlight> in_flight_;  ///< Batches, their sequences rising.
  std::optional<std::chrono::nanoseconds> round_trip_;
  MonoTime progress_at_{};  ///< When the oldest batch in flight was sent, or acknowledgements last moved.
  MonoTime last_heard_;
  MonoTime owed_since_{};
  MonoTime last_status_{};  ///< Hello tells it too.
  MonoTime stopped_at_{};
};

}  // namespace perkline::sync
