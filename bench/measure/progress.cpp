#include "bench/measure/progress.hpp"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace perkline::bench {

Progress::Progress(std::string title, std::size_t total, Tells tells)
    : title_(std::move(title)), total_(total), tells_(tells), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (terminal_) {
    draw(done_);
    std::fputc('\n', stderr);
  }
}

void Progress::show(std::size_t done) {
  const std::scoped_lock lock(mutex_);
  done_ = std::max(done_, done);
  const auto now = std::chrono::steady_clock::now();
  if (terminal_) {
    if (now - drawn_ < std::chrono::milliseconds(100)) return;
    drawn_ = now;
    draw(done_);
  } else if (total_ > 0 && done_ * 10 / total_ > shown_tenth_) {
    shown_tenth_ = done_ * 10 / total_;
    draw(done_);
    std::fputc('\n', stderr);
  }
}

void Progress::draw(std::size_t done) {
  constexpr std::size_t width = 30;
  const std::size_t filled = total_ == 0 ? width : std::min(width, done * width / total_);
  std::fprintf(stderr, "%s%-24s [%s%s] ", terminal_ ? "\r" : "", title_.c_str(),
               std::string(filled, '#').c_str(), std::string(width - filled, '.').c_str());
  if (tells_ == Tells::share) {
    std::fprintf(stderr, "%3zu %%", total_ == 0 ? 100 : std::min<std::size_t>(100, done * 100 / total_));
    return;
  }
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  std::fprintf(stderr, "%zu/%zu  %.0f/s", done, total_,
               elapsed > 0 ? static_cast<double>(done) / elapsed : 0);
}

}  // namespace perkline::bench
