#include "hub/api/wallet_routes.hpp"

#include "hub/api/add_route.hpp"
#include "hub/api/page.hpp"
#include "hub/api/path_id.hpp"
#include "hub/api/wallet_input.hpp"
#include "hub/wallet/cause.hpp"

namespace perkline::hub::api {
namespace {

using wallet::Balance;
using wallet::Booked;
using wallet::Cause;
using wallet::Entry;
using wallet::Hold;

constexpr std::string_view list_name = "wallet-entries";
constexpr std::string_view transfers_path = "/api/v1/wallet/transfers";
constexpr std::string_view credits_path = "/api/v1/wallet/credits";
constexpr std::string_view debits_path = "/api/v1/wallet/debits";
constexpr std::string_view holds_path = "/api/v1/wallet/holds";

/// What is common to all movements' answers; the caller goes on and ends the object.
json::Writer begin_answer(const Booked& booked) {
  json::Writer out;
  out.begin_object().field("id", booked.id).field("amount", format_amount(booked.amount));
  out.field("currency", booked.amount.currency.code()).field("createdAt", format_time(booked.at));
  out.key("balance");
  write_balance(out, booked.balance);
  return out;
}

net::Response transferred(const Booked& booked, const wallet::Transfer& transfer) {
  json::Writer out = begin_answer(booked);
  // By their id: the answer is kept, and their address is theirs to have forgotten.
  out.field("from", transfer.from.str()).field("to", booked.payee->str()).key("note");
  transfer.note.empty() ? out.null() : out.value(transfer.note);
  out.end_object();
  return net::json_response(201, out.take());
}

net::Response adjusted(const Booked& booked, const wallet::Adjustment& adjustment) {
  json::Writer out = begin_answer(booked);
  out.field("userId", booked.user.str()).field("reason", adjustment.reason).end_object();
  return net::json_response(201, out.take());
}

net::Response shown(int status, const Hold& hold) {
  json::Writer out;
  out.begin_object().field("id", hold.id).field("userId", hold.user.str());
  out.field("amount", format_amount(hold.amount)).field("currency", hold.amount.currency.code());
  out.field("state", hold.state).key("captured");
  hold.captured ? out.value(format_amount(*hold.captured)) : out.null();
  out.field("createdAt", format_time(hold.created_at)).field("expiresAt", format_time(hold.expires_at));
  out.key("balance");
  write_balance(out, hold.balance);
  out.end_object();
  return net::json_response(status, out.take());
}

/// What staff or a member does; the actor is left out where nobody is to be audited.
Cause cause_of(const net::Request& request, UuidMaker& ids, const Clock& clock) {
  const bool member = identity::find_role(request.principal.role) == identity::Role::member;
  return wallet::make_cause(ids, clock.wall_now(), request.traceparent,
                            member ? "" : "user:" + request.principal.id);
}

using Adjust = Result<Booked> (*)(db::Transaction&, const Cause&, const wallet::Adjustment&);

Task<net::Response> adjust(const WalletRoutes::Parts& parts, net::Request request, std::string_view path,
                           Adjust how) {
  auto call = read_keyed(request, path, read_adjustment);
  if (!call) co_return net::problem_response(call.error(), request.traceparent);
  call->first.about = call->second.user;
  Cause cause = cause_of(request, parts.ids, parts.clock);
  auto effect = [how, cause = std::move(cause), adjustment = std::move(call->second)](
                    db::Transaction& transaction) -> Result<net::Response> {
    auto booked = how(transaction, cause, adjustment);
    if (!booked) return failure(booked);
    return adjusted(*booked, adjustment);
  };
  co_return co_await parts.calls.answer(std::move(call->first), request.traceparent, std::move(effect));
}

}  // namespace

void WalletRoutes::add_to(net::Router& router) {
  using Handle = Task<net::Response> (WalletRoutes::*)(net::Request);
  const auto add = [this, &router](net::Method method, std::string_view pattern, Handle handle) {
    add_route(router, method, pattern,
              [this, handle](net::Request request) { return (this->*handle)(std::move(request)); });
  };
  add(net::Method::get, "/api/v1/wallet", &WalletRoutes::show_balances);
  add(net::Method::get, "/api/v1/wallet/entries", &WalletRoutes::list_entries);
  add(net::Method::post, transfers_path, &WalletRoutes::transfer);
  add(net::Method::post, credits_path, &WalletRoutes::credit);
  add(net::Method::post, debits_path, &WalletRoutes::debit);
  add(net::Method::post, holds_path, &WalletRoutes::hold);
  add(net::Method::post, "/api/v1/wallet/holds/{id}/capture", &WalletRoutes::capture);
  add(net::Method::post, "/api/v1/wallet/holds/{id}/release", &WalletRoutes::release);
}

Task<net::Response> WalletRoutes::show_balances(net::Request request) {
  const UserId user(request.principal.id);
  auto balances = co_await db::read_for<std::vector<Balance>>(
      parts_.database, [&user, programme = parts_.programme](db::Transaction& transaction) {
        return wallet::balances_of(transaction, user, programme);
      });
  if (!balances) co_return net::problem_response(balances.error(), request.traceparent);
  json::Writer out;
  out.begin_object().key("balances").begin_array();
  for (const Balance& balance : *balances) write_balance(out, balance);
  out.end_array().end_object();
  co_return net::json_response(200, out.take());
}

Task<net::Response> WalletRoutes::list_entries(net::Request request) {
  const auto page = read_page(request, list_name);
  if (!page) co_return net::problem_response(page.error(), request.traceparent);
  const UserId user(request.principal.id);
  auto entries = co_await db::read_for<std::vector<Entry>>(
      parts_.database, [&user, &page](db::Transaction& transaction) {
        return wallet::entries_of(transaction, user, page->wanted(), page->below());
      });
  if (!entries) co_return net::problem_response(entries.error(), request.traceparent);
  co_return net::json_response(200, page_json(list_name, *entries, page->wanted(), &wallet::write_entry,
                                              [](const Entry& entry) { return std::to_string(entry.id); }));
}

Task<net::Response> WalletRoutes::transfer(net::Request request) {
  auto call = read_keyed(request, transfers_path, [&](json::Fields& fields, const json::Value& root) {
    return read_transfer(fields, root, UserId(request.principal.id));
  });
  if (!call) co_return net::problem_response(call.error(), request.traceparent);
  // Refused within: what was answered under this key before comes first.
  auto effect = [cause = cause_of(request, parts_.ids, parts_.clock),
                 may = parts_.attempts.may_name_payee(request.principal.id, request.peer),
                 transfer = std::move(call->second)](db::Transaction& transaction) -> Result<net::Response> {
    if (!may) return std::unexpected(may.error());
    auto booked = wallet::transfer(transaction, cause, transfer);
    if (!booked) return failure(booked);
    return transferred(*booked, transfer);
  };
  auto answer = co_await parts_.calls.answer(std::move(call->first), request.traceparent, std::move(effect));
  if (answer.status == 404) parts_.attempts.note_unknown_payee(request.principal.id, request.peer);
  co_return answer;
}

Task<net::Response> WalletRoutes::credit(net::Request request) {
  return adjust(parts_, std::move(request), credits_path, &wallet::credit);
}

Task<net::Response> WalletRoutes::debit(net::Request request) {
  return adjust(parts_, std::move(request), debits_path, &wallet::debit);
}

Task<net::Response> WalletRoutes::hold(net::Request request) {
  auto call = read_keyed(request, holds_path, read_hold_order);
  if (!call) co_return net::problem_response(call.error(), request.traceparent);
  auto effect = [cause = cause_of(request, parts_.ids, parts_.clock),
                 order = std::move(call->second)](db::Transaction& transaction) -> Result<net::Response> {
    auto held = wallet::hold(transaction, cause, order);
    if (!held) return failure(held);
    return shown(201, *held);
  };
  co_return co_await parts_.calls.answer(std::move(call->first), request.traceparent, std::move(effect));
}

Task<net::Response> WalletRoutes::capture(net::Request request) {
  const auto id = uuid_in_path(request, 0, "hold");
  if (!id) co_return net::problem_response(id.error(), request.traceparent);
  const auto amount = read_capture(request.body);
  if (!amount) co_return net::problem_response(amount.error(), request.traceparent);
  const Cause cause = cause_of(request, parts_.ids, parts_.clock);
  auto captured =
      co_await db::write_for<Hold>(parts_.database, [&cause, &id, &amount](db::Transaction& transaction) {
        return wallet::capture(transaction, cause, *id, *amount);
      });
  if (!captured) co_return net::problem_response(captured.error(), request.traceparent);
  co_return shown(200, *captured);
}

Task<net::Response> WalletRoutes::release(net::Request request) {
  const auto id = uuid_in_path(request, 0, "hold");
  if (!id) co_return net::problem_response(id.error(), request.traceparent);
  const Cause cause = cause_of(request, parts_.ids, parts_.clock);
  auto released = co_await db::write_for<Hold>(parts_.database, [&cause, &id](db::Transaction& transaction) {
    return wallet::release(transaction, cause, *id);
  });
  if (!released) co_return net::problem_response(released.error(), request.traceparent);
  co_return shown(200, *released);
}

}  // namespace perkline::hub::api
