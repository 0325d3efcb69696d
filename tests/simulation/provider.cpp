#include "tests/simulation/provider.hpp"

#include <algorithm>
#include <array>

#include "pdi_client/sandbox/calls.hpp"
#include "shared/core/limits.hpp"
#include "shared/json/value.hpp"
#include "shared/net/deadline.hpp"

namespace perkline::simulation {

using pdi::sandbox::Endpoint;

namespace {

constexpr std::string_view client_id = "store";
constexpr std::string_view client_secret = "secret";
constexpr std::int64_t drawn_members = 12;
constexpr std::string_view unlucky_text = "<html><body>Service</body></html>";

constexpr std::array retry_afters{
    "", "0", "1", "5", "30", "600", "999999", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"};

int status_of(Misbehaviour misbehaviour) {
  constexpr std::array statuses{401, 403, 404, 408, 429, 500, 503};
  return statuses[static_cast<std::size_t>(misbehaviour) -
                  static_cast<std::size_t>(Misbehaviour::status_401)];
}

/// The member that a lie about points is told in.
std::string_view points_in(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::identify:
      return "currentPoints";
    case Endpoint::token:
      return "expires_in";
    case Endpoint::calculate:
    case Endpoint::finalize:
    case Endpoint::status:
      return "earnedPoints";
  }
  return {};
}

/// `body` as our own writer makes it, flat: the member with another value, or under another name where
/// `value` is empty. A body without that member becomes none at all.
std::string with_lie(std::string body, std::string_view member, std::string_view value) {
  const std::string name = '"' + std::string(member) + "\":";
  const std::size_t found = body.find(name);
  if (found == std::string::npos) return std::string(unlucky_text);
  if (value.empty()) return body.replace(found + 1, member.size(), "nothing");
  const std::size_t begin = found + name.size();
  const std::size_t end =
      body[begin] == '"' ? body.find('"', begin + 1) + 1 : body.find_first_of(",}", begin);
  return body.replace(begin, end - begin, value);
}

net::Request request_of(const net::HttpCall& call) {
  net::Request request;
  request.method = call.method;
  const std::size_t mark = call.target.find('?');
  request.path = call.target.substr(0, mark);
  if (mark != std::string::npos) request.query = call.target.substr(mark + 1);
  request.headers = call.headers;
  request.body = call.body;
  return request;
}

Endpoint endpoint_of(const std::string& target) {
  if (target == "/identify") return Endpoint::identify;
  if (target == "/calculateRewards") return Endpoint::calculate;
  if (target == "/finalize") return Endpoint::finalize;
  return Endpoint::status;
}

}  // namespace

/// What becomes of one call.
struct Provider::Course {
  Misbehaviour misbehaviour = Misbehaviour::refused;
  bool misbehaves = false;
  bool connects = true;  ///< A byte of the request leaves.
  bool acts = true;      ///< PDI does what it is asked.
  Millis there{5};
  Millis back{5};
  bool silent = false;                         ///< Nothing comes back, not even an error.
  std::optional<Errc> failure = std::nullopt;  ///< What the client sees instead of an answer.
  int status = 0;                              ///< Instead of PDI's own; 0: PDI's own.
  std::string retry_after = {};
  bool not_json = false;
  std::string_view lie_about = {};  ///< A member of the answer's body …
  std::string_view lie = {};        ///< … and what it says.
};

/// A call of which the caller may or may not hear again.
struct Provider::Sent {
  std::optional<std::expected<net::HttpAnswer, net::HttpFailure>> outcome;
  net::Signal told;

  void tell(std::expected<net::HttpAnswer, net::HttpFailure> what) {
    if (!outcome) outcome = std::move(what);
    told.notify();
  }
};

namespace {

template <class Sent>
Task<Result<void>> until_told(std::shared_ptr<Sent> sent) {
  co_await sent->told.wait();
  co_return Result<void>{};
}

std::unexpected<net::HttpFailure> broken(Errc code, bool sent) {
  return std::unexpected(net::HttpFailure{.error = {.code = code, .detail = {}}, .may_have_been_sent = sent});
}

}  // namespace

/// One end of a line, in a store's process: what net::HttpClient makes of each course.
class Provider::Line : public net::HttpOrigin {
 public:
  Line(Provider& provider, End end, std::size_t calls_max)
      : provider_(provider), end_(std::move(end)), calls_max_(calls_max) {}

  Task<std::expected<net::HttpAnswer, net::HttpFailure>> call(net::HttpCall call,
                                                              MonoTime deadline) override {
    const Endpoint endpoint = endpoint_at(call.target);
    if (end_.fate.strikes(std::string("before calling ").append(name_of(endpoint)))) {
      co_await wait_for_ever();
      co_return broken(Errc::cancelled, true);
    }
    if (end_.clock.mono_now() >= deadline) co_return broken(Errc::timed_out, false);
    check(endpoint);
    ++under_way_;
    const Course course = provider_.draw_course(endpoint);
    provider_.trace_.note(end_.store, name_of(endpoint),
                          course.misbehaves ? simulation::name_of(course.misbehaviour) : "");
    const auto sent = std::make_shared<Sent>();
    provider_.send(endpoint, course, std::move(call), sent);
    (void)co_await net::with_deadline(end_.clock, deadline, until_told(sent));
    --under_way_;
    if (end_.fate.strikes(std::string("after calling ").append(name_of(endpoint)))) {
      co_await wait_for_ever();
      co_return broken(Errc::cancelled, true);
    }
    if (!sent->outcome) co_return broken(Errc::timed_out, course.connects);
    co_return std::move(*sent->outcome);
  }

