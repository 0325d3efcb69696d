#include "hub/ingest/erased.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "hub/db/bulk_statement.hpp"
#include "hub/identity/erasures.hpp"
#include "hub/ledger/owner.hpp"
#include "shared/core/bytes.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::ingest {
namespace {

/// The card an event names, and the sale's session it is of; nullptr: none.
struct Named {
  CustomerId* card = nullptr;
  SessionId* session = nullptr;
};

struct FindNamed {
  Named operator()(sync::SaleSettled& settled) const {
    return {&settled.sale.customer, &settled.sale.session};
  }
  Named operator()(sync::MemberErased&) const { return {}; }
  Named operator()(sync::LeaseReturned&) const { return {}; }
  Named operator()(sync::UnknownEvent&) const { return {}; }
  Named operator()(sync::PromotionClaimed& claimed) const { return {&claimed.customer, nullptr}; }
  Named operator()(sync::SpinDropped& dropped) const { return {&dropped.customer, nullptr}; }
  template <class Payload>
  Named operator()(Payload& payload) const {
    return {&payload.customer, &payload.session};
  }
};
Named named_in(sync::Event& event) {
  return std::visit(FindNamed{}, event.payload);
}

/// When the session was opened, by its store's clock, as its UUIDv7 says; nullopt: it does not.
std::optional<WallTime> opened_at(const SessionId& session) {
  constexpr std::size_t prefix_bytes = 5;
  if (!is_session_id(session.str())) return std::nullopt;
  const Uuid id = *parse_uuid(std::string_view(session.str()).substr(prefix_bytes));
  if (id.bytes[6] >> 4 != 7) return std::nullopt;
  std::int64_t millis = 0;
  for (std::size_t i = 0; i < 6; ++i) millis = millis << 8 | id.bytes[i];
  return WallTime{Millis{millis}};
}

/// When that which the event tells of began, by its store's clock: a sale when it was opened.
WallTime began_at(const sync::Event& event, const Named& named) {
  if (named.session == nullptr) return event.time;
  return std::min(event.time, opened_at(*named.session).value_or(event.time));
}

struct Erasure {
  CustomerId token;
  WallTime at;
};

Result<bool> any_erased(db::Transaction& transaction) {
  auto rows = transaction.query("SELECT 1 FROM erasure WHERE member_hash IS NOT NULL LIMIT 1");
  if (!rows) return failure(rows);
  return !rows->empty();
}

/// By card, the earliest first.
using Erasures = std::unordered_map<CustomerId, std::vector<Erasure>>;

/// Of those cards that were erased.
Result<Erasures> erasures_of(db::Transaction& transaction, const std::set<CustomerId>& cards) {
  static const db::BulkStatement find(
      "SELECT member_hash, member_token, requested_at FROM erasure WHERE member_hash IN (", "?", ")");
  const std::vector<CustomerId> each(cards.begin(), cards.end());
  const auto hashes = identity::member_hashes(transaction, each);
  if (!hashes) return std::unexpected(hashes.error());
  std::unordered_map<std::string_view, const CustomerId*> card_of;
  for (std::size_t i = 0; i < each.size(); ++i) card_of.emplace((*hashes)[i], &each[i]);
  auto rows = find.run(transaction, std::vector<db::Value>(hashes->begin(), hashes->end()));
  if (!rows) return failure(rows);
  Erasures erasures;
  for (const db::Row& row : *rows)
    erasures[*card_of.at(row.text(0))].push_back({CustomerId(row.text(1)), WallTime{Millis{row.integer(2)}}});
  for (auto& [card, its] : erasures) std::ranges::sort(its, {}, &Erasure::at);
  return erasures;
}

/// `at`: when what is told began, by the hub's clock.
Result<std::optional<CustomerId>> token_for(db::Transaction& transaction, const Named& named, WallTime at,
                                            const std::vector<Erasure>& erasures) {
  Result<db::Rows> sale = db::Rows{};
  if (named.session != nullptr)
    sale = transaction.query("SELECT customer_id FROM sale WHERE session_id = $1", {named.session->str()});
  if (!sale) return failure(sale);
  for (const Erasure& erasure : erasures) {
    const bool is_its_sale = !sale->empty() && sale->front().text(0) == erasure.token.str();
    if (is_its_sale || (sale->empty() && at <= erasure.at)) return erasure.token;
  }
  return std::nullopt;
}

/// A field of the card's length and content in an event that nobody can read yet: protobuf writes the length
/// before it. Replaced by as many bytes, so that what is around it stays readable.
std::string blotted(std::string bytes, const CustomerId& card) {
  const std::string field = static_cast<char>(card.str().size()) + card.str();
  for (auto at = bytes.find(field); at != std::string::npos; at = bytes.find(field, at + field.size()))
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at) + 1, card.str().size(), 'x');
  return bytes;
}

std::string with_token(const std::string& bytes, const CustomerId& card, const CustomerId& token) {
  auto event = sync::decode_event(bytes);
  if (!event) return blotted(bytes, card);
  const Named named = named_in(*event);
  if (named.card == nullptr) return blotted(bytes, card);
  if (*named.card != card) return bytes;
  *named.card = token;
  return sync::encode(*event);
}

