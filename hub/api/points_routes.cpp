#include "hub/api/points_routes.hpp"

#include <algorithm>
#include <vector>

#include "hub/api/add_route.hpp"
#include "hub/api/page.hpp"
#include "hub/identity/audit.hpp"
#include "hub/identity/user.hpp"
#include "hub/points/balance.hpp"
#include "hub/points/notes.hpp"
#include "hub/points/purse.hpp"
#include "shared/core/limits.hpp"
#include "shared/json/fields.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub::api {
namespace {

using points::Balance;
using points::Holder;

constexpr std::string_view history_list = "points-history";
constexpr std::size_t external_id_bytes_max = 128;
constexpr std::size_t item_bytes_max = 200;

/// Whose points are asked for: by exactly one of them.
struct Owner {
  std::optional<UserId> user;
  std::optional<CustomerId> customer;
};

/// What cannot be anybody's id is asked for in vain: nobody has it.
bool may_be_id(std::string_view text) {
  return !text.empty() && text.size() <= limits::id_bytes_max &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

Result<Owner> owner_in(const net::Request& request) {
  const auto user = request.query_value("userId");
  const auto customer = request.query_value("customerId");
  const auto role = identity::find_role(request.principal.role);
  if (role == identity::Role::member) {
    // A member names nobody but itself, and learns nothing of whether others exist.
    if (customer || (user && *user != request.principal.id)) return fail(Errc::not_found, "no such member");
    return Owner{.user = UserId(request.principal.id), .customer = std::nullopt};
  }
  if (user.has_value() == customer.has_value()) {
    const std::string message = "give exactly one of userId and customerId";
    return fail(json::validation_error({{"userId", message}, {"customerId", message}}));
  }
  if (!may_be_id(user ? *user : *customer)) return fail(Errc::not_found, "no such member");
  if (user) return Owner{.user = UserId(*user), .customer = std::nullopt};
  return Owner{.user = std::nullopt, .customer = CustomerId(*customer)};
}

/// Errors: not_found, the database's.
Result<Holder> find_holder(db::Transaction& transaction, const Owner& owner) {
  if (owner.customer) {
    auto holder = points::holder_of_card(transaction, *owner.customer);
    if (!holder) return failure(holder);
    if (!*holder) return fail(Errc::not_found, "no such member");
    return std::move(**holder);
  }
  auto user = identity::find_user(transaction, *owner.user);
  if (!user) return failure(user);
  if (!*user) return fail(Errc::not_found, "no such user");
  return Holder{.user = owner.user, .card = (*user)->loyalty_id, .verified = (*user)->loyalty_verified};
}

std::string answer_of(const Balance& balance) {
  const Balance::Rewards& rewards = balance.rewards;
  json::Writer out;
  out.begin_object();
  out.field("balance", balance.balance).field("pending", balance.pending);
  out.field("expiringSoon", balance.expiring_soon).field("owed", balance.owed);
  out.key("rewards").begin_object();
  out.field("net", rewards.net).field("pending", rewards.pending).field("owed", rewards.owed);
  out.key("pdiBalance");
  rewards.pdi_balance ? out.value(*rewards.pdi_balance) : out.null();
  out.key("asOf");
  rewards.as_of ? out.value(format_time(*rewards.as_of)) : out.null();
  out.end_object();
  out.field("tier", balance.tier);
  out.end_object();
  return out.take();
}

void write_entry(json::Writer& out, const ledger::Entry& entry, std::string_view reason) {
  out.begin_object().field("id", std::to_string(entry.id));
  out.field("purse", entry.unit == ledger::rewards_unit ? "rewards" : "points");
  out.field("delta", entry.delta).key("balanceAfter");
  entry.balance_after ? out.value(*entry.balance_after) : out.null();
  out.field("reason", reason).field("externalId", entry.external_id).key("storeId");
  entry.other_kind == "store" ? out.value(entry.other_id) : out.null();
  out.key("meta").raw(entry.meta);
  out.field("createdAt", format_time(entry.created_at)).end_object();
}

struct History {
  std::vector<ledger::Entry> entries;
  points::Notes notes;
};

net::Response created(const ledger::Entry& entry, std::string_view reason) {
  json::Writer out;
  write_entry(out, entry, reason);
  return net::json_response(201, out.take());
}

points::Application read_application(json::Fields& fields, const json::Value&) {
  points::Application application;
  application.user = UserId(fields.required_id("userId"));
  const std::size_t faults = fields.fault_count();
  application.delta = fields.required_integer("delta", -points_max.count, points_max.count);
  if (application.delta == 0 && fields.fault_count() == faults) fields.fault("delta", "must not be 0");
  application.reason = fields.required_text("reason");
  application.external_id =
      fields.required_text("externalId", {.bytes_min = 1, .bytes_max = external_id_bytes_max});
  return application;
}

struct Wanted {
  std::int64_t amount = 0;
  std::string item;
};
Wanted read_purchase(json::Fields& fields, const json::Value&) {
  return {.amount = fields.required_integer("amount", 1, points_max.count),
          .item = fields.required_text("item", {.bytes_min = 1, .bytes_max = item_bytes_max})};
}

identity::AuditEntry audit_of(const points::Application& application, const Uuid& id, WallTime at,
                              std::string actor) {
  json::Writer detail;
  // The audit is for ever: what was written to it is in the note of that id.
  detail.begin_object().field("delta", application.delta);
  detail.field("externalId", application.external_id).end_object();
  return {.id = id,
          .at = at,
          .actor = std::move(actor),
          .action = "points.applied",
          .subject = "user:" + application.user.str(),
          .detail = detail.take()};
}

/// Errors: not_found (no such member), points::apply's.
Result<net::Response> apply_audited(db::Transaction& transaction, const points::Terms& terms,
                                    const points::Cause& cause, const points::Application& application,
                                    const identity::AuditEntry& audit) {
  const auto user = identity::hold_user(transaction, application.user);
  if (!user) return std::unexpected(user.error());
  if (!*user || (*user)->role != identity::Role::member) return fail(Errc::not_found, "no such member");
  const auto applied = points::apply(transaction, terms, cause, application);
  if (!applied) return std::unexpected(applied.error());
  if (applied->is_new) {
    if (auto audited = identity::append_audit(transaction, audit); !audited) return failure(audited);
  }
  return created(applied->entry, application.reason);
}

}  // namespace

void PointsRoutes::add_to(net::Router& router) {
  const auto add = [&](net::Method method, std::string_view path,
                       Task<net::Response> (PointsRoutes::*handler)(net::Request)) {
    add_route(router, method, path,
              [this, handler](net::Request request) { return (this->*handler)(std::move(request)); });
  };
  add(net::Method::get, "/api/v1/points/balance", &PointsRoutes::show_balance);
  add(net::Method::get, "/api/v1/points/history", &PointsRoutes::show_history);
  add(net::Method::post, "/api/v1/points/apply", &PointsRoutes::apply);
  add(net::Method::post, "/api/v1/points/purchase", &PointsRoutes::purchase);
}

Task<net::Response> PointsRoutes::show_balance(net::Request request) {
  const auto owner = owner_in(request);
  if (!owner) co_return net::problem_response(owner.error(), request.traceparent);
  const WallTime now = parts_.clock.wall_now();
  auto balance = co_await db::read_for<Balance>(
      parts_.database, [this, &owner, now](db::Transaction& transaction) -> Result<Balance> {
        const auto holder = find_holder(transaction, *owner);
        if (!holder) return std::unexpected(holder.error());
        return points::balance_of(transaction, parts_.terms, *holder, now);
      });
  if (!balance) co_return net::problem_response(balance.error(), request.traceparent);
  co_return net::json_response(200, answer_of(*balance));
}

Task<net::Response> PointsRoutes::show_history(net::Request request) {
  const auto owner = owner_in(request);
  const auto page = read_page(request, history_list);
  if (!owner && !page && owner.error().code == Errc::validation_failed)
    co_return net::problem_response(merged(owner.error(), page.error()), request.traceparent);
  if (!page) co_return net::problem_response(page.error(), request.traceparent);
  if (!owner) co_return net::problem_response(owner.error(), request.traceparent);
  auto history = co_await db::read_for<History>(
      parts_.database, [&owner, &page](db::Transaction& transaction) -> Result<History> {
        const auto holder = find_holder(transaction, *owner);
        if (!holder) return std::unexpected(holder.error());
        auto entries = points::history_of(transaction, *holder, page->wanted(), page->below());
        if (!entries) return failure(entries);
        auto notes = points::notes_of(transaction, *entries);
        if (!notes) return failure(notes);
        return History{.entries = std::move(*entries), .notes = std::move(*notes)};
      });
  if (!history) co_return net::problem_response(history.error(), request.traceparent);
  const auto write = [&history](json::Writer& out, const ledger::Entry& entry) {
    write_entry(out, entry, points::reason_of(entry, history->notes));
  };
  co_return net::json_response(
      200, page_json(history_list, history->entries, page->wanted(), write,
                     [](const ledger::Entry& entry) { return std::to_string(entry.id); }));
}

Task<net::Response> PointsRoutes::apply(net::Request request) {
  auto read = read_keyed(request, "/api/v1/points/apply", read_application);
  if (!read) co_return net::problem_response(read.error(), request.traceparent);
  points::Application application = std::move(read->second);
  read->first.about = application.user;
  const points::Cause cause{
      .id = parts_.uuids.next(), .at = parts_.clock.wall_now(), .traceparent = request.traceparent};
  auto audit = audit_of(application, parts_.uuids.next(), cause.at, "user:" + request.principal.id);
  co_return co_await parts_.calls.answer(std::move(read->first), request.traceparent,
                                         [terms = parts_.terms, cause, application = std::move(application),
                                          audit = std::move(audit)](db::Transaction& transaction) {
                                           return apply_audited(transaction, terms, cause, application,
                                                                audit);
                                         });
}

Task<net::Response> PointsRoutes::purchase(net::Request request) {
  auto read = read_keyed(request, "/api/v1/points/purchase", read_purchase);
  if (!read) co_return net::problem_response(read.error(), request.traceparent);
  points::Purchase bought{.user = UserId(request.principal.id),
                          .amount = read->second.amount,
                          .item = std::move(read->second.item)};
  const points::Cause cause{
      .id = parts_.uuids.next(), .at = parts_.clock.wall_now(), .traceparent = request.traceparent};
  co_return co_await parts_.calls.answer(
      std::move(read->first), request.traceparent,
      [cause, bought = std::move(bought)](db::Transaction& transaction) -> Result<net::Response> {
        const auto entry = points::purchase(transaction, cause, bought);
        if (!entry) return std::unexpected(entry.error());
        return created(*entry, entry->code);
      });
}

}  // namespace perkline::hub::api