 protected:
  virtual Endpoint endpoint_at(const std::string& target) const = 0;
  virtual void check(Endpoint endpoint) = 0;

  Provider& provider_;
  End end_;
  std::size_t calls_max_;
  std::size_t under_way_ = 0;
};

class Provider::CallLine final : public Line {
 public:
  using Line::Line;

 private:
  Endpoint endpoint_at(const std::string& target) const override { return endpoint_of(target); }
  void check(Endpoint) override {
    provider_.trace_.check(under_way_ < calls_max_, "at most max_in_flight calls to PDI", end_.store);
  }
};

class Provider::TokenLine final : public Line {
 public:
  using Line::Line;

 private:
  Endpoint endpoint_at(const std::string&) const override { return Endpoint::token; }
  void check(Endpoint) override {
    provider_.trace_.check(under_way_ == 0, "one token refresh at a time", end_.store);
    const MonoTime now = end_.clock.mono_now();
    provider_.trace_.check(!last_ || now - *last_ >= seconds{1}, "at most one token refresh a second",
                           end_.store);
    last_ = now;
  }
  std::optional<MonoTime> last_;
};

Provider::Provider(const Scenario& scenario, Timeline& time, Trace& trace)
    : scenario_(scenario),
      timeline_(time),
      trace_(trace),
      rng_(derived_seed(scenario.seed, "provider")),
      books_(drawn_members, derived_seed(scenario.seed, "members"), clock_, rng_),
      desk_({{.id = std::string(client_id), .secret = std::string(client_secret)}}, rng_),
      habits_(scenario.habits) {}

std::unique_ptr<net::HttpOrigin> Provider::calls_from(End end) {
  return std::make_unique<CallLine>(*this, std::move(end), scenario_.max_in_flight);
}
std::unique_ptr<net::HttpOrigin> Provider::tokens_from(End end) {
  return std::make_unique<TokenLine>(*this, std::move(end), 1);
}

void Provider::behave() {
  dark_ = false;
  for (Habit& habit : habits_) habit.rate = 0;
}

Provider::Course Provider::draw_course(Endpoint endpoint) {
  Course course{.there = Millis{1 + static_cast<std::int64_t>(rng_.below(60))},
                .back = Millis{1 + static_cast<std::int64_t>(rng_.below(60))}};
  if (dark_) {
    constexpr std::array ways{Misbehaviour::refused, Misbehaviour::connect_timeout, Misbehaviour::hang};
    set_course(course, ways[rng_.below(ways.size())], endpoint);
    return course;
  }
  const Habit& habit = habits_[static_cast<std::size_t>(endpoint)];
  if (habit.which.none() || rng_.unit() >= habit.rate) return course;
  std::size_t pick = rng_.below(habit.which.count());
  for (std::size_t i = 0; i < misbehaviour_count; ++i) {
    if (habit.which.test(i) && pick-- == 0) {
      set_course(course, static_cast<Misbehaviour>(i), endpoint);
      break;
    }
  }
  return course;
}

void Provider::set_course(Course& course, Misbehaviour misbehaviour, Endpoint endpoint) {
  course.misbehaviour = misbehaviour;
  course.misbehaves = true;
  const auto lie = [&](std::string_view value) {
    course.lie_about = points_in(endpoint);
    course.lie = value;
  };
  // Slow as it may be on its way, what is sent arrives within the quiet time.
  const auto slow = [&] {
    return Millis{
        static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(scenario_.quiet.count()) - 200))};
  };
  switch (misbehaviour) {
    case Misbehaviour::refused:
    case Misbehaviour::dns:
    case Misbehaviour::tls:
    case Misbehaviour::wrong_name:
      course.connects = course.acts = false;
      course.failure = Errc::connection_failed;
      return;
    case Misbehaviour::connect_timeout:
      course.connects = course.acts = false;
      course.silent = true;
      return;
    case Misbehaviour::hang:
      course.acts = false;
      course.silent = true;
      return;
    case Misbehaviour::reset_before:
      course.acts = rng_.unit() < 0.5;
      course.failure = Errc::connection_lost;
      return;
    case Misbehaviour::reset_amid:
    case Misbehaviour::truncated:
      course.failure = Errc::connection_lost;
      return;
    case Misbehaviour::oversized:
      course.failure = Errc::malformed_answer;
      return;
    case Misbehaviour::drip:
      course.there = slow();
      course.back = slow();
      return;
    case Misbehaviour::not_json:
      course.not_json = true;
      return;
    case Misbehaviour::points_missing:
      return lie("");
    case Misbehaviour::points_negative:
      return lie("-5");
    case Misbehaviour::points_fractional:
      return lie("12.5");
    case Misbehaviour::points_huge:
      return lie("1e308");
    case Misbehaviour::points_string:
      return lie("\"12\"");
    case Misbehaviour::foreign_session:
      // Which session identify opens only PDI knows; of a token it is the token that is none.
      if (endpoint == Endpoint::identify) return lie("null");
      course.lie_about = endpoint == Endpoint::token ? "access_token" : "sessionId";
      course.lie = endpoint == Endpoint::token ? "7" : "\"another\"";
      return;
    case Misbehaviour::status_408:
    case Misbehaviour::status_500:
    case Misbehaviour::status_503:
      course.acts = rng_.unit() < 0.3;
      course.status = status_of(misbehaviour);
      course.retry_after = retry_afters[rng_.below(retry_afters.size())];
      return;
    case Misbehaviour::status_401:
    case Misbehaviour::status_403:
    case Misbehaviour::status_404:
    case Misbehaviour::status_429:
      course.acts = false;
      course.status = status_of(misbehaviour);
      course.retry_after = retry_afters[rng_.below(retry_afters.size())];
      return;
    case Misbehaviour::committed_unanswered:
      course.there = rng_.unit() < 0.5 ? course.there : slow();
      course.silent = true;
      return;
  }
}

