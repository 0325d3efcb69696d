#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/net/http.hpp"

namespace perkline::net {

/// Which pages of other origins may call from a browser (the Fetch standard's CORS protocol). Pure.
class Cors {
 public:
  /// `https://host[:port]` each; none: nobody's, and no answer says anything about it.
  /// `own`: the server's own pages'; empty: none are known.
  explicit Cors(const std::vector<std::string>& origins = {}, const std::string& own = {});

  /// The request's Origin, if it is on the list.
  std::optional<std::string> allowed_origin(const RequestHead& head) const;
  /// Whether it comes from no page at all, or from one of ours or of the list. What no preflight asks about
  /// goes by this: a browser lets any page open a WebSocket anywhere.
  bool may_open_socket(const RequestHead& head) const;
  /// Lets the page of that origin read the answer, and tells caches what it depends on.
  void mark(Headers& answer, const std::optional<std::string>& origin) const;

 private:
  std::vector<std::string> origins_;  ///< As browsers spell them.
  std::string own_;                   ///< Likewise.
};

/// Whether a browser asks what a page may send, before it sends it.
bool is_preflight(const RequestHead& head);
/// What it is told of a path with these methods: `GET, POST`. Without what mark() adds.
Response preflight_answer(std::string methods);

}  // namespace perkline::net
