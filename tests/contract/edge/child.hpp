#pragma once

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "shared/core/assert.hpp"

extern char** environ;

namespace perkline::test {

/// Runs one (disabled) test of this very binary as a process of its own, to be killed. It reports numbers.
class Child {
 public:
  Child(const std::string& test, const std::string& folder) {
    int ends[2];
    PERKLINE_ASSERT(::pipe(ends) == 0);
    reports_ = ends[0];
    PERKLINE_ASSERT(::fcntl(reports_, F_SETFD, FD_CLOEXEC) == 0);
    ::setenv("PERKLINE_CHILD_FOLDER", folder.c_str(), 1);
    ::setenv("PERKLINE_CHILD_REPORTS", std::to_string(ends[1]).c_str(), 1);
    std::string filter = "--gtest_filter=" + test;
    std::string disabled = "--gtest_also_run_disabled_tests";
    std::string self = "/proc/self/exe";
    std::vector<char*> arguments{self.data(), filter.data(), disabled.data(), nullptr};
    PERKLINE_ASSERT(::posix_spawn(&pid_, self.c_str(), nullptr, nullptr, arguments.data(), environ) == 0);
    ::close(ends[1]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) kill();
    ::close(reports_);
  }

  /// nullopt: it has ended.
  std::optional<std::uint32_t> next_report() {
    std::uint32_t number = 0;
    const auto got = ::read(reports_, &number, sizeof number);
    return got == sizeof number ? std::optional(number) : std::nullopt;
  }
  int kill() {
    ::kill(pid_, SIGKILL);
    return wait();
  }
  /// As waitpid(2) has it.
  int wait() {
    int status = 0;
    PERKLINE_ASSERT(::waitpid(pid_, &status, 0) == pid_);
    pid_ = -1;
    return status;
  }

  // In the child:
  static std::string folder() { return std::getenv("PERKLINE_CHILD_FOLDER"); }
  static void report(std::uint32_t number) {
    PERKLINE_ASSERT(::write(std::atoi(std::getenv("PERKLINE_CHILD_REPORTS")), &number, sizeof number) ==
                    sizeof number);
  }

 private:
  pid_t pid_ = -1;
  int reports_ = -1;
};

}  // namespace perkline::test
