#include "hub/api/webhooks_routes.hpp"

#include <algorithm>
#include <charconv>

#include "hub/api/add_route.hpp"
#include "hub/api/page.hpp"
#include "hub/api/path_id.hpp"
#include "hub/events/event_types.hpp"
#include "hub/identity/audit.hpp"
#include "hub/webhooks/deliveries.hpp"
#include "hub/webhooks/destination.hpp"
#include "hub/webhooks/signature.hpp"
#include "hub/webhooks/webhook.hpp"
#include "shared/json/fields.hpp"
#include "shared/json/writer.hpp"
#include "shared/net/off_limits.hpp"

namespace perkline::hub::api {
namespace {

using webhooks::Delivery;
using webhooks::DeliveryFilter;
using webhooks::Webhook;

constexpr std::string_view webhooks_list = "webhooks";
constexpr std::string_view deliveries_list = "webhook-deliveries";

net::Response refusal(const Error& error, const net::Request& request) {
  return net::problem_response(error, request.traceparent);
}

/// A whole number above 0 as the database counts them; nullopt for anything else.
std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 1) return std::nullopt;
  return number;
}

std::vector<std::string> read_types(json::Fields& fields, const json::Value& root) {
  std::vector<std::string> types;
  const json::Value* given = root.find("types");
  if (given == nullptr || given->is(json::Value::Kind::null)) return types;
  const auto items = fields.required_array("types", events::event_types.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string at = "types[" + std::to_string(i) + "]";
    if (!items[i].is(json::Value::Kind::string) || !events::is_event_type(items[i].text())) {
      fields.fault(at, "must be the name of a domain event's type");
    } else if (std::ranges::find(types, items[i].text()) != types.end()) {
      fields.fault(at, "is named twice");
    } else {
      types.emplace_back(items[i].text());
    }
  }
  return types;
}

Webhook read_webhook(json::Fields& fields, const json::Value& root) {
  const std::size_t faults_before = fields.fault_count();
  Webhook webhook{.id = {},
                  .url = fields.required_text("url", {.bytes_max = webhooks::url_bytes_max}),
                  .types = {},
                  .description = {},
                  .created_at = {}};
  if (fields.fault_count() == faults_before) {
    auto destination = webhooks::parse_destination(webhook.url);
    if (!destination) {
      fields.fault("url", std::move(destination.error().detail));
    } else if (net::is_off_limits(destination->host)) {
      fields.fault("url", "must not name an address that is link-local, a group's or nobody's");
    }
  }
  webhook.types = read_types(fields, root);
  webhook.description = fields.optional_text("description", {.bytes_min = 0}).value_or("");
  return webhook;
}

void write_webhook(json::Writer& out, const Webhook& webhook, const std::string* secret = nullptr) {
  out.begin_object().field("id", webhook.id.str()).field("url", webhook.url).key("types").begin_array();
  for (const std::string& type : webhook.types) out.value(type);
  out.end_array().field("description", webhook.description);
  if (secret != nullptr) out.field("secret", *secret);
  out.field("createdAt", format_time(webhook.created_at)).end_object();
}

void write_delivery(json::Writer& out, const Delivery& delivery) {
  const auto time = [&out](std::string_view name, const std::optional<WallTime>& at) {
    out.key(name);
    at ? out.value(format_time(*at)) : out.null();
  };
  out.begin_object().field("id", std::to_string(delivery.id)).field("eventId", delivery.event_id);
  out.field("type", delivery.event_type).field("state", delivery.state).field("attempts", delivery.attempts);
  time("nextAttemptAt", delivery.next_attempt_at);
  time("lastAttemptAt", delivery.last_attempt_at);
  out.key("lastStatus");
  delivery.last_status ? out.value(*delivery.last_status) : out.null();
  out.key("lastError");
  delivery.last_error ? out.value(*delivery.last_error) : out.null();
  time("finishedAt", delivery.finished_at);
  out.field("createdAt", format_time(delivery.created_at)).end_object();
}

identity::AuditEntry audit_of(const WebhooksRoutes::Parts& parts, const net::Request& request,
                              std::string action, const Uuid& webhook) {
  return {.id = parts.ids.next(),
          .at = parts.clock.wall_now(),
          .actor = "user:" + request.principal.id,
          .action = std::move(action),
          .subject = "webhook:" + webhook.str()};
}

/// Errors: validation_failed naming each parameter at fault.
Result<std::pair<Page, DeliveryFilter>> filter_in(const net::Request& request) {
  auto page = read_page(request, deliveries_list);
  std::vector<FieldFault> faults = page ? std::vector<FieldFault>{} : std::move(page.error().faults);
  DeliveryFilter filter;
  if (const auto state = request.query_value("state")) {
    if (*state != "pending" && *state != "delivered" && *state != "failed")
      faults.push_back({"state", "must be pending, delivered or failed"});
    filter.state = *state;
  }
  if (!faults.empty()) return fail(json::validation_error(std::move(faults)));
  // A key of anybody's making that is none names a place too: the list's end.
  if (!page->after.empty()) filter.before = number_in(page->after).value_or(0);
  filter.limit = static_cast<std::int64_t>(page->limit) + 1;
  return std::pair{std::move(*page), std::move(filter)};
}

}  // namespace

