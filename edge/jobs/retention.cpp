#include "edge/jobs/retention.hpp"

#include <algorithm>

#include "shared/core/bytes.hpp"

namespace perkline::edge::jobs {
namespace {

/// When something last happened to it.
WallTime ended_at(const session::Session& session) {
  WallTime time = std::max(session.created_at, session.finalized_at.value_or(session.created_at));
  for (const session::Return& goods : session.returns) time = std::max(time, goods.returned_at);
  return time;
}

}  // namespace

bool may_archive(const session::Session& session, WallTime now) {
  return session::is_end(session.status) && now - ended_at(session) >= archive_age;
}

bool may_forget(const session::Kept& kept, WallTime now, days keep, ClockTrust trust) {
  if (trust == ClockTrust::none || !kept.archived_at || !session::is_end(kept.session.status)) return false;
  WallTime since = ended_at(kept.session);
  if (trust == ClockTrust::usual && *kept.archived_at <= now)
    since = std::max(since, *kept.archived_at - archive_age);
  return now - since >= keep;
}

ClockTrust trust_in(WallTime now, std::optional<WallTime> last_success) {
  const bool agrees = last_success && std::chrono::abs(now - *last_success) <= clock_agreement;
  return agrees ? ClockTrust::usual : ClockTrust::none;
}

void AckedAges::look(WallTime now, std::uint64_t acked_position, days keep) {
  const Millis gap_max = std::min<Millis>(Millis{keep} / 7, days{1});
  if (last_look_) counted_ += std::clamp(now - *last_look_, Millis{0}, gap_max);
  last_look_ = now;
  const bool new_mark = marks_.empty() || (acked_position > marks_.back().position &&
                                           counted_ - marks_.back().counted >= Millis{keep} / 8);
  if (new_mark) marks_.push_back({.counted = counted_, .position = acked_position});
  // Of those that are old the last says it all.
  while (marks_.size() > 1 && counted_ - marks_[1].counted >= keep) marks_.erase(marks_.begin());
}

std::uint64_t AckedAges::old_through(days keep) const {
  const bool any = !marks_.empty() && counted_ - marks_.front().counted >= keep;
  return any ? marks_.front().position : 0;
}

std::string AckedAges::encode() const {
  std::string bytes;
  const auto append = [&bytes](Millis time) {
    append_u64(bytes, static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count())));
  };
  append(last_look_.value_or(WallTime{}).time_since_epoch());
  append(counted_);
  for (const Mark& mark : marks_) {
    append(mark.counted);
    append_u64(bytes, mark.position);
  }
  return bytes;
}

Result<AckedAges> AckedAges::decode(std::string_view bytes) {
  constexpr std::size_t pair = 2 * sizeof(std::uint64_t);
  if (bytes.empty() || bytes.size() % pair != 0)
    return fail(Errc::corrupt, "the ages of what the hub has acknowledged are cut short");
  const auto time_at = [bytes](std::size_t at) {
    return Millis{static_cast<std::int64_t>(read_u64(bytes.substr(at)))};
  };
  AckedAges ages;
  ages.last_look_ = WallTime{time_at(0)};
  ages.counted_ = time_at(sizeof(std::uint64_t));
  for (std::size_t at = pair; at < bytes.size(); at += pair)
    ages.marks_.push_back(
        {.counted = time_at(at), .position = read_u64(bytes.substr(at + sizeof(std::uint64_t)))});
  return ages;
}

}  // namespace perkline::edge::jobs
