#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "shared/json/value.hpp"

/// One-off HTTP calls to daemons on loopback, blocking.
namespace perkline::bench {

struct WebCall {
  std::string method = "GET";
  std::string origin;  ///< `http://127.0.0.1:8080`
  std::string path = {};
  std::string body = {};                            ///< JSON; with POST, PUT and PATCH.
  std::string bearer = {};                          ///< Empty: no Authorization.
  std::string ca_file = {};                         ///< For https.
  std::map<std::string, std::string> headers = {};  ///< More of them.
};

struct WebAnswer {
  int status = 0;
  std::string body;
  std::map<std::string, std::string> headers;  ///< Names in lower case; of doubled ones the first.
  /// The body as JSON; a null value if it is none.
  json::Document json() const;
};

/// nullopt: nobody answered.
std::optional<WebAnswer> call(const WebCall& call);

/// From now on `look` sees every call with its answer, on the caller's thread: for tests. Set while nobody
/// calls.
void watch_answers(std::function<void(const WebCall&, const WebAnswer&)> look);

/// Members on the way to a value: `integer_at(root, "n")`; 0 or "" when absent.
std::int64_t integer_at(const json::Value& object, std::string_view name);
std::string text_at(const json::Value& object, std::string_view name);
/// What stands there, `balances.0.available`: texts and numbers as they are, `true`, `null`; of an array or
/// an object how many it holds. nullopt: there is nothing.
std::optional<std::string> shown_at(const json::Value& root, std::string_view path);

}  // namespace perkline::bench
