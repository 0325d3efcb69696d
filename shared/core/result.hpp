#pragma once

#include <expected>
#include <string>
#include <utility>

#include "shared/core/error.hpp"

namespace perkline {

/// A value or why there is none. Exceptions never cross one of our modules.
template <class T>
using Result = std::expected<T, Error>;

/// `return fail(Errc::not_found, "session " + id);`
[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string detail = {}) {
  return std::unexpected(Error{.code = code, .detail = std::move(detail)});
}

[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

/// Hands a result's error on: `if (!session) co_return failure(session);` The result is left without its
/// error.
template <class T>
[[nodiscard]] std::unexpected<Error> failure(Result<T>& result) {
  return std::unexpected(std::move(result.error()));
}

}  // namespace perkline
