#include "shared/net/router.hpp"

#include <algorithm>
#include <array>

#include "shared/core/assert.hpp"

namespace perkline::net {
namespace {

constexpr std::array methods{Method::get,   Method::head, Method::post,   Method::put,
                             Method::patch, Method::del,  Method::options};

bool is_variable(std::string_view segment) {
  return segment.starts_with('{') && segment.ends_with('}');
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // The slash before it.
    segments.push_back(path.substr(0, path.find('/')));
    path.remove_prefix(segments.back().size());
  }
  return segments;
}

/// nullopt: a broken escape.
std::optional<std::vector<std::string>> decoded_segments(std::string_view path) {
  std::vector<std::string> segments;
  for (const std::string_view segment : segments_of(path)) {
    auto decoded = percent_decode(segment);
    if (!decoded) return std::nullopt;
    segments.push_back(std::move(*decoded));
  }
  return segments;
}

bool fits(const std::vector<std::string>& pattern, const std::vector<std::string>& segments) {
  return std::ranges::equal(pattern, segments, [](const std::string& wanted, const std::string& given) {
    return is_variable(wanted) ? !given.empty() : wanted == given;
  });
}

std::vector<std::string> values_of(const std::vector<std::string>& pattern,
                                   const std::vector<std::string>& segments) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_variable(pattern[i])) values.push_back(segments[i]);
  }
  return values;
}

const Route* route_for(Method method, const std::vector<const Route*>& routes) {
  const auto found = std::ranges::find(routes, method, &Route::method);
  if (found != routes.end()) return *found;
  return method == Method::head ? route_for(Method::get, routes) : nullptr;
}

}  // namespace

void Router::add(Route route) {
  PERKLINE_ASSERT(route.pattern.starts_with('/') && route.method != Method::other && route.handler);
  const Route& added = routes_.emplace_back(std::move(route));

  std::vector<std::string> segments;
  for (const std::string_view segment : segments_of(added.pattern)) segments.emplace_back(segment);
  auto found = std::ranges::find(patterns_, segments, &Pattern::segments);
  const bool fixed = std::ranges::none_of(segments, is_variable);
  if (found == patterns_.end()) {
    found =
        patterns_.insert(fixed ? patterns_.begin() : patterns_.end(), {.segments = segments, .routes = {}});
  }
  PERKLINE_ASSERT(std::ranges::find(found->routes, added.method, &Route::method) == found->routes.end());
  found->routes.push_back(&added);
  if (fixed) fixed_[added.pattern].push_back(&added);
}

Result<Router::Match> Router::match(Method method, std::string_view path) const {
  if (const auto found = fixed_.find(path); found != fixed_.end()) {
    if (const Route* route = route_for(method, found->second))
      return Match{.route = route, .path_values = {}};
  }
  if (!path.starts_with('/')) return fail(Errc::not_found);
  const auto segments = decoded_segments(path);
  if (!segments) return fail(Errc::not_found);

  std::array<bool, methods.size()> allowed{};
  for (const Pattern& pattern : patterns_) {
    if (!fits(pattern.segments, *segments)) continue;
    if (const Route* route = route_for(method, pattern.routes)) {
      return Match{.route = route, .path_values = values_of(pattern.segments, *segments)};
    }
    for (std::size_t i = 0; i < methods.size(); ++i) {
      allowed[i] = allowed[i] || route_for(methods[i], pattern.routes) != nullptr;
    }
  }
  std::string allow;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    if (!allowed[i]) continue;
    if (!allow.empty()) allow += ", ";
    allow += name_of(methods[i]);
  }
  if (allow.empty()) return fail(Errc::not_found);
  return fail(Errc::method_not_allowed, std::move(allow));
}

}  // namespace perkline::net
