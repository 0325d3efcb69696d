#include "edge/programme/claim_store.hpp"

#include <algorithm>

#include "edge/journal/record_format.hpp"
#include "edge/programme/programme.pb.h"
#include "shared/core/bytes.hpp"
#include "shared/sync/hash_chain.hpp"

namespace perkline::edge::programme {
namespace {

using journal::Batch;
using journal::Family;

constexpr unsigned char format_newest = 1;
constexpr std::string_view claim_prefix = "claim/";
constexpr std::string_view mark_prefix = "claimed/";
constexpr std::string_view asked_prefix = "asked/";

std::string claim_key(std::string_view record) {
  return std::string(claim_prefix) + std::string(record);
}
std::string mark_key(const Digest& member, const Uuid& promotion) {
  return std::string(mark_prefix) + to_hex(member) + '/' + promotion.str();
}

std::string asked_key(const Uuid& claim) {
  return std::string(asked_prefix) + claim.str();
}

std::string encode(const Claim& claim) {
  stored::Claim out;
  out.set_claim(claim.id.bytes.data(), claim.id.bytes.size());
  out.set_customer(claim.customer.str());
  out.set_promotion(claim.promotion.bytes.data(), claim.promotion.bytes.size());
  out.set_transaction(claim.transaction.str());
  out.set_claimed_at(claim.claimed_at.time_since_epoch().count());
  out.set_status(static_cast<std::uint32_t>(claim.answer.status));
  out.set_body(claim.answer.body);
  if (claim.refused) out.set_refused(static_cast<std::uint32_t>(*claim.refused));
  return journal::with_format(format_newest, out);
}

Result<Claim> decode(std::string record_id, std::string_view record) {
  const auto in = journal::without_format<stored::Claim>(format_newest, record);
  if (!in) return std::unexpected(in.error());
  Claim claim{.record = std::move(record_id),
              .customer = CustomerId(in->customer()),
              .transaction = TransactionId(in->transaction()),
              .claimed_at = WallTime{Millis{in->claimed_at()}},
              .answer = {.status = static_cast<int>(in->status()), .body = in->body()}};
  if (in->claim().size() != claim.id.bytes.size() || in->promotion().size() != claim.promotion.bytes.size())
    return fail(Errc::corrupt, "a claim's record that is none");
  if (in->refused() > static_cast<std::uint32_t>(sync::ClaimOutcome::balance_limit))
    return fail(Errc::corrupt, "a claim with an outcome that is none");
  if (in->refused() != 0) claim.refused = static_cast<sync::ClaimOutcome>(in->refused());
  std::ranges::copy(in->claim(), claim.id.bytes.begin());
  std::ranges::copy(in->promotion(), claim.promotion.bytes.begin());
  return claim;
}

Result<WallTime> decode_asked(std::string_view record) {
  const auto in = journal::without_format<stored::AskedClaim>(format_newest, record);
  if (!in) return std::unexpected(in.error());
  return WallTime{Millis{in->asked_at()}};
}

}  // namespace

Uuid claim_id_of(const StoreId& store, const Claim& claim) {
  std::string text = "perkline-claim-1";
  for (const std::string& part :
       {store.str(), claim.transaction.str(), claim.customer.str(), claim.promotion.str()}) {
    append_u32(text, static_cast<std::uint32_t>(part.size()));
    text += part;
  }
  const Digest hash = sync::sha256(text);
  Uuid id;
  std::copy_n(hash.begin(), id.bytes.size(), id.bytes.begin());
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x80);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  return id;
}

bool is_pending(const Claim& claim) {
  return claim.answer.status == 202 && !claim.answer.body.empty();
}

Result<Claim> find_claim(const journal::JournalReader& journal, const std::string& record) {
  const auto found = journal.get(Family::prizes_leased, claim_key(record));
  if (!found) return std::unexpected(found.error());
  if (!*found) return fail(Errc::corrupt, "a transaction's claim is missing");
  return decode(record, **found);
}

