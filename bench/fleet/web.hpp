#pragma once

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
  std::string body = {};     ///< JSON; with POST and PUT.
  std::string bearer = {};   ///< Empty: no Authorization.
  std::string ca_file = {};  ///< For https.
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

/// Members on the way to a value: `integer_at(root, "n")`; 0 or "" when absent.
std::int64_t integer_at(const json::Value& object, std::string_view name);
std::string text_at(const json::Value& object, std::string_view name);

}  // namespace perkline::bench
