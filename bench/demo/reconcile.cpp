#include "bench/demo/reconcile.hpp"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "bench/fleet/web.hpp"
#include "shared/core/money.hpp"

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
  }
  return {};
}

}  // namespace

bool Reconciliation::agree() const {
  return doubled_at_pdi == 0 && unknown_to_tills == 0 && std::ranges::all_of(stores, &StoreAccounts::agree);
}

void learn_outcomes(const Fleet& fleet, std::vector<SoldBasket>& sold) {
  for (SoldBasket& sale : sold) {
    if (!sale.pending) continue;
    const auto answer = call({.origin = fleet.edge_url(sale.edge),
                              .path = "/v1/getSessionStatus?sessionId=" + sale.session,
                              .bearer = fleet.terminal_key(sale.edge)});
    if (!answer || answer->status != 200) continue;
    const json::Document session = answer->json();
    if (text_at(session.root(), "status") != "finalized") continue;
    sale.pending = false;
    sale.earned = Points{integer_at(session.root(), "earnedPoints")};
    sale.redeemed = Points{integer_at(session.root(), "redeemedPoints")};
  }
}

Result<Reconciliation> reconcile(const Fleet& fleet, const std::vector<SoldBasket>& sold) {
  Reconciliation all;
  for (std::size_t i = 0; i < fleet.edges(); ++i)
    all.stores.push_back({.store = fleet.store_id(i), .tills = {}, .pdi = {}, .hub = {}});
  std::unordered_map<std::string, std::size_t> edge_of;
  for (const SoldBasket& sale : sold) {
    edge_of.emplace(sale.transaction.str(), sale.edge);
    Account& account = all.stores[sale.edge].tills;
    ++account.sales;
    account.amount_minor += sale.amount.minor;
    account.earned += sale.earned.count;
    account.redeemed += sale.redeemed.count;
  }
  if (auto added = add_pdi(fleet, edge_of, all); !added) return failure(added);
  if (auto added = add_hub(fleet, all); !added) return failure(added);
  return all;
}

std::string to_table(const Reconciliation& reconciliation) {
  const Currency currency = find_currency("USD").value();
  std::string table = fmt::format("{:<10} {:<8} {:>10} {:>16} {:>14} {:>14}\n", "store", "says", "sales",
                                  "amount", "points earned", "redeemed");
  const auto row = [&](const std::string& store, const char* party, const Account& account) {
    table += fmt::format("{:<10} {:<8} {:>10} {:>16} {:>14} {:>14}\n", store, party, account.sales,
                         format_amount({account.amount_minor, currency}), account.earned, account.redeemed);
  };
  for (const StoreAccounts& store : reconciliation.stores) {
    row(store.store, "tills", store.tills);
    row("", "PDI", store.pdi);
    row("", "hub", store.hub);
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
