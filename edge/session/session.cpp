#include "edge/session/session.hpp"

namespace perkline::edge::session {
namespace {

constexpr bool each_pair_once() {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    for (std::size_t j = i + 1; j < rules.size(); ++j) {
      if (rules[i].from == rules[j].from && rules[i].step == rules[j].step) return false;
    }
  }
  return true;
}
static_assert(each_pair_once());
static_assert(static_cast<std::uint8_t>(Status::review) == status_count);
static_assert(static_cast<std::uint8_t>(DecisionKind::discarded) == decision_kind_count);

}  // namespace

bool is_claim_record_id(std::string_view text) {
  constexpr std::string_view mark = "clm_";
  return text.starts_with(mark) && parse_uuid(text.substr(mark.size())).has_value();
}

Result<Session> take_step(Session session, Step step) {
  const auto to = next_status(session.status, step);
  if (!to) return fail(Errc::session_state, "the session is " + std::string(wire_name(session)));
  session.status = *to;
  ++session.version;
  return session;
}

bool may_expire(const Session& session) {
  return next_status(session.status, Step::expire).has_value();
}

bool awaits_pdi(const Session& session) {
  return session.status == Status::queued || session.status == Status::in_doubt ||
         session.status == Status::finalizing;
}

bool is_open_sale(const Session& session) {
  return awaits_pdi(session) || session.status == Status::review;
}

std::string_view name_of(Status status) {
  switch (status) {
    case Status::active:
      return "active";
    case Status::calculated:
      return "calculated";
    case Status::finalizing:
      return "finalizing";
    case Status::in_doubt:
      return "in_doubt";
    case Status::queued:
      return "queued";
    case Status::finalized:
      return "finalized";
    case Status::failed:
      return "failed";
    case Status::expired:
      return "expired";
    case Status::voided:
      return "voided";
    case Status::review:
      return "review";
  }
  return "unknown";
}

std::string_view name_of(DecisionKind kind) {
  switch (kind) {
    case DecisionKind::retried:
      return "retried";
    case DecisionKind::discarded:
      return "discarded";
  }
  return "unknown";
}

std::string_view wire_name(const Session& session) {
  switch (session.status) {
    case Status::in_doubt:
    case Status::queued:
      return "pending";
    case Status::finalizing:
      return session.acknowledged ? "pending" : "finalizing";
    case Status::active:
    case Status::calculated:
    case Status::finalized:
    case Status::failed:
    case Status::expired:
    case Status::voided:
    case Status::review:
      return name_of(session.status);
  }
  return "unknown";
}

std::string_view wire_name(Mode mode) {
  return mode == Mode::online ? "online" : "standin";
}

}  // namespace perkline::edge::session
