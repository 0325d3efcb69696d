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
  const auto segments = path.starts_with('/') ? decoded_segments(path) : std::nullopt;
  if (!segments) return fail(Errc::not_found, "there is no such path");
  for (const Pattern& pattern : patterns_) {
    if (!fits(pattern.segments, *segments)) continue;
    if (const Route* route = route_for(method, pattern.routes)) {
      return Match{.route = route, .path_values = values_of(pattern.segments, *segments)};
    }
  }
  std::string allow = methods_of(path);
  if (allow.empty()) return fail(Errc::not_found, "there is no such path");
  return fail(Errc::method_not_allowed, std::move(allow));
}

std::string Router::methods_of(std::string_view path) const {
  const auto segments = path.starts_with('/') ? decoded_segments(path) : std::nullopt;
  if (!segments) return {};
  std::string names;
  for (const Method method : methods) {
    const bool allowed = std::ranges::any_of(patterns_, [&](const Pattern& pattern) {
      return fits(pattern.segments, *segments) && route_for(method, pattern.routes) != nullptr;
    });
    if (!allowed) continue;
    if (!names.empty()) names += ", ";
    names += name_of(method);
  }
  return names;
}

}  // namespace perkline::net
