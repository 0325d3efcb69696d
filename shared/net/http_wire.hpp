#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/core/clock.hpp"
#include "shared/net/http.hpp"

/// How heads are spelled: appends to a string that is used again and again.
namespace perkline::net {

/// Whether this field says how long a message is or what becomes of the connection: never a handler's to set.
bool is_framing_field(std::string_view name);

/// `name: value` and its line's end. Control characters in the value become spaces, so that no echoed text
/// can start a field of its own; `name` must be a token.
void append_field(std::string& out, std::string_view name, std::string_view value);

struct AnswerHead {
  const Response& response;
  std::string_view traceparent;
  std::string_view date;            ///< From http_date.
  const Headers* common = nullptr;  ///< What every answer says that does not say otherwise itself.
  bool close = false;
};
void append_answer_head(std::string& out, const AnswerHead& head);

/// The fields of such a head that `headers` lack, but for `traceparent` and `Date`: for an answer whose head
/// somebody else spells.
void add_common_fields(Headers& headers, const Headers& common);

/// IMF-fixdate, RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
std::string http_date(WallTime time);

}  // namespace perkline::net
