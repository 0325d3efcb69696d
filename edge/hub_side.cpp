#include "edge/hub_side.hpp"

#include "edge/hub_rules.hpp"
#include "edge/wiring.hpp"

namespace perkline::edge {
namespace {

ops::CheckStatus status_of(uplink::Standing::Kind kind) {
  switch (kind) {
    case uplink::Standing::Kind::streaming:
      return ops::CheckStatus::up;
    case uplink::Standing::Kind::stopped:
      return ops::CheckStatus::degraded;
    case uplink::Standing::Kind::connecting:
    case uplink::Standing::Kind::refused:
      return ops::CheckStatus::down;
  }
  return ops::CheckStatus::down;
}

}  // namespace

Result<std::unique_ptr<HubSide>> HubSide::open(const EdgeConfig& config, Parts parts) {
  std::unique_ptr<HubSide> side(new HubSide(std::move(parts)));
  if (auto opened = side->open_line(config); !opened) return failure(opened);
  if (auto opened = side->open_downlink(StoreId(config.store_id)); !opened) return failure(opened);
  HubSide& self = *side;
  self.uplink_ = std::make_unique<uplink::Uplink>(
      *self.link_, self.parts_.outbox, self.parts_.reactor.clock(),
      uplink::UplinkOptions{.store = StoreId(config.store_id),
                            .boot_id = self.parts_.ports.uuids.next(),
                            .status =
                                [&self] {
                                  sync::Status status = self.parts_.status();
                                  status.held = self.downlink_->held();
                                  status.held->lease_holder = self.parts_.programme.lease_holder();
                                  return status;
                                },
                            .down = [&self](sync::Frame frame) { return self.hear(std::move(frame)); }});
  self.parts_.programme.connect(
      {.send = [&self](const sync::Frame& frame) { self.uplink_->tell(frame); },
       .is_up = [&self] { return self.standing().kind == uplink::Standing::Kind::streaming; },
       .is_forked = [&self] { return self.standing().is_forked; }});
  return side;
}

/// What came down, or an answer that somebody waits for.
Task<void> HubSide::hear(sync::Frame frame) {
  if (!parts_.programme.hear(frame)) co_await downlink_->hear(std::move(frame));
}

/// The rules in it are the daemon's to put in force; the rest is the programme's.
void HubSide::use(const sync::Catalogue& catalogue) {
  rules_ = rules_in(catalogue, rules_faults_, parts_.reactor.clock().mono_now());
  parts_.programme.use(catalogue, downlink_->held().catalogue.has_value());
}

Result<void> HubSide::open_line(const EdgeConfig& config) {
  auto key = HubKey::open(config.data_dir, config.hub.secret_key);
  if (!key) return failure(key);
  key_.emplace(std::move(*key));
  net::StoreLinkOptions options = link_options(config);
  options.secret_key = key_->current().secret_key;
  auto link = net::make_store_link(parts_.reactor, std::move(options));
  if (!link) return failure(link);
  link_ = std::move(*link);
  obeying_.emplace(
      Obeying::Parts{.key = *key_,
                     .clock = parts_.reactor.clock(),
                     .answer = [this](const sync::CommandAnswer& answer) { uplink_->tell(answer); },
                     .use_key = [this](const net::CurveKeys& keys) { link_->use_keys(keys); }});
  return {};
}

Result<void> HubSide::open_downlink(const StoreId& store) {
  erasing_.emplace(downlink::Erasing::Parts{.ports = parts_.ports,
                                            .writer = parts_.writer,
                                            .outbox = parts_.outbox,
                                            .forget_elsewhere = [this](sync::Erasure erasure) {
                                              return parts_.programme.forget_member(std::move(erasure));
                                            }});
  auto opened = downlink::Downlink::open(
      {.journal = parts_.journal,
       .outbox = parts_.outbox,
       .members = parts_.ports.members,
       .clock = parts_.reactor.clock(),
       .store = store,
       .tell = [this] { uplink_->tell_status(); },
       .on_erase =
           [this](const sync::EraseMember& erase) {
             erasing_->want(downlink::by_own_clock(erase, parts_.reactor.clock().wall_now()));
           },
       .on_command = [this](const sync::Command& command) { parts_.reactor.spawn(obeying_->obey(command)); },
       .on_catalogue =
           [this](const sync::Catalogue& catalogue) {
             use(catalogue);
             parts_.on_rules();
           }});
  if (!opened) return failure(opened);
  downlink_ = std::move(*opened);
  use(downlink_->catalogue());
  return {};
}

void HubSide::start() {
  parts_.reactor.spawn(uplink_->run());
  parts_.reactor.spawn(erasing_->run());
}

void HubSide::stop() {
  erasing_->stop();
  uplink_->stop();
}

HubCheck HubSide::check() const {
  const uplink::Standing now = standing();
  const auto catalogue = downlink_->held().catalogue;
  return {.status = status_of(now.kind),
          .round_trip = now.round_trip,
          .catalogue = catalogue ? catalogue->at : 0,
          .erasures = erasing_->waiting()};
}

}  // namespace perkline::edge