void Provider::send(Endpoint endpoint, const Course& course, net::HttpCall call, std::shared_ptr<Sent> sent) {
  if (!course.connects) {
    if (course.silent) return;
    timeline_.after(course.there, [sent, course] { sent->tell(broken(*course.failure, false)); });
    return;
  }
  timeline_.after(course.there, [this, endpoint, course, call = std::move(call), sent] {
    net::Response response = course.acts ? act(endpoint, call) : net::Response{};
    if (course.status == 404 && endpoint != Endpoint::token) note_refusal(endpoint, request_of(call));
    if (course.silent) return;
    if (course.failure) {
      timeline_.after(course.back, [sent, course] { sent->tell(broken(*course.failure, true)); });
      return;
    }
    net::HttpAnswer answer{.status = response.status, .headers = response.headers, .body = response.body};
    if (course.status != 0) {
      answer.status = course.status;
      answer.body =
          endpoint == Endpoint::token && course.status == 401 ? R"({"error":"invalid_client"})" : "";
      if (!course.retry_after.empty()) answer.headers.add("Retry-After", course.retry_after);
    } else if (course.not_json) {
      answer.body = unlucky_text;
    } else if (!course.lie_about.empty() && answer.status == 200) {
      answer.body = with_lie(std::move(answer.body), course.lie_about, course.lie);
    }
    timeline_.after(course.back, [sent, answer = std::move(answer)] { sent->tell(answer); });
  });
}

net::Response Provider::act(Endpoint endpoint, const net::HttpCall& call) {
  const net::Request request = request_of(call);
  if (endpoint == Endpoint::token) return desk_.grant(request, clock_.time.mono);
  if (!desk_.admits(request.headers.find("Authorization").value_or(""), clock_.time.mono))
    return net::json_response(401, "{}");
  const std::size_t before = books_.ledger().size();
  net::Response response = serve(endpoint, request);
  trace_.note("PDI", name_of(endpoint), std::to_string(response.status));
  if (response.status >= 400) note_refusal(endpoint, request);
  if (books_.ledger().size() > before) check_last_booking();
  return response;
}

net::Response Provider::serve(Endpoint endpoint, const net::Request& request) {
  switch (endpoint) {
    case Endpoint::identify:
      return pdi::sandbox::identify(books_, request);
    case Endpoint::calculate:
      return pdi::sandbox::calculate_rewards(books_, request);
    case Endpoint::finalize:
      return pdi::sandbox::finalize(books_, request);
    case Endpoint::status:
    case Endpoint::token:
      break;
  }
  return pdi::sandbox::session_status(books_, request);
}

void Provider::note_refusal(Endpoint endpoint, const net::Request& request) {
  if (endpoint == Endpoint::status) {
    const auto session = books_.session(ProviderSessionId(request.query_value("sessionId").value_or("")));
    if (session) refused_.insert(session->transaction);
    return;
  }
  const auto body = json::parse(request.body);
  if (!body) return;
  if (const json::Value* transaction = body->root().find("transactionId")) {
    refused_.insert(TransactionId(std::string(transaction->text())));
  } else if (const json::Value* id = body->root().find("sessionId")) {
    const auto session = books_.session(ProviderSessionId(std::string(id->text())));
    if (session) refused_.insert(session->transaction);
  }
}

void Provider::check_last_booking() {
  const pdi::sandbox::Booking& booking = books_.ledger().back();
  trace_.note("PDI", "books", booking.transaction.str());
  trace_.check(booked_.insert(booking.transaction).second, "PDI books a transaction once",
               booking.transaction.str());
}

}  // namespace perkline::simulation