Result<bool> ClaimStore::holds(const std::string& record) const {
  const auto found = journal_.get(Family::prizes_leased, claim_key(record));
  if (!found) return std::unexpected(found.error());
  return found->has_value();
}

Result<bool> ClaimStore::is_claimed(const CustomerId& customer, const Uuid& promotion) const {
  const auto mark = journal_.get(Family::prizes_leased, mark_key(sync::member_hash(customer), promotion));
  if (!mark) return std::unexpected(mark.error());
  return mark->has_value();
}

Result<std::optional<Claim>> ClaimStore::claim_of(const CustomerId& customer, const Uuid& promotion) const {
  const auto mark = journal_.get(Family::prizes_leased, mark_key(sync::member_hash(customer), promotion));
  if (!mark) return std::unexpected(mark.error());
  if (!*mark) return std::nullopt;
  auto claim = get(**mark);
  if (!claim) return failure(claim);
  return std::move(*claim);
}

Result<bool> ClaimStore::is_asked(const Uuid& claim) const {
  const auto asked = journal_.get(Family::prizes_leased, asked_key(claim));
  if (!asked) return std::unexpected(asked.error());
  return asked->has_value();
}

Task<void> ClaimStore::note_asked(Uuid claim, WallTime at) {
  stored::AskedClaim asked;
  asked.set_asked_at(at.time_since_epoch().count());
  Batch batch;
  batch.put(Family::prizes_leased, asked_key(claim), journal::with_format(format_newest, asked));
  co_await journal_.commit(std::move(batch));
}

Task<void> ClaimStore::note_refused(Uuid claim) {
  Batch batch;
  batch.erase(Family::prizes_leased, asked_key(claim));
  co_await journal_.commit(std::move(batch));
}

Task<void> ClaimStore::add(Claim claim, journal::NewEvent event) {
  Batch batch;
  batch.put(Family::prizes_leased, claim_key(claim.record), encode(claim));
  batch.put(Family::prizes_leased, mark_key(sync::member_hash(claim.customer), claim.promotion),
            claim.record);
  batch.put(Family::by_transaction, claim.transaction.str(), claim.record);
  batch.erase(Family::prizes_leased, asked_key(claim.id));
  std::vector<journal::NewEvent> events;
  events.push_back(std::move(event));
  co_await outbox_.commit(std::move(batch), std::move(events));
}

Task<Result<void>> ClaimStore::settle(Claim claim) {
  Batch batch;
  batch.put(Family::prizes_leased, claim_key(claim.record), encode(claim));
  if (claim.refused) {
    if (auto erased = erase_mark(batch, claim); !erased) co_return erased;
  }
  co_await journal_.commit(std::move(batch));
  co_return Result<void>{};
}

Result<std::vector<std::string>> ClaimStore::pending() const {
  std::vector<std::string> records;
  Result<void> sound;
  const auto scanned =
      journal_.scan(Family::prizes_leased, claim_prefix, [&](std::string_view key, std::string_view record) {
        if (!key.starts_with(claim_prefix)) return false;
        const auto claim = decode(std::string(key.substr(claim_prefix.size())), record);
        if (!claim) return sound = std::unexpected(claim.error()), false;
        if (is_pending(*claim)) records.push_back(claim->record);
        return true;
      });
  if (!scanned) return std::unexpected(scanned.error());
  if (!sound) return failure(sound);
  return records;
}

/// Through all of them: a refused one, or one that another has come after, has no mark.
Task<Result<void>> ClaimStore::forget_member(sync::Erasure erasure) {
  Batch batch;
  Result<void> sound;
  const auto scanned =
      journal_.scan(Family::prizes_leased, claim_prefix, [&](std::string_view key, std::string_view record) {
        if (!key.starts_with(claim_prefix)) return false;
        auto claim = decode(std::string(key.substr(claim_prefix.size())), record);
        if (!claim) return sound = std::unexpected(claim.error()), false;
        // One that was made since is somebody new's.
        if (sync::member_hash(claim->customer) != erasure.member || claim->claimed_at >= erasure.requested_at)
          return true;
        if (auto erased = erase_mark(batch, *claim); !erased) return sound = std::move(erased), false;
        claim->customer = erasure.token;
        claim->answer.body.clear();
        batch.put(Family::prizes_leased, std::string(key), encode(*claim));
        return true;
      });
  if (!scanned) co_return std::unexpected(scanned.error());
  if (!sound) co_return sound;
  co_await journal_.commit(std::move(batch));
  co_return Result<void>{};
}

