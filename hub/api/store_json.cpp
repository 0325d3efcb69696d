#include "hub/api/store_json.hpp"

namespace perkline::hub::api {
namespace {

void write_told(json::Writer& out, std::string_view name, const std::string& text) {
  out.key(name);
  text.empty() ? out.null() : out.value(text);
}

template <class Number>
void write_known(json::Writer& out, std::string_view name, const std::optional<Number>& number) {
  out.key(name);
  number ? out.value(*number) : out.null();
}

json::Writer& write_fork(json::Writer& out, const stores::Store& store) {
  out.begin_object().field("reason", store.fork->reason);
  out.field("since", format_time(store.fork->since)).field("seen", format_time(store.fork->seen));
  write_known(out, "lostThrough",
              store.kept_from.transform([](const sync::Cursor& kept) { return kept.sequence; }));
  return out.end_object();
}

json::Writer& write_grant(json::Writer& out, const stores::Store& store) {
  out.begin_object().field("at", format_time(store.grant->at));
  return out.field("by", store.grant->by).field("reason", store.grant->reason).end_object();
}

}  // namespace

void write_store(json::Writer& out, const stores::Store& store, WallTime now,
                 const std::function<void(json::Writer&)>& more) {
  out.begin_object();
  out.field("id", store.id.str()).field("epoch", store.cursor.epoch).field("cursor", store.cursor.sequence);
  write_known(out, "tail", store.tail);
  write_known(out, "lag", store.lag());
  out.key("lastSeen");
  store.last_seen ? out.value(format_time(*store.last_seen)) : out.null();
  out.field("connected", store.connected(now));
  write_told(out, "breaker", store.breaker);
  write_known(out, "queueDepth", store.tail.transform([&](std::uint64_t) { return store.queue_depth; }));
  write_told(out, "version", store.version);
  out.field("retired", store.retired);
  out.key("fork");
  store.fork ? write_fork(out, store) : out.null();
  out.key("grant");
  store.grant ? write_grant(out, store) : out.null();
  if (more) more(out);
  out.end_object();
}

void write_store_keys(json::Writer& out, const std::vector<stores::StoreKey>& keys) {
  out.key("keys").begin_array();
  for (const stores::StoreKey& key : keys) {
    out.begin_object().field("publicKey", key.public_key).field("addedAt", format_time(key.added_at));
    out.key("revokedAt");
    key.revoked_at ? out.value(format_time(*key.revoked_at)) : out.null();
    out.end_object();
  }
  out.end_array();
}

void write_store(json::Writer& out, const stores::Store& store, const std::vector<stores::StoreKey>& keys,
                 WallTime now) {
  write_store(out, store, now, [&keys](json::Writer& more) { write_store_keys(more, keys); });
}

std::string audit_of_key(const std::string& public_key) {
  json::Writer detail;
  detail.begin_object().field("publicKey", public_key).end_object();
  return detail.take();
}

}  // namespace perkline::hub::api
