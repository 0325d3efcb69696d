#include "edge/programme/wheel_book.hpp"

#include <algorithm>

#include "edge/journal/record_format.hpp"
#include "edge/programme/programme.pb.h"

namespace perkline::edge::programme {
namespace {

using journal::Batch;
using journal::Family;

constexpr unsigned char format_newest = 1;
constexpr std::string_view lease_prefix = "lease/";
constexpr std::string_view nonce_prefix = "nonce/";
constexpr std::string_view intent_prefix = "intent/";
constexpr std::size_t day_bytes = 10;

std::string key_of(std::string_view prefix, std::string_view name) {
  return std::string(prefix) + std::string(name);
}

std::string nonce_key(const Seed& seed, const std::string& member) {
  return key_of(nonce_prefix, format_day(seed.day)) + '/' + to_hex(seed.commitment) + '/' + member;
}

/// nullopt: the key is no nonce's.
std::optional<std::chrono::sys_days> day_in(std::string_view nonce_key) {
  if (!nonce_key.starts_with(nonce_prefix)) return std::nullopt;
  return parse_day(nonce_key.substr(nonce_prefix.size(), day_bytes));
}

Result<LeaseState> decode_lease(std::string_view record) {
  const auto in = journal::without_format<stored::LeaseState>(format_newest, record);
  if (!in) return std::unexpected(in.error());
  return LeaseState{.drawn = in->drawn(), .returned = in->returned()};
}

Result<std::int64_t> decode_nonce(std::string_view record) {
  const auto in = journal::without_format<stored::Nonce>(format_newest, record);
  if (!in) return std::unexpected(in.error());
  if (in->last() < 1) return fail(Errc::corrupt, "a nonce that is none");
  return in->last();
}

Result<Intent> decode_intent(std::string_view session, std::string_view record) {
  const auto in = journal::without_format<stored::Intent>(format_newest, record);
  if (!in) return std::unexpected(in.error());
  Intent intent{
      .session = SessionId(std::string(session)), .spin = {}, .customer = CustomerId(in->customer())};
  if (in->spin().size() != intent.spin.bytes.size()) return fail(Errc::corrupt, "an intent without a spin");
  std::ranges::copy(in->spin(), intent.spin.bytes.begin());
  return intent;
}

}  // namespace

Result<LeaseStates> WheelBook::lease_states(const Offer& offer) const {
  LeaseStates states;
  for (const auto& [id, lease] : offer.leases) {
    const auto record = journal_.get(Family::prizes_leased, key_of(lease_prefix, id));
    if (!record) return std::unexpected(record.error());
    if (!*record) continue;
    const auto state = decode_lease(**record);
    if (!state) return std::unexpected(state.error());
    states.emplace(id, *state);
  }
  return states;
}

void WheelBook::put(Batch& batch, const std::string& lease, const LeaseState& state) const {
  stored::LeaseState out;
  out.set_drawn(state.drawn);
  out.set_returned(state.returned);
  batch.put(Family::prizes_leased, key_of(lease_prefix, lease), journal::with_format(format_newest, out));
}

Result<std::int64_t> WheelBook::nonce(const Seed& seed, const std::string& member) const {
  const auto record = journal_.get(Family::prizes_leased, nonce_key(seed, member));
  if (!record) return std::unexpected(record.error());
  if (!*record) return 0;
  return decode_nonce(**record);
}

void WheelBook::put_nonce(Batch& batch, const Seed& seed, const std::string& member,
                          std::int64_t last) const {
  stored::Nonce out;
  out.set_last(last);
  batch.put(Family::prizes_leased, nonce_key(seed, member), journal::with_format(format_newest, out));
}

Result<std::optional<std::chrono::sys_days>> WheelBook::latest_day() const {
  // `0` sorts right behind `/`.
  std::string end(nonce_prefix);
  end.back() = '0';
  const auto last = journal_.last(Family::prizes_leased, end);
  if (!last) return std::unexpected(last.error());
  if (!*last) return std::nullopt;
  return day_in((*last)->key);
}

Result<std::size_t> WheelBook::forget_nonces(Batch& batch, std::chrono::sys_days until, const Offer& offer,
                                             std::size_t count_max) const {
  std::size_t count = 0;
  const auto scanned =
      journal_.scan(Family::prizes_leased, nonce_prefix, [&](std::string_view key, std::string_view) {
        const auto day = day_in(key);
        if (!day || *day >= until || count == count_max) return false;
        if (offer.seeds.contains(*day)) return true;
        batch.erase(Family::prizes_leased, std::string(key));
        ++count;
        return true;
      });
  if (!scanned) return std::unexpected(scanned.error());
  return count;
}

Result<std::vector<Intent>> WheelBook::intents() const {
  std::vector<Intent> all;
  Result<void> sound;
  const auto scanned =
      journal_.scan(Family::prizes_leased, intent_prefix, [&](std::string_view key, std::string_view record) {
        if (!key.starts_with(intent_prefix)) return false;
        auto intent = decode_intent(key.substr(intent_prefix.size()), record);
        if (!intent) return sound = std::unexpected(intent.error()), false;
        all.push_back(std::move(*intent));
        return true;
      });
  if (!scanned) return std::unexpected(scanned.error());
  if (!sound) return failure(sound);
  return all;
}

void WheelBook::put(Batch& batch, const Intent& intent) const {
  stored::Intent out;
  out.set_spin(intent.spin.bytes.data(), intent.spin.bytes.size());
  out.set_customer(intent.customer.str());
  batch.put(Family::prizes_leased, key_of(intent_prefix, intent.session.str()),
            journal::with_format(format_newest, out));
}

void WheelBook::erase_intent(Batch& batch, const SessionId& session) const {
  batch.erase(Family::prizes_leased, key_of(intent_prefix, session.str()));
}

Result<void> check_wheel_record(std::string_view key, std::string_view record) {
  const auto checked = [](const auto& decoded) -> Result<void> {
    if (!decoded) return std::unexpected(decoded.error());
    return {};
  };
  if (key.starts_with(lease_prefix)) return checked(decode_lease(record));
  if (key.starts_with(intent_prefix)) return checked(decode_intent(key.substr(intent_prefix.size()), record));
  if (!day_in(key)) return fail(Errc::corrupt, "is no record of the wheel's");
  return checked(decode_nonce(record));
}

}  // namespace perkline::edge::programme
