#pragma once

#include <deque>
#include <functional>
#include <map>
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
  bool accepts_form = false;      ///< Also takes bodies of application/x-www-form-urlencoded.
  bool accepts_any_type = false;  ///< Takes bodies of whatever type, or of none named.
  /// Opens WebSockets and nothing else, for pages of our own origins alone. A guard finds the token among the
  /// subprotocols, as browsers let pages send nothing else.
  bool upgrades = false;
};

/// Decides who is asking and whether they may, before a body is read. Both references outlive the task.
/// Errors: unauthenticated, token_expired, forbidden, account_inactive, rate_limited.
using Guard = std::function<Task<Result<Principal>>(const RequestHead& head, const Route& route)>;

/// Filled before the server starts, then only read. A segment spelled out goes before a `{…}`, whatever the
/// order.
class Router {
 public:
  /// Asserts that the pattern is well formed and that no route has this method and pattern already.
  void add(Route route);

  struct Match {
    const Route* route = nullptr;
    std::vector<std::string> path_values;
  };
  /// Errors: not_found; method_not_allowed, its detail being methods_of(path). HEAD goes to GET's route.
  Result<Match> match(Method method, std::string_view path) const;
  /// The methods of the routes of that path, as the Allow header names them; empty: there is none.
  std::string methods_of(std::string_view path) const;
  const std::deque<Route>& routes() const { return routes_; }

 private:
  using RoutesOfPath = std::vector<const Route*>;  ///< One a method.
  struct Pattern {
    std::vector<std::string> segments;  ///< As the pattern spells them.
    RoutesOfPath routes;
  };

  std::deque<Route> routes_;  ///< Its elements stay where they are.
  /// By the pattern's text: those without a `{…}`.
  std::map<std::string, RoutesOfPath, std::less<>> fixed_;
  std::vector<Pattern> patterns_;  ///< All of them, those without a `{…}` first.
};

}  // namespace perkline::net
