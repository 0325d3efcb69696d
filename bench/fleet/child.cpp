#include "bench/fleet/child.hpp"

#include <array>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace perkline::bench {
namespace {

int shell_status(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/// `more` and this process's environment, ended as exec wants it. Of a name that is in both the first counts.
std::vector<char*> environment_with(const std::vector<std::string>& more) {
  std::vector<char*> all;
  all.reserve(more.size());
  for (const std::string& entry : more) all.push_back(const_cast<char*>(entry.c_str()));
  for (char** entry = ::environ; *entry != nullptr; ++entry) all.push_back(*entry);
  all.push_back(nullptr);
  return all;
}

/// Starts `program` with its output on the given descriptors. Only what is safe between fork and exec happens
/// there.
pid_t spawn(const std::filesystem::path& program, const std::vector<std::string>& arguments, int out, int err,
            const std::vector<std::string>& more_environment = {}) {
  const std::string path = program.string();
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const std::vector<char*> environment = environment_with(more_environment);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  // What is typed at the terminal is for this process, which ends its children itself.
  ::setpgid(0, 0);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null < 0) ::_exit(127);
  ::dup2(null, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::execvpe(path.c_str(), argv.data(), environment.data());
  ::_exit(127);
}

/// Reads both pipes to their ends.
void drain(int out, int err, CommandOutput& output) {
  std::array<pollfd, 2> ends{{{out, POLLIN, 0}, {err, POLLIN, 0}}};
  std::array<std::string*, 2> texts{&output.out, &output.err};
  int open = 2;
  while (open > 0) {
    ::poll(ends.data(), ends.size(), -1);
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      std::array<char, 4096> piece{};
      const ssize_t count = ::read(ends[i].fd, piece.data(), piece.size());
      if (count > 0) {
        texts[i]->append(piece.data(), static_cast<std::size_t>(count));
      } else {
        ::close(ends[i].fd);
        ends[i].fd = -1;
        --open;
      }
    }
  }
}

}  // namespace

Result<Child> Child::start(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                           const std::filesystem::path& log_file,
                           const std::vector<std::string>& environment) {
  const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return fail(Errc::io_failed, log_file.string() + " cannot be written");
  const pid_t pid = spawn(program, arguments, log, log, environment);
  ::close(log);
  if (pid < 0) return fail(Errc::io_failed, program.string() + " cannot be started");
  return Child(pid);
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}
Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(status_, other.status_);
  return *this;
}
Child::~Child() {
  if (pid_ > 0) kill();
}

bool Child::reap(bool wait) {
  if (status_) return true;
  int status = 0;
  if (::waitpid(pid_, &status, wait ? 0 : WNOHANG) != pid_) return false;
  status_ = shell_status(status);
  return true;
}

bool Child::running() {
  return pid_ > 0 && !reap(false);
}

void Child::kill() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  reap(true);
}

int Child::terminate(std::chrono::milliseconds patience) {
  if (!running()) return status_.value_or(0);
  ::kill(pid_, SIGTERM);
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!reap(false) && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  kill();
  return status_.value_or(0);
}

Result<CommandOutput> run_command(const std::filesystem::path& program,
                                  const std::vector<std::string>& arguments) {
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0)
    return fail(Errc::io_failed, "no pipe");
  const pid_t pid = spawn(program, arguments, out[1], err[1]);
  ::close(out[1]);
  ::close(err[1]);
  if (pid < 0) return fail(Errc::io_failed, program.string() + " cannot be started");
  CommandOutput output;
  drain(out[0], err[0], output);
  int status = 0;
  ::waitpid(pid, &status, 0);
  output.status = shell_status(status);
  while (output.out.ends_with('\n')) output.out.pop_back();
  return output;
}

std::string last_lines(const std::filesystem::path& log) {
  std::ifstream file(log, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  constexpr std::size_t shown = 1500;
  return text.size() > shown ? text.substr(text.size() - shown) : text;
}

}  // namespace perkline::bench