/// If it is that claim's.
Result<void> ClaimStore::erase_mark(Batch& batch, const Claim& claim) const {
  std::string mark = mark_key(sync::member_hash(claim.customer), claim.promotion);
  const auto marked = journal_.get(Family::prizes_leased, mark);
  if (!marked) return std::unexpected(marked.error());
  if (*marked == claim.record) batch.erase(Family::prizes_leased, std::move(mark));
  return {};
}

Task<Result<std::size_t>> ClaimStore::remove(WallTime until, std::size_t count_max) {
  Batch batch;
  std::size_t count = 0;
  Result<void> sound;
  const auto scanned =
      journal_.scan(Family::prizes_leased, claim_prefix, [&](std::string_view key, std::string_view record) {
        if (!key.starts_with(claim_prefix) || count == count_max) return false;
        const auto claim = decode(std::string(key.substr(claim_prefix.size())), record);
        if (!claim) return sound = std::unexpected(claim.error()), false;
        if (claim->claimed_at >= until) return false;
        batch.erase(Family::prizes_leased, std::string(key));
        if (auto erased = erase_mark(batch, *claim); !erased) return sound = std::move(erased), false;
        batch.erase(Family::by_transaction, claim->transaction.str());
        ++count;
        return true;
      });
  if (!scanned) co_return std::unexpected(scanned.error());
  if (!sound) co_return failure(sound);
  const auto asked = remove_asked(batch, until, count_max - count);
  if (!asked) co_return std::unexpected(asked.error());
  co_await journal_.commit(std::move(batch));
  co_return count + *asked;
}

/// In no order of time.
Result<std::size_t> ClaimStore::remove_asked(Batch& batch, WallTime until, std::size_t count_max) const {
  std::size_t count = 0;
  Result<void> sound;
  const auto scanned =
      journal_.scan(Family::prizes_leased, asked_prefix, [&](std::string_view key, std::string_view record) {
        if (!key.starts_with(asked_prefix) || count == count_max) return false;
        const auto at = decode_asked(record);
        if (!at) return sound = std::unexpected(at.error()), false;
        if (*at >= until) return true;
        batch.erase(Family::prizes_leased, std::string(key));
        ++count;
        return true;
      });
  if (!scanned) return std::unexpected(scanned.error());
  if (!sound) return failure(sound);
  return count;
}

bool is_claim_key(std::string_view key) {
  return key.starts_with(claim_prefix) || key.starts_with(mark_prefix) || key.starts_with(asked_prefix);
}

Result<void> check_claim_record(const journal::JournalReader& journal, std::string_view key,
                                std::string_view record) {
  if (key.starts_with(asked_prefix)) {
    if (!parse_uuid(key.substr(asked_prefix.size()))) return fail(Errc::corrupt, "is no claim's");
    const auto at = decode_asked(record);
    return at ? Result<void>{} : std::unexpected(at.error());
  }
  const bool is_mark = key.starts_with(mark_prefix);
  const std::string id(is_mark ? record : key.substr(claim_prefix.size()));
  if (!session::is_claim_record_id(id)) return fail(Errc::corrupt, "is no claim's");
  const auto claim = find_claim(journal, id);
  if (!claim) return std::unexpected(claim.error());
  if (is_mark && key != mark_key(sync::member_hash(claim->customer), claim->promotion))
    return fail(Errc::corrupt, "marks another claim");
  const auto named = journal.get(Family::by_transaction, claim->transaction.str());
  if (!named) return std::unexpected(named.error());
  if (*named != id) return fail(Errc::corrupt, "its transaction does not name it");
  return {};
}

}  // namespace perkline::edge::programme
