#include "edge/session/session_record.hpp"

#include <algorithm>

#include "edge/journal/record_format.hpp"
#include "edge/session/session.pb.h"
#include "shared/core/bytes.hpp"

namespace perkline::edge::session {
namespace {

constexpr unsigned char format_newest = 1;
constexpr unsigned char archive_format_newest = 1;
constexpr std::size_t archive_head_bytes = 9;

std::int64_t millis_of(WallTime time) {
  return time.time_since_epoch().count();
}

WallTime wall_of(std::int64_t millis) {
  return WallTime(Millis(millis));
}

// ---- to the record

void fill(stored::Answer& out, const Answer& answer) {
  out.set_status(static_cast<std::uint32_t>(answer.status));
  out.set_body(answer.body);
}

void fill(stored::Basket& out, const Basket& basket) {
  out.set_amount_minor(basket.amount.minor);
  for (const pdi::Item& item : basket.items) {
    stored::Item& to = *out.add_items();
    to.set_sku(item.sku);
    to.set_quantity_thousandths(item.quantity.thousandths);
    if (item.unit_price) to.set_unit_price_minor(item.unit_price->minor);
    to.set_category(item.category);
  }
}

void fill(stored::Sale& out, const Sale& sale) {
  out.set_final_amount_minor(sale.final_amount.minor);
  out.set_apply_rewards(sale.apply_rewards);
  if (sale.redeem) out.set_redeem_points(sale.redeem->count);
}

void fill(stored::Return& out, const Return& goods) {
  out.set_id(goods.id.str());
  out.set_transaction(goods.transaction.str());
  out.set_amount_minor(goods.amount.minor);
  out.set_receipt(goods.receipt.str());
  out.set_returned_at(millis_of(goods.returned_at));
  if (goods.points) {
    out.set_clawed_back(goods.points->clawed_back);
    out.set_restored(goods.points->restored);
  }
  fill(*out.mutable_answer(), goods.answer);
}

void fill(stored::Spin& out, const Spin& spin) {
  out.set_id(spin.id.bytes.data(), spin.id.bytes.size());
  out.set_client_seed(spin.client_seed);
  out.set_drawn_at(millis_of(spin.drawn_at));
  fill(*out.mutable_answer(), spin.answer);
}

void fill(stored::Decision& out, const Decision& decision) {
  out.set_at(millis_of(decision.at));
  out.set_kind(static_cast<std::uint32_t>(decision.kind));
  out.set_actor(decision.actor);
  out.set_reason(decision.reason);
}

void fill_who(stored::Session& out, const Session& session) {
  out.set_id(session.id.str());
  out.set_store(session.store.str());
  out.set_customer(session.customer.str());
  out.set_channel(session.channel.str());
  out.set_transaction(session.transaction.str());
  out.set_provider_session(session.provider_session.str());
  out.set_currency(std::string(session.currency.code()));
  out.set_customer_name(session.customer_name);
  out.set_current_points(session.current_points.count);
  out.set_tier(session.tier);
}

void fill_course(stored::Session& out, const Session& session) {
  out.set_status(static_cast<std::uint32_t>(session.status));
  out.set_version(session.version);
  out.set_mode(static_cast<std::uint32_t>(session.mode));
  out.set_acknowledged(session.acknowledged);
  out.set_created_at(millis_of(session.created_at));
  if (session.after_restore) out.set_after_restore(millis_of(*session.after_restore));
  out.set_expires_at(millis_of(session.expires_at));
  if (session.pending_at) out.set_pending_at(millis_of(*session.pending_at));
  if (session.finalized_at) out.set_finalized_at(millis_of(*session.finalized_at));
  out.set_attempts(session.attempts);
  if (session.next_attempt_at) out.set_next_attempt_at(millis_of(*session.next_attempt_at));
  for (const auto& [name, value] : session.metadata) {
    stored::Metadata& to = *out.add_metadata();
    to.set_name(name);
    to.set_value(value);
  }
  for (const Decision& decision : session.audit) fill(*out.add_audit(), decision);
  out.set_traceparent(session.traceparent);
}

void fill_outcome(stored::Session& out, const Session& session) {
  out.set_earned_points(session.earned.count);
  out.set_redeemed_points(session.redeemed.count);
  if (session.new_balance) out.set_new_balance(session.new_balance->count);
  out.set_receipt(session.receipt.str());
  if (session.receipt_lines) {
    stored::ReceiptLines& to = *out.mutable_receipt_lines();
    for (const std::string& line : *session.receipt_lines) to.add_lines(line);
  }
  if (session.refusal) {
    out.mutable_refusal()->set_code(session.refusal->code);
    out.mutable_refusal()->set_message(session.refusal->message);
  }
  out.set_reason(session.reason);
  out.set_priced_at_pdi(session.priced_at_pdi);
  out.set_rules_version(session.rules_version);
}

// ---- and back

Answer answer_of(const stored::Answer& in) {
  return {.status = static_cast<int>(in.status()), .body = in.body()};
}

Basket basket_of(const stored::Basket& in, Currency currency) {
  Basket basket{.amount = {in.amount_minor(), currency}, .items = {}};
  basket.items.reserve(static_cast<std::size_t>(in.items_size()));
  for (const stored::Item& item : in.items()) {
    pdi::Item to{.sku = item.sku(),
                 .quantity = {item.quantity_thousandths()},
                 .unit_price = {},
                 .category = item.category()};
    if (item.has_unit_price_minor()) to.unit_price = Money{item.unit_price_minor(), currency};
    basket.items.push_back(std::move(to));
  }
  return basket;
}

Sale sale_of(const stored::Sale& in, Currency currency) {
  Sale sale{.final_amount = {in.final_amount_minor(), currency}, .apply_rewards = in.apply_rewards()};
  // Earlier versions also kept a 0.
  if (in.redeem_points() != 0) sale.redeem = Points{in.redeem_points()};
  return sale;
}

Return return_of(const stored::Return& in, Currency currency) {
  Return goods{.id = ReturnId(in.id()),
               .transaction = TransactionId(in.transaction()),
               .amount = {in.amount_minor(), currency},
               .receipt = ReceiptId(in.receipt()),
               .returned_at = wall_of(in.returned_at()),
               .answer = answer_of(in.answer())};
  if (in.has_clawed_back() && in.has_restored()) goods.points = {in.clawed_back(), in.restored()};
  return goods;
}

Spin spin_of(const stored::Spin& in) {
  Spin spin{
      .client_seed = in.client_seed(), .drawn_at = wall_of(in.drawn_at()), .answer = answer_of(in.answer())};
  std::ranges::copy(in.id(), spin.id.bytes.begin());
  return spin;
}

void read_who(const stored::Session& in, Session& session) {
  session.id = SessionId(in.id());
  session.store = StoreId(in.store());
  session.customer = CustomerId(in.customer());
  session.channel = ChannelId(in.channel());
  session.transaction = TransactionId(in.transaction());
  session.provider_session = ProviderSessionId(in.provider_session());
  session.customer_name = in.customer_name();
  session.current_points = Points{in.current_points()};
  session.tier = in.tier();
}

void read_course(const stored::Session& in, Session& session) {
  session.status = static_cast<Status>(in.status());
  session.version = in.version();
  session.mode = static_cast<Mode>(in.mode());
  session.acknowledged = in.acknowledged();
  session.created_at = wall_of(in.created_at());
  if (in.has_after_restore()) session.after_restore = wall_of(in.after_restore());
  session.expires_at = wall_of(in.expires_at());
  if (in.has_pending_at()) session.pending_at = wall_of(in.pending_at());
  if (in.has_finalized_at()) session.finalized_at = wall_of(in.finalized_at());
  session.attempts = in.attempts();
  if (in.has_next_attempt_at()) session.next_attempt_at = wall_of(in.next_attempt_at());
  for (const stored::Metadata& entry : in.metadata())
    session.metadata.emplace_back(entry.name(), entry.value());
  for (const stored::Decision& decision : in.audit()) {
    session.audit.push_back({.at = wall_of(decision.at()),
                             .kind = static_cast<DecisionKind>(decision.kind()),
                             .actor = decision.actor(),
                             .reason = decision.reason()});
  }
  session.traceparent = in.traceparent();
}

void read_outcome(const stored::Session& in, Session& session) {
  if (in.has_basket()) session.basket = basket_of(in.basket(), session.currency);
  if (in.has_sale()) session.sale = sale_of(in.sale(), session.currency);
  session.earned = Points{in.earned_points()};
  session.redeemed = Points{in.redeemed_points()};
  if (in.has_new_balance()) session.new_balance = Points{in.new_balance()};
  session.receipt = ReceiptId(in.receipt());
  if (in.has_receipt_lines()) {
    const auto& lines = in.receipt_lines().lines();
    session.receipt_lines.emplace(lines.begin(), lines.end());
  }
  if (in.has_refusal()) session.refusal = ProviderFault{in.refusal().code(), in.refusal().message()};
  session.reason = in.reason();
  session.priced_at_pdi = in.priced_at_pdi();
  session.rules_version = in.rules_version();
  session.identify_answer = answer_of(in.identify_answer());
  if (in.has_calculate_answer()) session.calculate_answer = answer_of(in.calculate_answer());
  if (in.has_finalize_answer()) session.finalize_answer = answer_of(in.finalize_answer());
  for (const stored::Return& goods : in.returns())
    session.returns.push_back(return_of(goods, session.currency));
  if (in.has_spin()) session.spin = spin_of(in.spin());
}

bool is_plausible(const stored::Session& in) {
  const bool audited = std::ranges::all_of(in.audit(), [](const stored::Decision& decision) {
    return decision.kind() >= 1 && decision.kind() <= decision_kind_count;
  });
  const bool spun = !in.has_spin() || in.spin().id().size() == Uuid{}.bytes.size();
  return audited && spun && is_session_id(in.id()) && in.status() >= 1 && in.status() <= status_count &&
         in.version() >= 1 && in.mode() >= 1 && in.mode() <= static_cast<std::uint32_t>(Mode::standin);
}

}  // namespace

std::string encode(const Session& session) {
  // One for all, so that its texts' memory is used again: a new one takes some 30 allocations each time.
  thread_local stored::Session out;
  out.Clear();
  fill_who(out, session);
  fill_course(out, session);
  fill_outcome(out, session);
  if (session.basket) fill(*out.mutable_basket(), *session.basket);
  if (session.sale) fill(*out.mutable_sale(), *session.sale);
  fill(*out.mutable_identify_answer(), session.identify_answer);
  if (session.calculate_answer) fill(*out.mutable_calculate_answer(), *session.calculate_answer);
  if (session.finalize_answer) fill(*out.mutable_finalize_answer(), *session.finalize_answer);
  for (const Return& goods : session.returns) fill(*out.add_returns(), goods);
  if (session.spin) fill(*out.mutable_spin(), *session.spin);
  return journal::with_format(format_newest, out);
}

Result<Session> decode(std::string_view record) {
  const auto in = journal::without_format<stored::Session>(format_newest, record);
  if (!in) return std::unexpected(in.error());
  if (!is_plausible(*in)) return fail(Errc::corrupt, "a session record that is none");
  const auto currency = find_currency(in->currency());
  if (!currency) return fail(Errc::corrupt, "a session record without a currency");

  Session session{.currency = *currency};
  read_who(*in, session);
  read_course(*in, session);
  read_outcome(*in, session);
  return session;
}

std::string encode_archived(const Session& session, WallTime archived_at) {
  std::string record(1, archive_format_newest);
  append_u64(record, static_cast<std::uint64_t>(std::max<std::int64_t>(0, millis_of(archived_at))));
  return record + encode(session);
}

Result<Kept> decode_archived(std::string_view record) {
  const unsigned char format = record.empty() ? 0 : static_cast<unsigned char>(record.front());
  if (format > archive_format_newest) return fail(Errc::newer_format, "an archive record of a newer version");
  if (format == 0 || record.size() < archive_head_bytes)
    return fail(Errc::corrupt, "an archive record that is none");
  auto session = decode(record.substr(archive_head_bytes));
  if (!session) return failure(session);
  return Kept{.session = std::move(*session),
              .archived_at = wall_of(static_cast<std::int64_t>(read_u64(record.substr(1))))};
}

std::string encode(const ForeignReturn& foreign) {
  stored::ForeignReturn out;
  out.set_original_store(foreign.original_store.str());
  out.set_original_transaction(foreign.original_transaction.str());
  out.set_currency(std::string(foreign.goods.amount.currency.code()));
  fill(*out.mutable_goods(), foreign.goods);
  return journal::with_format(format_newest, out);
}

Result<ForeignReturn> decode_foreign_return(std::string_view record) {
  const auto in = journal::without_format<stored::ForeignReturn>(format_newest, record);
  if (!in) return std::unexpected(in.error());
  const auto currency = find_currency(in->currency());
  if (!currency || !is_return_id(in->goods().id()))
    return fail(Errc::corrupt, "a return's record that is none");
  return ForeignReturn{.original_store = StoreId(in->original_store()),
                       .original_transaction = TransactionId(in->original_transaction()),
                       .goods = return_of(in->goods(), *currency)};
}

}  // namespace perkline::edge::session
