#include "edge/programme/draw.hpp"

#include <algorithm>

#include "shared/core/assert.hpp"
#include "shared/json/writer.hpp"

namespace perkline::edge::programme {
namespace {

loyalty::Prize in_draw(const Stock& stock, const Prize& prize, const std::set<std::string>& kept) {
  return {.id = prize.id,
          .tickets = prize.tickets,
          .units = stock.units(prize),
          .withheld = prize.one_time && !kept.contains(prize.id)};
}

auto first_seed(const Offer& offer, std::chrono::sys_days today,
                std::optional<std::chrono::sys_days> closed) {
  return offer.seeds.lower_bound(closed ? std::max(today, *closed + days{1}) : today);
}

void write_proof(json::Writer& out, const Drawn& drawn) {
  out.begin_object().field("spinId", drawn.spin.str()).field("memberId", drawn.draw.member);
  out.field("clientSeed", drawn.draw.client_seed).field("nonce", drawn.draw.nonce);
  out.field("storeId", drawn.store.str()).field("day", format_day(drawn.seed.day));
  out.field("serverSeedHash", to_hex(drawn.seed.commitment)).key("serverSeed").null();
  out.field("tableVersion", to_hex(loyalty::version_of(drawn.table))).key("table").begin_array();
  for (const loyalty::PrizeTable::Slot& slot : drawn.table.slots)
    out.begin_object().field("id", slot.prize).field("tickets", slot.tickets).end_object();
  out.end_array().field("prizeId", drawn.prize.id).end_object();
}

void write_prize(json::Writer& out, const Stock& stock, const Prize& prize, const std::set<std::string>& kept,
                 std::int64_t tickets) {
  const bool drawable = loyalty::is_in_draw(in_draw(stock, prize, kept));
  const double odds = drawable ? static_cast<double>(prize.tickets) / static_cast<double>(tickets) : 0;
  const auto optional = [&out](std::string_view name, const std::optional<std::int64_t>& number) {
    out.key(name);
    number ? out.value(*number) : out.null();
  };
  out.begin_object().field("id", prize.id).field("name", prize.name).field("type", prize.type);
  out.key("weight").raw(loyalty::weight_text(prize.tickets)).field("odds", odds);
  out.field("oneTimePerUser", prize.one_time);
  optional("free", stock.units(prize));
  out.field("active", true);
  optional("points", prize.points);
  out.end_object();
}

}  // namespace

std::uint32_t left_of(const Lease& lease, const LeaseStates& states, const Uuid& holder) {
  if (lease.holder != holder) return 0;
  const auto found = states.find(lease.id);
  if (found == states.end()) return lease.units;
  const std::uint64_t gone = std::uint64_t{found->second.drawn} + found->second.returned;
  return gone < lease.units ? lease.units - static_cast<std::uint32_t>(gone) : 0;
}

Stock::Stock(const Offer& offer, LeaseStates states, const Uuid& holder)
    : offer_(offer), states_(std::move(states)), holder_(holder) {}

std::optional<std::int64_t> Stock::units(const Prize& prize) const {
  if (!prize.stocked) return std::nullopt;
  std::int64_t units = 0;
  for (const auto& [id, lease] : offer_.leases)
    if (lease.prize == prize.id) units += left_of(lease, states_, holder_);
  return units;
}

std::optional<Unit> Stock::next_unit(const Prize& prize) const {
  const Lease* next = nullptr;
  for (const auto& [id, lease] : offer_.leases) {
    if (lease.prize != prize.id || left_of(lease, states_, holder_) == 0) continue;
    if (next == nullptr || lease.return_after < next->return_after) next = &lease;
  }
  if (next == nullptr) return std::nullopt;
  const auto found = states_.find(next->id);
  LeaseState after = found == states_.end() ? LeaseState{} : found->second;
  ++after.drawn;
  return Unit{.lease = next->id, .after = after};
}

std::int64_t Stock::units_left() const {
  std::int64_t units = 0;
  for (const auto& [id, lease] : offer_.leases) units += left_of(lease, states_, holder_);
  return units;
}

loyalty::PrizeTable Stock::table(const std::set<std::string>& kept) const {
  std::vector<loyalty::Prize> prizes;
  prizes.reserve(offer_.prizes.size());
  for (const auto& [id, prize] : offer_.prizes) prizes.push_back(in_draw(*this, prize, kept));
  return loyalty::table_of(prizes);
}

bool Stock::has_one_time() const {
  return std::ranges::any_of(offer_.prizes, [this](const auto& item) {
    const Prize& prize = item.second;
    return prize.one_time && loyalty::is_in_draw(in_draw(*this, prize, {prize.id}));
  });
}

std::set<std::string> Stock::one_time() const {
  std::set<std::string> prizes;
  for (const auto& [id, prize] : offer_.prizes)
    if (prize.one_time) prizes.insert(id);
  return prizes;
}

const Seed* seed_for(const Offer& offer, std::chrono::sys_days today,
                     std::optional<std::chrono::sys_days> closed) {
  const auto found = first_seed(offer, today, closed);
  return found == offer.seeds.end() ? nullptr : &found->second;
}

std::int64_t seeds_left(const Offer& offer, std::chrono::sys_days today,
                        std::optional<std::chrono::sys_days> closed) {
  return std::distance(first_seed(offer, today, closed), offer.seeds.end());
}

std::optional<std::chrono::sys_days> seeds_to_close(const Offer& offer,
                                                    const journal::LeaseHolder::Unsettled& known,
                                                    std::chrono::sys_days today, bool waited) {
  if (offer.seeds.empty()) return std::nullopt;
  const auto last = offer.seeds.rbegin()->first;
  if (today > last) return std::nullopt;
  const bool is_behind = today < known.clock_read && known.clock_read <= last;
  if (is_behind) return waited ? std::optional(last) : std::nullopt;
  return std::min(last, std::max(today, known.drawn));
}

Result<Drawn> drawn_of(Ticket ticket, const Stock& stock, const std::set<std::string>& kept) {
  loyalty::PrizeTable table = stock.table(kept);
  if (table.slots.empty()) return fail(Errc::no_prize_available, "there is nothing to be won here now");
  const std::string& won = loyalty::draw_prize(ticket.seed.secret, ticket.draw, table);
  const Prize& prize = stock.offer().prizes.at(won);
  auto unit = prize.stocked ? stock.next_unit(prize) : std::nullopt;
  PERKLINE_ASSERT(prize.stocked == unit.has_value());
  return Drawn{.spin = ticket.spin,
               .store = std::move(ticket.store),
               .seed = ticket.seed,
               .draw = std::move(ticket.draw),
               .table = std::move(table),
               .prize = prize,
               .unit = std::move(unit)};
}

std::string render_spin(const Drawn& drawn) {
  json::Writer out;
  out.begin_object().field("spinId", drawn.spin.str()).key("prize").begin_object();
  out.field("id", drawn.prize.id).field("name", drawn.prize.name).field("type", drawn.prize.type);
  out.end_object().key("proof");
  write_proof(out, drawn);
  out.end_object();
  return out.take();
}

std::string render_prizes(const Stock& stock, bool hub_is_up) {
  const std::set<std::string> kept = hub_is_up ? stock.one_time() : std::set<std::string>{};
  const std::int64_t tickets = stock.table(kept).tickets();
  json::Writer out;
  out.begin_object().key("items").begin_array();
  for (const auto& [id, prize] : stock.offer().prizes) write_prize(out, stock, prize, kept, tickets);
  out.end_array().end_object();
  return out.take();
}

}  // namespace perkline::edge::programme
