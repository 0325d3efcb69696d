#include "bench/demo/calls.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <fmt/format.h>

#include "bench/fleet/web.hpp"
#include "shared/core/bytes.hpp"
#include "shared/core/clock.hpp"
#include "shared/core/random.hpp"
#include "shared/json/writer.hpp"

namespace perkline::bench {
namespace {

constexpr std::chrono::seconds patience{20};

Result<json::Document> answer_to(const WebCall& request, int status) {
  const auto answer = call(request);
  if (!answer) return fail(Errc::io_failed, fmt::format("{} is not answered", request.path));
  if (answer->status != status)
    return fail(Errc::io_failed,
                fmt::format("{} is answered {}: {}", request.path, answer->status, answer->body));
  return json::parse(answer->body);
}

}  // namespace

std::string object_of(std::initializer_list<std::pair<const char*, std::string>> texts) {
  json::Writer out;
  out.begin_object();
  for (const auto& [name, text] : texts) out.field(name, text);
  return out.end_object().take();
}

std::string shown(const json::Document& document, std::string_view path) {
  return shown_at(document.root(), path).value_or("nothing");
}

std::int64_t number(const json::Document& document, std::string_view path) {
  return std::strtoll(shown(document, path).c_str(), nullptr, 10);
}

std::string random_text() {
  SystemRng rng;
  std::string bytes(12, '\0');
  rng.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return to_hex(bytes);
}

void tell(const std::string& line) {
  fmt::print("   {}\n", line);
  std::fflush(stdout);
}

std::string day(int from_now) {
  return format_day(std::chrono::floor<std::chrono::days>(SystemClock().wall_now()) +
                    std::chrono::days{from_now});
}

Result<std::int64_t> points_for_prize(const std::string& type) {
  if (type == "cash") return 3;
  if (type == "coupon") return 1;
  if (type == "lottery_ticket" || type == "none") return 0;
  return fail(Errc::io_failed, "no prize of type " + type + " was offered");
}

std::string points_text(std::int64_t points) {
  return points == 1 ? "1 point" : fmt::format("{} points", points);
}

Result<void> expect(const std::string& what, const std::string& seen, const std::string& wanted) {
  if (seen == wanted) return {};
  return fail(Errc::io_failed, fmt::format("{}: {} instead of {}", what, seen, wanted));
}

Result<void> expect(const std::string& what, std::int64_t seen, std::int64_t wanted) {
  return expect(what, std::to_string(seen), std::to_string(wanted));
}

Result<void> once(const std::string& what, const std::atomic<bool>& stop, const std::function<bool()>& so) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!so()) {
    if (stop) return fail(Errc::cancelled, "stopped");
    if (std::chrono::steady_clock::now() > give_up)
      return fail(Errc::io_failed, fmt::format("{}: not within {} s", what, patience.count()));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return {};
}

Result<json::Document> Calls::hub(const Call& call) const {
  return answer_to({.method = call.method,
                    .origin = fleet_.hub_url(),
                    .path = "/api/v1/" + call.path,
                    .body = call.body,
                    .bearer = call.token,
                    .headers = {{"Idempotency-Key", random_text()}}},
                   call.status);
}

Result<std::string> Calls::hub_value(const std::string& path, const std::string& token,
                                     const std::string& value) const {
  const auto answer = hub({.path = path, .token = token});
  if (!answer) return std::unexpected(answer.error());
  return shown(*answer, value);
}

Result<json::Document> Calls::till(const Call& call) const {
  return answer_to({.method = call.method,
                    .origin = fleet_.edge_url(store),
                    .path = "/v1/" + call.path,
                    .body = call.body,
                    .bearer = fleet_.terminal_key(store)},
                   call.status);
}

}  // namespace perkline::bench
