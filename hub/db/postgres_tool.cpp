#include "hub/db/postgres_tool.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <spawn.h>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

namespace perkline::hub::db {
namespace {

/// As exec wants it.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// This process's, less what libpq reads of it, and all that the URL says.
Result<std::vector<std::string>> environment_for(const std::string& url, const std::string& database) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(url.c_str(), nullptr), PQconninfoFree);
  if (!options) return fail(Errc::validation_failed, "is no URL that PostgreSQL's library takes");
  std::vector<std::string> all{"PGDATABASE=" + database};
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->envvar == nullptr || option->val == nullptr || std::string_view(option->keyword) == "dbname")
      continue;
    all.push_back(std::string(option->envvar) + "=" + option->val);
  }
  const std::size_t ours = all.size();
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('=') + 1);
    bool said = false;
    for (std::size_t i = 0; i < ours && !said; ++i) said = all[i].starts_with(name);
    if (!said) all.emplace_back(text);
  }
  return all;
}

/// The end of what is written there until everybody has closed it.
std::string last_of(int pipe) {
  constexpr std::size_t kept_max = 2'000;
  std::string text;
  std::array<char, 4096> piece{};
  while (true) {
    const ssize_t count = ::read(pipe, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(count));
    if (text.size() > kept_max) text.erase(0, text.size() - kept_max);
  }
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

Result<void> run_postgres_tool(const std::string& program, std::vector<std::string> arguments,
                               const std::string& url, const std::string& database) {
  auto environment = environment_for(url, database);
  if (!environment) return failure(environment);
  std::array<int, 2> errors{};
  if (::pipe2(errors.data(), O_CLOEXEC) != 0) return fail(Errc::io_failed, "no pipe");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, errors[1], STDERR_FILENO);
  arguments.insert(arguments.begin(), program);
  pid_t child = -1;
  const int refused = ::posix_spawnp(&child, program.c_str(), &actions, nullptr,
                                     pointers_to(arguments).data(), pointers_to(*environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(errors[1]);
  const std::string said = refused == 0 ? last_of(errors[0]) : "";
  ::close(errors[0]);
  if (refused == ENOENT)
    return fail(Errc::not_found, program + " is not installed: it comes with PostgreSQL's client programs");
  if (refused != 0) return fail(Errc::io_failed, program + " cannot be started: " + std::strerror(refused));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(Errc::corrupt, program + " failed: " + (said.empty() ? "it said nothing" : said));
}

}  // namespace perkline::hub::db
