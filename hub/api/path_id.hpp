#pragma once

#include <string>
#include <string_view>

#include "shared/core/ids.hpp"
#include "shared/core/result.hpp"
#include "shared/net/http.hpp"

namespace perkline::hub::api {

/// What stood for the route's `index`th `{…}`, as a UUID. What cannot be one is nobody's. Errors: not_found,
/// "no such `what`".
inline Result<Uuid> uuid_in_path(const net::Request& request, std::size_t index, std::string_view what) {
  const auto id = parse_uuid(request.path_values.at(index));
  if (!id) return fail(Errc::not_found, "no such " + std::string(what));
  return *id;
}

}  // namespace perkline::hub::api
