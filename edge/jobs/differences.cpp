#include "edge/jobs/differences.hpp"

namespace perkline::edge::jobs {

using session::Status;

bool is_compared(Status ours) {
  switch (ours) {
    case Status::finalized:
    case Status::failed:
    case Status::expired:
    case Status::voided:
    case Status::review:
      return true;
    case Status::active:
    case Status::calculated:
    case Status::finalizing:
    case Status::in_doubt:
    case Status::queued:
      return false;
  }
  return false;
}

std::optional<std::string> word_of(const pdi::Reply<pdi::SessionStatus>& answer) {
  if (answer) return answer->status;
  if (answer.error().outcome == pdi::Outcome::rejected) return "unknown";
  return std::nullopt;
}

bool was_asked(const pdi::Reply<pdi::SessionStatus>& answer) {
  if (answer) return true;
  switch (answer.error().outcome) {
    case pdi::Outcome::rejected:
    case pdi::Outcome::unavailable:
      return true;
    case pdi::Outcome::rate_limited:
    case pdi::Outcome::unauthorized:
    case pdi::Outcome::forbidden:
    case pdi::Outcome::no_token:
    case pdi::Outcome::not_tried:
    case pdi::Outcome::cancelled:
      return false;
  }
  return false;
}

bool differ(Status ours, std::string_view pdi) {
  return is_compared(ours) && (ours == Status::finalized) != (pdi == "finalized");
}

}  // namespace perkline::edge::jobs
