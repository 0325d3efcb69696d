#include <functional>
#include <limits>

#include <fmt/format.h>

#include "hub/api/dead_letters.hpp"
#include "hub/commands.hpp"
#include "hub/programme.hpp"
#include "hub/tool_database.hpp"
#include "shared/core/random.hpp"

namespace perkline::hub {
namespace {

using api::DeadLetter;

constexpr std::size_t type_width = 20;

std::string line_of(const DeadLetter& letter) {
  return fmt::format("{:<32} {:<{}} {}  {}\n", letter.id, letter.type, type_width,
                     format_time(letter.received_at), letter.reason);
}

/// What a store has sent goes to a terminal: nothing in it may steer that.
std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return out;
}

std::string text_of(const DeadLetter& letter) {
  std::string text;
  const auto add = [&text](std::string_view name, const auto& value) {
    text += fmt::format("{:<9} {}\n", name, value);
  };
  add("id", letter.id);
  add("source", letter.source);
  for (const auto& [name, value] : letter.about)
    std::visit([&add, name](const auto& each) { add(name, each); }, value);
  add("type", letter.type);
  add("reason", letter.reason);
  add("state", letter.state);
  add("received", format_time(letter.received_at));
  if (letter.decided_at) add("decided", format_time(*letter.decided_at));
  for (const auto& [name, value] : letter.decoded)
    text += fmt::format("  {:<20} {}\n", name, printable(value));
  add("event", printable(letter.event));
  return text;
}

/// Runs `work` on the configuration's database, read or write as `run` does, and prints its error. nullopt:
/// it failed with `status`.
template <class T>
std::optional<T> on_database(
    const std::string& config_path, int& status,
    Result<void> (db::InlineDatabase::*run)(const std::function<Result<void>(db::Transaction&)>&),
    const std::function<Result<T>(db::Transaction&)>& work) {
  const auto config = load_config(config_path);
  if (!config) {
    status = exit_usage;
    return std::nullopt;
  }
  const auto database = open_tool_database(*config, IfMissing::fail);
  if (!database) {
    status = report(database.error());
    return std::nullopt;
  }
  std::optional<T> value;
  const auto done = ((**database).*run)([&](db::Transaction& transaction) -> Result<void> {
    auto result = work(transaction);
    if (!result) return failure(result);
    value = std::move(*result);
    return {};
  });
  if (done) return value;
  status = report(done.error());
  return std::nullopt;
}

api::Decision decision_here() {
  const SystemClock clock;
  SystemRng rng;
  UuidMaker uuids(clock, rng);
  return api::decision_of(command_line_actor(), clock, uuids);
}

}  // namespace

int dead_letters_list(const std::string& config_path, bool json) {
  int status = exit_ok;
  const auto letters = on_database<std::vector<DeadLetter>>(
      config_path, status, &db::InlineDatabase::read_now, [](db::Transaction& transaction) {
        return api::open_dead_letters(transaction, std::nullopt, std::numeric_limits<std::int64_t>::max());
      });
  if (!letters) return status;
  if (!json) {
    fmt::print("{:<32} {:<{}} {:<24}  {}\n", "id", "type", type_width, "received", "reason");
    for (const DeadLetter& letter : *letters) fmt::print("{}", line_of(letter));
    return exit_ok;
  }
  json::Writer out;
  out.begin_array();
  for (const DeadLetter& letter : *letters) api::write_dead_letter(out, letter);
  out.end_array();
  fmt::print("{}\n", out.take());
  return exit_ok;
}

int dead_letters_show(const std::string& config_path, const std::string& id, bool json) {
  int status = exit_ok;
  const auto letter =
      on_database<DeadLetter>(config_path, status, &db::InlineDatabase::read_now,
                              [&id](db::Transaction& t) { return api::find_dead_letter(t, id); });
  if (!letter) return status;
  if (!json) {
    fmt::print("{}", text_of(*letter));
    return exit_ok;
  }
  json::Writer out;
  api::write_dead_letter(out, *letter, api::EventBytes::told);
  fmt::print("{}\n", out.take());
  return exit_ok;
}

int dead_letters_retry(const std::string& config_path, const std::string& id) {
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const wheel::Terms terms = wheel_terms_of(*config);
  int status = exit_ok;
  const api::Decision decision = decision_here();
  const auto letter = on_database<DeadLetter>(
      config_path, status, &db::InlineDatabase::write_now,
      [&](db::Transaction& transaction) { return api::retry_audited(transaction, id, decision, terms); });
  if (!letter) return status;
  if (letter->state == "applied") return exit_ok;
  if (letter->state == "retrying") {
    fmt::print("{} is tried again by the hub that serves\n", id);
    return exit_ok;
  }
  fmt::print(stderr, "perkline-hub: {} still cannot be applied: {}\n", id, letter->reason);
  return exit_failed;
}

int dead_letters_discard(const std::string& config_path, const std::string& id, const std::string& reason) {
  if (!is_reason(reason)) return exit_usage;
  int status = exit_ok;
  const api::Decision decision = decision_here();
  const auto letter = on_database<DeadLetter>(
      config_path, status, &db::InlineDatabase::write_now,
      [&](db::Transaction& transaction) { return api::discard_audited(transaction, id, reason, decision); });
  return letter ? exit_ok : status;
}

}  // namespace perkline::hub
