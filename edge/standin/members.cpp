#include "edge/standin/members.hpp"

#include <algorithm>

#include "edge/journal/record_format.hpp"
#include "edge/standin/member.pb.h"
#include "shared/core/bytes.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::edge::standin {
namespace {

using journal::Family;

constexpr unsigned char format_newest = 1;
constexpr std::string_view store_day_key = "standin.store_day";

std::string key_of(const CustomerId& customer) {
  return std::string(as_chars(sync::member_hash(customer)));
}

std::int64_t day_number(std::chrono::sys_days day) {
  return day.time_since_epoch().count();
}
std::chrono::sys_days day_of(std::int64_t number) {
  return std::chrono::sys_days{days{static_cast<int>(number)}};
}

}  // namespace

std::string encode(const Member& member) {
  stored::Member out;
  out.set_name(member.name);
  out.set_tier(member.tier);
  out.set_points(member.points.count);
  out.set_as_of(member.as_of.time_since_epoch().count());
  out.set_owed(member.owed.count);
  out.set_redeemed_day(day_number(member.redeemed_day));
  out.set_redeemed_on_day(member.redeemed_on_day.count);
  out.set_unsettled(member.unsettled.count);
  out.set_blocked(member.blocked);
  for (const Uuid& promotion : member.promotions)
    out.add_promotions(promotion.bytes.data(), promotion.bytes.size());
  out.set_told(member.told);
  return journal::with_format(format_newest, out);
}

Result<Member> decode_member(std::string_view record) {
  const auto in = journal::without_format<stored::Member>(format_newest, record);
  if (!in) return std::unexpected(in.error());
  std::vector<Uuid> promotions;
  for (const std::string& promotion : in->promotions()) {
    Uuid& id = promotions.emplace_back();
    if (promotion.size() != id.bytes.size()) return fail(Errc::corrupt, "a member's promotion that is none");
    std::ranges::copy(promotion, id.bytes.begin());
  }
  return Member{.name = in->name(),
                .tier = in->tier(),
                .points = Points{in->points()},
                .as_of = WallTime{Millis{in->as_of()}},
                .owed = Points{in->owed()},
                .redeemed_day = day_of(in->redeemed_day()),
                .redeemed_on_day = Points{in->redeemed_on_day()},
                .unsettled = Points{in->unsettled()},
                .blocked = in->blocked(),
                .promotions = std::move(promotions),
                .told = in->told()};
}

namespace {

/// What a member is after the hub has told of it.
Member merged(Member member, const sync::MemberSnapshot& told, bool all_applied, Members::Source source) {
  const bool newer = told.points && told.as_of > member.as_of;
  if (newer) {
    member.points = *told.points;
    member.as_of = told.as_of;
  }
  const bool never_heard = member.as_of == WallTime{};
  if ((newer || never_heard) && !told.tier.empty()) member.tier = told.tier;
  // What the member is called here came from PDI.
  if (member.name.empty()) member.name = told.name;
  member.owed.count = all_applied ? told.owed : std::max(member.owed.count, told.owed);
  member.blocked = told.blocked;
  member.promotions = told.promotions;
  member.told = member.told || source == Members::Source::kept_up;
  return member;
}

}  // namespace

Result<std::optional<Member>> Members::find(const CustomerId& customer) const {
  return find_at(key_of(customer));
}

Result<std::optional<Member>> Members::find_at(const std::string& key) const {
  if (const auto latest = in_flight_.find(key); latest != in_flight_.end()) return latest->second.member;
  auto record = journal_.get(Family::members, key);
  if (!record) return failure(record);
  if (!*record) return std::nullopt;
  auto member = decode_member(**record);
  if (!member) return failure(member);
  return std::move(*member);
}

Result<StoreDay> Members::store_day() const {
  if (store_day_) return *store_day_;
  auto record = journal_.get(Family::meta, store_day_key);
  if (!record) return failure(record);
  if (!*record) return store_day_.emplace();
  const auto in = journal::without_format<stored::StoreDay>(format_newest, **record);
  if (!in) return std::unexpected(in.error());
  return store_day_.emplace(StoreDay{.day = day_of(in->day()), .redeemed = Points{in->redeemed()}});
}

Members::Writing Members::put(journal::Batch& batch, const CustomerId& customer, const Member& member) {
  return put_at(batch, key_of(customer), member);
}

Members::Writing Members::put_at(journal::Batch& batch, std::string key, const Member& member) {
  batch.put(Family::members, key, encode(member));
  InFlight& latest = in_flight_[key];
  latest.member = member;
  ++latest.writers;
  // Of something, so that it is told from nullptr.
  return {this, [this, key = std::move(key)](void*) { written(key); }};
}

Result<Members::Writing> Members::merge(journal::Batch& batch, const sync::MemberSnapshot& snapshot,
                                        bool all_applied, Source source) {
  std::string key(as_chars(snapshot.member));
  auto known = find_at(key);
  if (!known) return failure(known);
  const Member before = known->value_or(Member{});
  const Member after = merged(before, snapshot, all_applied, source);
  if (*known && after == before) return nullptr;
  return put_at(batch, std::move(key), after);
}

Result<Members::Writing> Members::forget(journal::Batch& batch, const Digest& member) {
  std::string key(as_chars(member));
  auto known = find_at(key);
  if (!known) return failure(known);
  if (!*known) return nullptr;
  if (in_flight_.contains(key) || (*known)->unsettled.count > 0 || (*known)->redeemed_on_day.count > 0) {
    return put_at(batch, std::move(key),
                  {.redeemed_day = (*known)->redeemed_day,
                   .redeemed_on_day = (*known)->redeemed_on_day,
                   .unsettled = (*known)->unsettled});
  }
  batch.erase(Family::members, std::move(key));
  return nullptr;
}

void Members::written(const std::string& key) {
  const auto latest = in_flight_.find(key);
  if (--latest->second.writers == 0) in_flight_.erase(latest);
}

void Members::put(journal::Batch& batch, const StoreDay& day) {
  stored::StoreDay out;
  out.set_day(day_number(day.day));
  out.set_redeemed(day.redeemed.count);
  batch.put(Family::meta, std::string(store_day_key), journal::with_format(format_newest, out));
  store_day_ = day;
}

Redeemed redeemed_so_far(const Member& member, const StoreDay& store, std::chrono::sys_days today) {
  return {.member_today = member.redeemed_day == today ? member.redeemed_on_day : Points{},
          .store_today = store.day == today ? store.redeemed : Points{},
          .unsettled = member.unsettled};
}

void note_redeemed(Member& member, StoreDay& store, std::chrono::sys_days today, Points points) {
  const Redeemed before = redeemed_so_far(member, store, today);
  member.redeemed_day = today;
  member.redeemed_on_day = Points{before.member_today.count + points.count};
  member.unsettled = Points{member.unsettled.count + points.count};
  store = {.day = today, .redeemed = Points{before.store_today.count + points.count}};
}

}  // namespace perkline::edge::standin
