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

std::string claim_key(std::string_view record) {
  return std::string(claim_prefix) + std::string(record);
}
std::string marks_of(const Digest& member) {
  return std::string(mark_prefix) + to_hex(member) + '/';
}
std::string mark_key(const Digest& member, const Uuid& promotion) {
  return marks_of(member) + promotion.str();
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
  std::ranges::copy(in->claim(), claim.id.bytes.begin());
  std::ranges::copy(in->promotion(), claim.promotion.bytes.begin());
  return claim;
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

Result<Claim> find_claim(const journal::JournalReader& journal, const std::string& record) {
  const auto found = journal.get(Family::prizes_leased, claim_key(record));
  if (!found) return std::unexpected(found.error());
  if (!*found) return fail(Errc::corrupt, "a transaction's claim is missing");
  return decode(record, **found);
}

Result<bool> ClaimStore::is_claimed(const CustomerId& customer, const Uuid& promotion) const {
  const auto mark = journal_.get(Family::prizes_leased, mark_key(sync::member_hash(customer), promotion));
  if (!mark) return std::unexpected(mark.error());
  return mark->has_value();
}

Task<void> ClaimStore::add(Claim claim, std::optional<journal::NewEvent> event) {
  Batch batch;
  batch.put(Family::prizes_leased, claim_key(claim.record), encode(claim));
  batch.put(Family::prizes_leased, mark_key(sync::member_hash(claim.customer), claim.promotion),
            claim.record);
  batch.put(Family::by_transaction, claim.transaction.str(), claim.record);
  std::vector<journal::NewEvent> events;
  if (event) events.push_back(std::move(*event));
  co_await outbox_.commit(std::move(batch), std::move(events));
}

Task<Result<void>> ClaimStore::forget_member(sync::Erasure erasure) {
  Batch batch;
  Result<void> sound;
  const std::string prefix = marks_of(erasure.member);
  const auto scanned =
      journal_.scan(Family::prizes_leased, prefix, [&](std::string_view key, std::string_view record) {
        if (!key.starts_with(prefix)) return false;
        auto claim = get(std::string(record));
        if (!claim) return sound = std::unexpected(claim.error()), false;
        // One that was made since is somebody new's.
        if (claim->claimed_at >= erasure.requested_at) return true;
        claim->customer = erasure.token;
        claim->answer.body.clear();
        batch.put(Family::prizes_leased, claim_key(claim->record), encode(*claim));
        batch.erase(Family::prizes_leased, std::string(key));
        return true;
      });
  if (!scanned) co_return std::unexpected(scanned.error());
  if (!sound) co_return sound;
  co_await journal_.commit(std::move(batch));
  co_return Result<void>{};
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
        batch.erase(Family::prizes_leased, mark_key(sync::member_hash(claim->customer), claim->promotion));
        batch.erase(Family::by_transaction, claim->transaction.str());
        ++count;
        return true;
      });
  if (!scanned) co_return std::unexpected(scanned.error());
  if (!sound) co_return failure(sound);
  co_await journal_.commit(std::move(batch));
  co_return count;
}

bool is_claim_key(std::string_view key) {
  return key.starts_with(claim_prefix) || key.starts_with(mark_prefix);
}

Result<void> check_claim_record(const journal::JournalReader& journal, std::string_view key,
                                std::string_view record) {
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
