#include "hub/stores_side.hpp"

#include "hub/programme.hpp"

namespace perkline::hub {

StoresSide::StoresSide(Parts parts) : parts_(parts), keys_(parts.database, parts.reactor.clock()) {}

Result<void> StoresSide::open(const HubConfig& config, sync::SigningKey catalogue_key) {
  link_ =
      net::make_store_server(parts_.reactor,
                             {.listen = config.sync.listen,
                              .secret_key = config.sync.secret_key,
                              .on_refusal = [this] { parts_.metrics.store_refused(); }},
                             [this](const std::string& public_key) { return keys_.store_of(public_key); });
  if (auto started = link_->start(); !started) return started;
  net::AsyncClock& clock = parts_.reactor.clock();
  catalogue_key_.emplace(std::move(catalogue_key));
  downlink_.emplace(downlink::Downlink::Parts{
      .database = parts_.database,
      .clock = clock,
      .uuids = parts_.uuids,
      .key = catalogue_key_,
      .send = [this](const StoreId& store, std::string frame) { link_->send(store, std::move(frame)); },
      .on_frame = [this](std::string_view kind) { parts_.metrics.sent_down(kind); }});
  supply_.emplace(
      wheel::StoreSupply::Parts{.database = parts_.database,
                                .clock = clock,
                                .ids = parts_.uuids,
                                .rng = parts_.rng,
                                .guard = &parts_.guard,
                                .on_leased = [this](std::int64_t units) { parts_.metrics.leased(units); }});
  ingest_.emplace(
      parts_.database, clock, parts_.rng, wheel_terms_of(config), parts_.metrics.ingest_observer(),
      ingest::Down{.signing_key = catalogue_key_->public_key(),
                   .heard = [this](const StoreId& store, const sync::Held& held,
                                   const std::optional<Uuid>& boot) { heard(store, held, boot); },
                   .answered =
                       [this](StoreId store, std::string key, sync::CommandAnswer answer) {
                         return downlink_->answered(std::move(store), std::move(key), std::move(answer));
                       },
                   .prizes_used = [this](const StoreId& store) { supply_->used(store); }});
  server_.emplace(*link_, *ingest_);
  return {};
}

void StoresSide::start() {
  parts_.reactor.spawn(keys_.keep_fresh());
  parts_.reactor.spawn(server_->run());
  parts_.reactor.spawn(downlink_->run());
  parts_.reactor.spawn(supply_->run());
}

void StoresSide::heard(const StoreId& store, const sync::Held& held, const std::optional<Uuid>& boot) {
  if (held.lease_holder) supply_->heard(store, *held.lease_holder);
  downlink_->heard(store, held, boot);
}

}  // namespace perkline::hub
