#include "hub/ingest/event_text.hpp"

#include "shared/sync/event.hpp"

namespace perkline::hub::ingest {
namespace {

using Fields = std::vector<std::pair<std::string_view, std::string>>;

class Teller {
 public:
  explicit Teller(Fields& out) : out_(out) {}

  void operator()(const sync::SaleFinalized& sale) {
    names(sale.session, sale.transaction, sale.customer);
    add("channel", sale.channel.str());
    add("amount", sale.amount);
    add("earned", sale.earned);
    add("redeemed", sale.redeemed);
    add("newBalance", sale.new_balance);
    add("tier", sale.tier);
    add("receipt", sale.receipt.str());
    add("rulesVersion", sale.rules_version);
    add("finalizedAt", sale.finalized_at);
  }
  void operator()(const sync::SaleSettled& settled) { (*this)(settled.sale); }
  void operator()(const sync::SalePending& sale) {
    names(sale.session, sale.transaction, sale.customer);
    add("channel", sale.channel.str());
    add("amount", sale.amount);
    add("earned", sale.earned);
    add("redeemed", sale.redeemed);
    add("tier", sale.tier);
    add("receipt", sale.receipt.str());
    add("rulesVersion", sale.rules_version);
    add("pendingAt", sale.pending_at);
  }
  void operator()(const sync::SaleRejected& rejected) {
    names(rejected.session, rejected.transaction, rejected.customer);
    add("pdiCode", rejected.pdi_code);
    add("reason", rejected.reason);
    add("rejectedAt", rejected.rejected_at);
  }
  void operator()(const sync::SaleReturned& returned) {
    add("return", returned.id.str());
    names(returned.session, returned.transaction, returned.customer);
    add("originalTransaction", returned.original_transaction.str());
    add("originalStore", returned.original_store.str());
    add("amount", returned.amount);
    if (returned.figures) {
      add("clawedBack", returned.figures->clawed_back);
      add("restored", returned.figures->restored);
    }
    add("returnedAt", returned.returned_at);
  }
  void operator()(const sync::SessionVoided& voided) {
    names(voided.session, voided.transaction, voided.customer);
    add("channel", voided.channel.str());
    add("reason", voided.reason);
    add("voidedAt", voided.voided_at);
  }
  void operator()(const sync::ReconcileDifference& difference) {
    names(difference.session, difference.transaction, difference.customer);
    add("ours", difference.ours);
    add("pdi", difference.pdi);
    add("foundAt", difference.found_at);
  }
  void operator()(const sync::MemberErased& erased) {
    add("erasure", erased.erasure.str());
    add("erasedAt", erased.erased_at);
  }
  void operator()(const sync::SpinDrawn& drawn) {
    add("spin", drawn.spin.str());
    names(drawn.session, drawn.transaction, drawn.customer);
    add("prize", drawn.prize);
    add("commitment", to_hex(drawn.commitment));
    add("nonce", std::to_string(drawn.nonce));
    add("lease", drawn.lease);
    if (!drawn.lease.empty()) add("ordinal", std::to_string(drawn.ordinal));
    add("drawnAt", drawn.drawn_at);
  }
  void operator()(const sync::PromotionClaimed& claimed) {
    add("claim", claimed.claim.str());
    names({}, claimed.transaction, claimed.customer);
    add("promotion", claimed.promotion.str());
    add("claimedAt", claimed.claimed_at);
  }
  void operator()(const sync::LeaseReturned& returned) {
    add("lease", returned.lease);
    add("returned", std::to_string(returned.returned));
  }
  void operator()(const sync::SpinDropped& dropped) {
    add("spin", dropped.spin.str());
    add("customer", dropped.customer.str());
  }
  void operator()(const sync::UnknownEvent& unknown) { add("typeNumber", std::to_string(unknown.type)); }

  void add(std::string_view name, std::string value) {
    if (!value.empty()) out_.emplace_back(name, std::move(value));
  }
  void add(std::string_view name, WallTime time) { add(name, format_time(time)); }

 private:
  void names(const SessionId& session, const TransactionId& transaction, const CustomerId& customer) {
    add("session", session.str());
    add("transaction", transaction.str());
    add("customer", customer.str());
  }
  void add(std::string_view name, const Money& amount) {
    add(name, format_amount(amount) + ' ' + std::string(amount.currency.code()));
  }
  void add(std::string_view name, Points points) { add(name, std::to_string(points.count)); }

  Fields& out_;
};

}  // namespace

Fields fields_of_event(std::string_view bytes) {
  Fields fields;
  const auto event = sync::decode_event(bytes);
  if (!event) return fields;
  Teller teller(fields);
  teller.add("eventType", std::string(sync::type_name(event->payload)));
  teller.add("eventId", event->id.str());
  teller.add("time", event->time);
  teller.add("traceparent", event->traceparent);
  std::visit(teller, event->payload);
  return fields;
}

}  // namespace perkline::hub::ingest
