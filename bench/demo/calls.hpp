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

/// Errors: io_failed, with `what` and both.
Result<void> expect(const std::string& what, const std::string& seen, const std::string& wanted);
Result<void> expect(const std::string& what, std::int64_t seen, std::int64_t wanted);
/// Asks again and again until it is so. Errors: io_failed (it is not for too long), cancelled (`stop`).
Result<void> once(const std::string& what, const std::atomic<bool>& stop, const std::function<bool()>& so);

/// Calls to a fleet's hub, and to one of its stores. One thread.
class Calls {
 public:
  Calls(const Fleet& fleet, std::size_t store) : fleet_(fleet), store_(store) {}

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

 private:
  const Fleet& fleet_;
  std::size_t store_;
};

}  // namespace perkline::bench
