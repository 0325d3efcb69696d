#include "hub/webhooks/destination.hpp"

#include <algorithm>

#include "shared/net/origin.hpp"

namespace perkline::hub::webhooks {
namespace {

bool is_printable(char c) {
  return c > ' ' && c <= '~';
}

}  // namespace

Result<Destination> parse_destination(std::string_view url) {
  const auto wrong = [](std::string why) { return fail(Errc::validation_failed, std::move(why)); };
  if (url.size() > url_bytes_max) return wrong("must be at most " + std::to_string(url_bytes_max) + " bytes");
  const auto scheme_end = url.find("://");
  const std::string_view scheme = url.substr(0, std::min(scheme_end, url.size()));
  if (scheme != "http" && scheme != "https") return wrong("must begin with http:// or https://");
  if (!std::ranges::all_of(url, is_printable)) return wrong("must be printable ASCII without spaces");
  if (url.find('#') != url.npos) return wrong("must not have a fragment");
  const auto authority_end = std::min(url.find_first_of("/?", scheme_end + 3), url.size());
  const std::string_view origin = url.substr(0, authority_end);
  // They would go into lists and logs.
  if (origin.find('@') != origin.npos) return wrong("must not hold credentials");
  auto parsed = net::parse_origin(origin);
  if (!parsed) return wrong("must name a host, and a port from 1 to 65535 if any");
  std::string target(url.substr(authority_end));
  if (!target.starts_with('/')) target.insert(0, 1, '/');
  return Destination{
      .origin = std::string(origin), .target = std::move(target), .host = std::move(parsed->host)};
}

}  // namespace perkline::hub::webhooks
