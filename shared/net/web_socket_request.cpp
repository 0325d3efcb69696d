#include <algorithm>

#include "shared/net/ascii.hpp"
#include "shared/net/web_socket.hpp"

namespace perkline::net {
namespace {

/// What every field of that name lists, without blanks.
std::vector<std::string_view> listed(const Headers& headers, std::string_view name) {
  std::vector<std::string_view> items;
  for (const auto& [field, value] : headers) {
    if (!equal_ignoring_case(field, name)) continue;
    std::string_view rest = value;
    while (true) {
      const std::size_t comma = rest.find(',');
      if (const auto item = trimmed(rest.substr(0, comma)); !item.empty()) items.push_back(item);
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return items;
}

bool lists(const Headers& headers, std::string_view name, std::string_view wanted) {
  return std::ranges::any_of(listed(headers, name),
                             [wanted](std::string_view item) { return equal_ignoring_case(item, wanted); });
}

/// Base64 of 16 bytes.
bool is_key(std::string_view text) {
  constexpr std::size_t key_letters = 22;
  return text.size() == key_letters + 2 && text.ends_with("==") &&
         std::ranges::all_of(text.substr(0, key_letters),
                             [](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '/'; });
}

}  // namespace

std::vector<std::string_view> offered_subprotocols(const RequestHead& head) {
  return listed(head.headers, "Sec-WebSocket-Protocol");
}

Result<void> check_web_socket_request(const RequestHead& head) {
  if (head.method != Method::get || !lists(head.headers, "Connection", "upgrade") ||
      !lists(head.headers, "Upgrade", "websocket")) {
    return fail(Errc::bad_request, "only a WebSocket may be opened here");
  }
  if (trimmed(head.headers.find("Sec-WebSocket-Version").value_or("")) != "13")
    return fail(Errc::bad_request, "Sec-WebSocket-Version must be 13");
  if (!is_key(trimmed(head.headers.find("Sec-WebSocket-Key").value_or(""))))
    return fail(Errc::bad_request, "Sec-WebSocket-Key must be 16 bytes in base64");
  return {};
}

}  // namespace perkline::net