/// Events that are kept as they came, in hex. `rows`: id and event of those of `table` that may name the
/// card.
Result<void> erase_in_events(db::Transaction& transaction, const std::string& table,
                             const Result<db::Rows>& rows, const identity::Erased& erased) {
  if (!rows) return std::unexpected(rows.error());
  for (const db::Row& row : *rows) {
    const auto bytes = from_hex(row.text(1));
    if (!bytes) return fail(Errc::corrupt, "an event in " + table);
    auto updated =
        transaction.execute("UPDATE " + table + " SET event = $2 WHERE id = $1",
                            {row.text(0), to_hex(with_token(*bytes, *erased.card, *erased.token))});
    if (!updated) return failure(updated);
  }
  return {};
}

/// A return keeps its event only while it waits for its sale.
Result<void> erase_in_returns(db::Transaction& transaction, const identity::Erased& erased) {
  return erase_in_events(
      transaction, "sale_return",
      transaction.query("SELECT id, event FROM sale_return WHERE state = 'waiting' AND event LIKE $1",
                        {'%' + to_hex(erased.card->str()) + '%'}),
      erased);
}

Result<void> erase_in_letters(db::Transaction& transaction, const identity::Erased& erased) {
  auto done = erase_in_events(
      transaction, "dead_letter",
      transaction.query("SELECT id, event FROM dead_letter WHERE card IN ($1, '?') AND event LIKE $2",
                        {erased.card->str(), '%' + to_hex(erased.card->str()) + '%'}),
      erased);
  if (!done) return done;
  auto named =
      transaction.execute("UPDATE dead_letter SET card = NULL WHERE card = $1", {erased.card->str()});
  if (!named) return failure(named);
  return {};
}

std::string json_member(const CustomerId& card) {
  std::string text = "\"customerId\":";
  json::append_quoted(text, card.str());
  return text;
}

/// Of those from before it was written down whom they name there are none after 30 days.
Result<void> erase_in_outbox(db::Transaction& transaction, const identity::Erased& erased) {
  auto updated = transaction.execute(
      "UPDATE event_outbox SET data = REPLACE(data, $1, $2), card = NULL"
      " WHERE card IN ($3, '?') AND data <> REPLACE(data, $1, $2)",
      {json_member(*erased.card), json_member(*erased.token), erased.card->str()});
  if (!updated) return failure(updated);
  return {};
}

}  // namespace

Result<void> erase_card(db::Transaction& transaction, const identity::Erased& erased) {
  if (!erased.card) return {};
  for (const char* table : {"sale", "session_void", "reconcile_difference", "member"}) {
    auto updated =
        transaction.execute(std::string("UPDATE ") + table + " SET customer_id = $2 WHERE customer_id = $1",
                            {erased.card->str(), erased.token->str()});
    if (!updated) return failure(updated);
  }
  auto done = erase_in_returns(transaction, erased);
  if (done) done = erase_in_letters(transaction, erased);
  if (done) done = erase_in_outbox(transaction, erased);
  if (!done) return done;
  return ledger::rename_member(transaction, *erased.card, *erased.token);
}

Result<std::optional<WithoutErased>> without_erased(db::Transaction& transaction,
                                                    std::span<const ToldEvent> events, Millis clock_off) {
  const auto any = any_erased(transaction);
  if (!any) return std::unexpected(any.error());
  if (!*any) return std::nullopt;
  WithoutErased without{.changed = {}, .told = {events.begin(), events.end()}};
  std::set<CustomerId> cards;
  for (const ToldEvent& told : events) {
    sync::Event event = *told.event;
    if (const Named named = named_in(event); named.card != nullptr && !named.card->empty())
      cards.insert(*named.card);
  }
  const auto erasures = erasures_of(transaction, cards);
  if (!erasures) return std::unexpected(erasures.error());
  for (ToldEvent& told : without.told) {
    sync::Event event = *told.event;
    const Named named = named_in(event);
    const auto of_card = named.card == nullptr ? erasures->end() : erasures->find(*named.card);
    if (of_card == erasures->end()) continue;
    auto token = token_for(transaction, named, began_at(event, named) + clock_off, of_card->second);
    if (!token) return failure(token);
    if (!*token) continue;
    *named.card = std::move(**token);
    without.changed.push_back(std::move(event));
    told.event = &without.changed.back();
  }
  if (without.changed.empty()) return std::nullopt;
  return without;
}

Result<std::string> without_erased(db::Transaction& transaction, std::string_view bytes, Millis clock_off) {
  const auto event = sync::decode_event(bytes);
  if (!event) return std::string(bytes);
  const ToldEvent told{.event = &*event, .ids = nullptr, .bytes = bytes};
  auto without = without_erased(transaction, std::span(&told, 1), clock_off);
  if (!without) return failure(without);
  return *without ? sync::encode((*without)->changed.front()) : std::string(bytes);
}

std::string without_erased(const sync::Event& told, std::string_view bytes) {
  sync::Event decided = told;
  auto journalled = sync::decode_event(bytes);
  if (!journalled) return std::string(bytes);
  const Named named = named_in(decided);
  const Named before = named_in(*journalled);
  if (named.card == nullptr || before.card == nullptr || *named.card == *before.card)
    return std::string(bytes);
  return sync::encode(decided);
}

db::Value card_named_in(std::string_view bytes) {
  auto event = sync::decode_event(bytes);
  if (!event || std::holds_alternative<sync::UnknownEvent>(event->payload)) return std::string("?");
  const Named named = named_in(*event);
  if (named.card == nullptr || named.card->empty()) return nullptr;
  return named.card->str();
}

}  // namespace perkline::hub::ingest
