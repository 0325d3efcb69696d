#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/core/clock.hpp"
#include "shared/core/result.hpp"
#include "shared/net/task.hpp"

/// HTTP messages as our code sees them: no Beast type.
namespace perkline::net {

class WebSocket;

enum class Method : std::uint8_t { get, head, post, put, patch, del, options, other };
std::string_view name_of(Method method);

/// A few fields, in order; names compare without case.
class Headers {
 public:
  void add(std::string name, std::string value);
  /// Replaces every field of that name.
  void set(std::string name, std::string value);
  /// The first of that name.
  std::optional<std::string_view> find(std::string_view name) const;
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// What is known of a request before its body is read.
struct RequestHead {
  Method method = Method::get;
  std::string path;   ///< As sent, without the query; percent-encoding is decoded per segment by the router.
  std::string query;  ///< As sent, behind the `?`.
  Headers headers;
  std::string peer;         ///< The address of the other end, without port; empty on a Unix socket.
  std::string traceparent;  ///< W3C trace context: the caller's, or a fresh one.
};

/// Who is asking, as far as the route's guard found out.
struct Principal {
  std::string id;    ///< A terminal's name, a user's id; empty for anyone.
  std::string role;  ///< "terminal", "member", "staff", "admin"; empty for anyone.
};

struct Request : RequestHead {
  std::string body;
  std::vector<std::string> path_values;  ///< What stood for the `{…}` of the route, decoded, in order.
  Principal principal;

  /// The decoded value of a query parameter; nullopt when absent. A doubled one or broken encoding: the
  /// first, raw.
  std::optional<std::string> query_value(std::string_view name) const;
};

/// How an answer leaves. Daemons send it whole; the rest lets the sandbox misbehave on demand.
enum class Delivery : std::uint8_t {
  whole,
  reset,  ///< Not sent at all: the connection is reset.
  torn,   ///< Its first half, then the connection is reset.
  cut,    ///< Its first half, then the connection is closed.
  drip,   ///< Byte by byte, with a pause of `drip_pause` before each.
  never,  ///< Not sent: the connection stays open until the peer goes, or HttpServer::reset_held().
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";  ///< Sent with a body only.
  std::string body = {};
  /// In place of `body` where not empty: must outlive the server, so that slow readers hold no copies.
  std::string_view lasting_body = {};
  /// Control characters in a value become spaces. Content-Length, Connection and Transfer-Encoding are the
  /// server's own and ignored here; a Cache-Control replaces its `no-store`.
  Headers headers = {};
  Delivery delivery = Delivery::whole;
  Millis drip_pause{0};
  /// Of a route that `upgrades`: instead of the body the connection becomes a WebSocket, on which this talks;
  /// `status` 101, and `headers` are the opening's. The socket closes when it returns.
  std::function<Task<void>(WebSocket&)> talk = {};

  std::string_view content() const { return lasting_body.empty() ? std::string_view(body) : lasting_body; }
};

Response json_response(int status, std::string body);

/// problem+json (RFC 9457) for `error`, with `traceId` out of `traceparent`, RateLimit fields where it has
/// them, and Retry-After where it names a time or the status is one that passes (429, 503, 507). The `detail`
/// of codes that callers do not see (Errc's second block) stays inside.
Response problem_response(const Error& error, std::string_view traceparent);

/// Percent-decoding; nullopt for a broken escape. `+` stays.
std::optional<std::string> percent_decode(std::string_view text);
std::string percent_encode(std::string_view text);

}  // namespace perkline::net
