#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "shared/net/http.hpp"
#include "shared/net/task.hpp"

namespace perkline::net {

using Handler = std::function<Task<Response>(Request)>;

/// Who may call a route; what the words mean is the guard's business.
struct Route {
  Method method;
  std::string pattern;  ///< `/api/v1/stores/{id}`: a `{…}` stands for one segment.
  std::string access;   ///< "anyone", "terminal", "member", "staff", "admin", "refresh-cookie".
  Handler handler;
};

/// Decides who is asking and whether they may, before a body is read. Errors: unauthenticated, token_expired,
/// forbidden, account_inactive, rate_limited.
using Guard = std::function<Task<Result<Principal>>(RequestHead head, const Route& route)>;

class Router {
 public:
  void add(Route route);

  struct Match {
    const Route* route = nullptr;
    std::vector<std::string> path_values;
  };
  /// Errors: not_found; method_not_allowed, its detail being the value of the Allow header. HEAD goes to GET's route.
  Result<Match> match(Method method, std::string_view path) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace perkline::net