void WebhooksRoutes::add_to(net::Router& router) {
  const auto add = [&](net::Method method, std::string_view path,
                       Task<net::Response> (WebhooksRoutes::*handle)(net::Request)) {
    add_route(router, method, path,
              [this, handle](net::Request request) { return (this->*handle)(std::move(request)); });
  };
  add(net::Method::post, "/api/v1/webhooks", &WebhooksRoutes::create);
  add(net::Method::get, "/api/v1/webhooks", &WebhooksRoutes::list);
  add(net::Method::del, "/api/v1/webhooks/{id}", &WebhooksRoutes::remove);
  add(net::Method::get, "/api/v1/webhooks/{id}/deliveries", &WebhooksRoutes::list_deliveries);
  add(net::Method::post, "/api/v1/webhooks/{id}/deliveries/{deliveryId}/retry",
      &WebhooksRoutes::retry_delivery);
}

Task<net::Response> WebhooksRoutes::create(net::Request request) {
  auto webhook = json::read_body(request.body, read_webhook);
  if (!webhook) co_return refusal(webhook.error(), request);
  webhook->id = parts_.ids.next();
  webhook->created_at = parts_.clock.wall_now();
  const std::string secret = webhooks::draw_secret(parts_.rng);
  identity::AuditEntry entry = audit_of(parts_, request, "webhook.created", webhook->id);
  json::Writer detail;
  // The audit is for ever, and paths and queries of such URLs hold tokens.
  detail.begin_object().field("origin", webhooks::parse_destination(webhook->url)->origin).end_object();
  entry.detail = detail.take();
  const auto added = co_await parts_.database.write([&](db::Transaction& transaction) -> Result<void> {
    if (auto made = webhooks::add(transaction, *webhook, secret); !made) return made;
    return identity::append_audit(transaction, entry);
  });
  if (!added) co_return refusal(added.error(), request);
  json::Writer out;
  write_webhook(out, *webhook, &secret);
  co_return net::json_response(201, out.take());
}

Task<net::Response> WebhooksRoutes::list(net::Request request) {
  const auto page = read_page(request, webhooks_list);
  if (!page) co_return refusal(page.error(), request);
  const auto found =
      co_await db::read_for<std::vector<Webhook>>(parts_.database, [&page](db::Transaction& transaction) {
        return webhooks::list(transaction, page->after, page->wanted());
      });
  if (!found) co_return refusal(found.error(), request);
  co_return net::json_response(
      200, page_json(
               webhooks_list, *found, page->wanted(),
               [](json::Writer& out, const Webhook& webhook) { write_webhook(out, webhook); },
               [](const Webhook& webhook) { return webhook.id.str(); }));
}

Task<net::Response> WebhooksRoutes::remove(net::Request request) {
  const auto id = uuid_in_path(request, 0, "webhook");
  if (!id) co_return refusal(id.error(), request);
  const identity::AuditEntry entry = audit_of(parts_, request, "webhook.deleted", *id);
  const auto removed = co_await parts_.database.write([&](db::Transaction& transaction) -> Result<void> {
    if (auto gone = webhooks::remove(transaction, *id, entry.at); !gone) return gone;
    return identity::append_audit(transaction, entry);
  });
  if (!removed) co_return refusal(removed.error(), request);
  co_return net::Response{.status = 204};
}

Task<net::Response> WebhooksRoutes::list_deliveries(net::Request request) {
  const auto id = uuid_in_path(request, 0, "webhook");
  if (!id) co_return refusal(id.error(), request);
  const auto filter = filter_in(request);
  if (!filter) co_return refusal(filter.error(), request);
  const auto found = co_await db::read_for<std::vector<Delivery>>(
      parts_.database, [&](db::Transaction& transaction) -> Result<std::vector<Delivery>> {
        if (auto webhook = webhooks::find(transaction, *id); !webhook) return failure(webhook);
        return webhooks::list_deliveries(transaction, *id, filter->second);
      });
  if (!found) co_return refusal(found.error(), request);
  co_return net::json_response(
      200, page_json(deliveries_list, *found, filter->first.wanted(), write_delivery,
                     [](const Delivery& delivery) { return std::to_string(delivery.id); }));
}

Task<net::Response> WebhooksRoutes::retry_delivery(net::Request request) {
  const auto id = uuid_in_path(request, 0, "webhook");
  if (!id) co_return refusal(id.error(), request);
  const auto number = number_in(request.path_values.at(1));
  if (!number) co_return refusal({.code = Errc::not_found, .detail = "no such delivery"}, request);
  identity::AuditEntry entry = audit_of(parts_, request, "webhook.delivery_retried", *id);
  json::Writer detail;
  detail.begin_object().field("delivery", std::to_string(*number)).end_object();
  entry.detail = detail.take();
  const auto retried = co_await db::write_for<Delivery>(
      parts_.database, [&](db::Transaction& transaction) -> Result<Delivery> {
        if (auto webhook = webhooks::find(transaction, *id); !webhook) return failure(webhook);
        auto delivery = webhooks::retry_delivery(transaction, *id, *number, entry.at);
        if (!delivery) return delivery;
        if (auto noted = identity::append_audit(transaction, entry); !noted) return failure(noted);
        return delivery;
      });
  if (!retried) co_return refusal(retried.error(), request);
  json::Writer out;
  write_delivery(out, *retried);
  co_return net::json_response(200, out.take());
}

}  // namespace perkline::hub::api
