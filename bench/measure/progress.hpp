#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace perkline::bench {

/// How far a run is: a bar that redraws itself on a terminal, a line every tenth of the way elsewhere.
/// Thread-safe.
class Progress {
 public:
  enum class Tells : std::uint8_t { rate, share };
  Progress(std::string title, std::size_t total, Tells tells = Tells::rate);
  ~Progress();
  void show(std::size_t done);

 private:
  void draw(std::size_t done);
  std::string title_;
  std::size_t total_;
  Tells tells_;
  bool terminal_;
  std::mutex mutex_;
  std::size_t shown_tenth_ = 0;
  std::size_t done_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_{};
};

}  // namespace perkline::bench
