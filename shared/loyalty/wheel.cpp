#include "shared/loyalty/wheel.hpp"

#include <algorithm>
#include <charconv>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "shared/core/assert.hpp"
#include "shared/core/money.hpp"

namespace perkline::loyalty {
namespace {

constexpr std::size_t piece_bytes = 8;

Digest sha256(std::string_view bytes) {
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

Digest hmac_sha256(const Digest& key, std::string_view message) {
  Digest mac{};
  unsigned length = 0;
  const auto* made =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(), mac.data(), &length);
  PERKLINE_ASSERT(made != nullptr && length == mac.size());
  return mac;
}

std::string message_of(const Draw& draw) {
  return draw.member + ':' + draw.client_seed + ':' + std::to_string(draw.nonce);
}

bool is_prize_id(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

/// The one spelling of a number of tickets.
std::optional<std::int64_t> tickets_in(std::string_view text) {
  std::int64_t tickets = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), tickets);
  if (error != std::errc{} || end != text.data() + text.size() || std::to_string(tickets) != text ||
      tickets < 1 || tickets > tickets_max)
    return std::nullopt;
  return tickets;
}

std::optional<PrizeTable::Slot> slot_in(std::string_view line) {
  const auto space = line.find(' ');
  if (space == std::string_view::npos || !is_prize_id(line.substr(0, space))) return std::nullopt;
  const auto tickets = tickets_in(line.substr(space + 1));
  if (!tickets) return std::nullopt;
  return PrizeTable::Slot{.prize = std::string(line.substr(0, space)), .tickets = *tickets};
}

}  // namespace

std::string weight_text(std::int64_t tickets) {
  std::string text = format_decimal(tickets, weight_decimals);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::int64_t PrizeTable::tickets() const {
  std::int64_t sum = 0;
  for (const Slot& slot : slots) sum += slot.tickets;
  return sum;
}

bool is_in_draw(const Prize& prize) {
  return prize.active && prize.tickets > 0 && prize.units.value_or(1) > 0 && !prize.withheld;
}

PrizeTable table_of(std::span<const Prize> prizes) {
  PrizeTable table;
  for (const Prize& prize : prizes) {
    PERKLINE_ASSERT(is_prize_id(prize.id) && prize.tickets >= 0 && prize.tickets <= tickets_max);
    if (is_in_draw(prize)) table.slots.push_back({.prize = prize.id, .tickets = prize.tickets});
  }
  std::ranges::sort(table.slots, {}, &PrizeTable::Slot::prize);
  PERKLINE_ASSERT(std::ranges::adjacent_find(table.slots, {}, &PrizeTable::Slot::prize) == table.slots.end());
  return table;
}

std::string text_of(const PrizeTable& table) {
  std::string text;
  for (const PrizeTable::Slot& slot : table.slots)
    text += slot.prize + ' ' + std::to_string(slot.tickets) + '\n';
  return text;
}

Digest version_of(const PrizeTable& table) {
  return sha256(text_of(table));
}

Result<PrizeTable> read_table(std::string_view text) {
  PrizeTable table;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto slot = end == std::string_view::npos ? std::nullopt : slot_in(text.substr(0, end));
    if (!slot) return fail(Errc::validation_failed, "a line of the prize table is none");
    if (!table.slots.empty() && table.slots.back().prize >= slot->prize)
      return fail(Errc::validation_failed, "the prize table is not in order");
    table.slots.push_back(std::move(*slot));
    text.remove_prefix(end + 1);
  }
  return table;
}

Digest commitment_of(const ServerSeed& seed) {
  return sha256(as_chars(seed.bytes));
}

std::int64_t draw_ticket(const ServerSeed& seed, const Draw& draw, std::int64_t tickets) {
  PERKLINE_ASSERT(tickets > 0);
  const auto count = static_cast<std::uint64_t>(tickets);
  // 2^64 mod count, of which 2^64 itself does not fit.
  const std::uint64_t rest = (UINT64_MAX % count + 1) % count;
  const std::uint64_t last = UINT64_MAX - rest;
  const std::string message = message_of(draw);
  for (std::uint64_t block = 0;; ++block) {
    const Digest mac = hmac_sha256(seed.bytes, block == 0 ? message : message + '#' + std::to_string(block));
    for (std::size_t at = 0; at < mac.size(); at += piece_bytes) {
      const std::uint64_t number = read_u64(as_chars(mac).substr(at));
      if (number <= last) return static_cast<std::int64_t>(number % count);
    }
  }
}

std::string till_member(const MemberKey& key, const CustomerId& card) {
  return to_hex(hmac_sha256(key, card.str()));
}

const std::string& draw_prize(const ServerSeed& seed, const Draw& draw, const PrizeTable& table) {
  std::int64_t ticket = draw_ticket(seed, draw, table.tickets());
  for (const PrizeTable::Slot& slot : table.slots) {
    if (ticket < slot.tickets) return slot.prize;
    ticket -= slot.tickets;
  }
  PERKLINE_ASSERT(false);
  return table.slots.back().prize;
}

Result<void> verify(const ServerSeed& seed, const ClaimedDraw& claimed) {
  const auto differs = [](std::string what) { return fail(Errc::validation_failed, std::move(what)); };
  if (commitment_of(seed) != claimed.commitment) return differs("the seed is not the one committed");
  if (version_of(claimed.table) != claimed.version) return differs("the table is not of that version");
  if (claimed.table.slots.empty()) return differs("nothing can be drawn from an empty table");
  if (draw_prize(seed, claimed.draw, claimed.table) != claimed.prize)
    return differs("another prize comes out of this draw");
  return {};
}

}  // namespace perkline::loyalty
