#include "bench/demo/reconcile.hpp"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "bench/fleet/web.hpp"
#include "shared/core/money.hpp"
#include "shared/json/writer.hpp"

namespace perkline::bench {
namespace {

Result<json::Document> get(WebCall request) {
  const auto answer = call(request);
  if (!answer || answer->status != 200) {
    return fail(Errc::io_failed,
                fmt::format("{}{} answered {}", request.origin, request.path, answer ? answer->status : 0));
  }
  return json::parse(answer->body);
}

std::int64_t minor_at(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  if (value == nullptr) return 0;
  const auto amount = parse_amount(value->text(), find_currency("USD").value());
  return amount ? amount->minor : 0;
}

Result<void> add_pdi(const Fleet& fleet, const std::unordered_map<std::string, std::size_t>& edge_of,
                     Reconciliation& all) {
  auto ledger = get({.origin = fleet.sandbox_url(), .path = "/sandbox/ledger", .ca_file = fleet.ca_file()});
  if (!ledger) return failure(ledger);
  const json::Value* items = ledger->root().find("items");
  if (items == nullptr) return fail(Errc::io_failed, "the sandbox's ledger has no items");
  std::unordered_map<std::string, std::size_t> booked;
  for (const json::Value& item : items->items()) {
    const std::string transaction = text_at(item, "transactionId");
    if (++booked[transaction] == 2) ++all.doubled_at_pdi;
    const auto edge = edge_of.find(transaction);
    if (edge == edge_of.end()) {
      ++all.unknown_to_tills;
      continue;
    }
    Account& account = all.stores[edge->second].pdi;
    ++account.sales;
    account.amount_minor += minor_at(item, "finalAmount");
    account.earned += integer_at(item, "earnedPoints");
    account.redeemed += integer_at(item, "redeemedPoints");
  }
  return {};
}

Result<void> add_hub(const Fleet& fleet, Reconciliation& all) {
  const auto token = fleet.log_in();
  if (!token) return std::unexpected(token.error());
  auto overview = get({.origin = fleet.hub_url(), .path = "/api/v1/stats/overview", .bearer = *token});
  if (!overview) return failure(overview);
  const json::Value* stores = overview->root().find("stores");
  if (stores == nullptr) return fail(Errc::io_failed, "the hub's overview has no stores");
  for (const json::Value& item : stores->items()) {
    const auto store = std::ranges::find(all.stores, text_at(item, "id"), &StoreAccounts::store);
    if (store == all.stores.end()) continue;
    store->hub = {.sales = static_cast<std::size_t>(integer_at(item, "sales")),
                  .amount_minor = minor_at(item, "amount"),
                  .earned = integer_at(item, "earnedPoints"),
                  .redeemed = integer_at(item, "redeemedPoints")};
    const json::Value* returns = item.find("returns");
    if (returns == nullptr) return fail(Errc::io_failed, "the hub's overview has no returns");
    store->hub_back = {.amount_minor = minor_at(*returns, "amount"),
                       .clawed_back = integer_at(*returns, "clawedBackPoints"),
                       .restored = integer_at(*returns, "restoredPoints")};
  }
  return {};
}

void add_till(const SoldBasket& sale, StoreAccounts& store) {
  ++store.tills.sales;
  store.tills.amount_minor += sale.amount.minor;
  store.tills.earned += sale.earned.count;
  store.tills.redeemed += sale.redeemed.count;
  if (!sale.back) return;
  store.tills_back.amount_minor += sale.back->amount.minor;
  store.tills_back.clawed_back += sale.back->clawed_back.count;
  store.tills_back.restored += sale.back->restored.count;
}

void learn_sale(const Fleet& fleet, SoldBasket& sale) {
  const auto answer = call({.origin = fleet.edge_url(sale.edge),
                            .path = "/v1/getSessionStatus?sessionId=" + sale.session,
                            .bearer = fleet.terminal_key(sale.edge)});
  if (!answer || answer->status != 200) return;
  const json::Document session = answer->json();
  if (text_at(session.root(), "status") != "finalized") return;
  sale.pending = false;
  sale.earned = Points{integer_at(session.root(), "earnedPoints")};
  sale.redeemed = Points{integer_at(session.root(), "redeemedPoints")};
}

/// The same return once more is answered with what it came to.
void learn_return(const Fleet& fleet, const SoldBasket& sale, GoodsBack& back) {
  json::Writer body;
  body.begin_object().field("originalTransactionId", sale.transaction.str());
  body.field("transactionId", back.transaction.str())
      .field("amount", format_amount(back.amount))
      .end_object();
  const auto answer = call({.method = "POST",
                            .origin = fleet.edge_url(sale.edge),
                            .path = "/v1/return",
                            .body = body.take(),
                            .bearer = fleet.terminal_key(sale.edge)});
  if (!answer || answer->status != 200) return;
  const json::Document told = answer->json();
  back.pending = false;
  back.clawed_back = Points{integer_at(told.root(), "clawedBackPoints")};
  back.restored = Points{integer_at(told.root(), "restoredPoints")};
}

}  // namespace

bool Reconciliation::agree() const {
  return doubled_at_pdi == 0 && unknown_to_tills == 0 && std::ranges::all_of(stores, &StoreAccounts::agree);
}

void learn_outcomes(const Fleet& fleet, std::vector<SoldBasket>& sold) {
  for (SoldBasket& sale : sold) {
    if (sale.pending) learn_sale(fleet, sale);
    if (!sale.pending && sale.back && sale.back->pending) learn_return(fleet, sale, *sale.back);
  }
}

Result<Reconciliation> reconcile(const Fleet& fleet, const std::vector<SoldBasket>& sold) {
  Reconciliation all;
  for (std::size_t i = 0; i < fleet.edges(); ++i)
    all.stores.push_back({.store = fleet.store_id(i), .tills = {}, .pdi = {}, .hub = {}});
  std::unordered_map<std::string, std::size_t> edge_of;
  for (const SoldBasket& sale : sold) {
    edge_of.emplace(sale.transaction.str(), sale.edge);
    add_till(sale, all.stores[sale.edge]);
  }
  if (auto added = add_pdi(fleet, edge_of, all); !added) return failure(added);
  if (auto added = add_hub(fleet, all); !added) return failure(added);
  return all;
}

std::string to_table(const Reconciliation& reconciliation) {
  const Currency currency = find_currency("USD").value();
  const auto amount = [currency](std::int64_t minor) { return format_amount({minor, currency}); };
  constexpr const char* row_format = "{:<10} {:<6} {:>7} {:>14} {:>14} {:>9} {:>12} {:>12} {:>9}\n";
  std::string table = fmt::format(row_format, "store", "says", "sales", "amount", "points earned", "redeemed",
                                  "returned", "clawed back", "restored");
  const auto row = [&](const std::string& store, const char* party, const Account& account,
                       const ReturnAccount* back) {
    table += fmt::format(row_format, store, party, account.sales, amount(account.amount_minor),
                         account.earned, account.redeemed, back ? amount(back->amount_minor) : "-",
                         back ? std::to_string(back->clawed_back) : "-",
                         back ? std::to_string(back->restored) : "-");
  };
  for (const StoreAccounts& store : reconciliation.stores) {
    row(store.store, "tills", store.tills, &store.tills_back);
    row("", "PDI", store.pdi, nullptr);
    row("", "hub", store.hub, &store.hub_back);
    table += fmt::format("{:<10} {}\n", "", store.agree() ? "all three agree" : "THEY DIFFER");
  }
  if (reconciliation.doubled_at_pdi > 0)
    table += fmt::format("{} transactions are booked TWICE at PDI\n", reconciliation.doubled_at_pdi);
  if (reconciliation.unknown_to_tills > 0) {
    table += fmt::format("{} transactions at PDI that no till knows of\n", reconciliation.unknown_to_tills);
  }
  return table;
}

}  // namespace perkline::bench
