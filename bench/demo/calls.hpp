#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "bench/fleet/fleet.hpp"
#include "shared/json/value.hpp"

/// What the journey says to hub and tills, and how it holds their answers to what they must be.
namespace perkline::bench {

/// An object of texts.
std::string object_of(std::initializer_list<std::pair<const char*, std::string>> texts);
/// As shown_at() has it; `nothing` where there is nothing.
std::string shown(const json::Document& document, std::string_view path);
/// 0 where there is none.
std::int64_t number(const json::Document& document, std::string_view path);

/// 24 letters and digits that nobody guesses.
std::string random_text();
/// A line of the story, at once.
void tell(const std::string& line);
/// Days from today, as 2026-03-31.
std::string day(int from_now);
/// What the programme gives for a prize of that type. Errors: io_failed (none is offered).
Result<std::int64_t> points_for_prize(const std::string& type);
/// `1 point`, `2 points`.
std::string points_text(std::int64_t points);

/// Errors: io_failed, with `what` and both.
Result<void> expect(const std::string& what, const std::string& seen, const std::string& wanted);
Result<void> expect(const std::string& what, std::int64_t seen, std::int64_t wanted);
/// Asks again and again until it is so. Errors: io_failed (it is not for too long), cancelled (`stop`).
Result<void> once(const std::string& what, const std::atomic<bool>& stop, const std::function<bool()>& so);

/// Calls to a fleet's hub, and to its first store. One thread.
class Calls {
 public:
  /// Whose tills are meant.
  static constexpr std::size_t store = 0;

  explicit Calls(const Fleet& fleet) : fleet_(fleet) {}

  struct Call {
    const char* method = "GET";
    std::string path;
    std::string token = {};
    std::string body = {};
    int status = 200;  ///< That it must be answered with.
  };
  /// Behind /api/v1/, under an Idempotency-Key of its own. Errors: io_failed, with what came instead.
  Result<json::Document> hub(const Call& call) const;
  /// One value of an answer of the hub's.
  Result<std::string> hub_value(const std::string& path, const std::string& token,
                                const std::string& value) const;
  /// Behind /v1/, as the store's terminal.
  Result<json::Document> till(const Call& call) const;
  std::string store_id() const { return fleet_.store_id(store); }

 private:
  const Fleet& fleet_;
};

}  // namespace perkline::bench
