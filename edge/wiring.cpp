#include "edge/wiring.hpp"

#include "shared/ops/log.hpp"

namespace perkline::edge {
namespace {

session::PdiTimeouts timeouts_of(const EdgeConfig::Pdi& pdi) {
  return {.identify = Millis(pdi.timeouts_ms.identify),
          .calculate = Millis(pdi.timeouts_ms.calculate),
          .finalize = Millis(pdi.timeouts_ms.finalize),
          .status = Millis(pdi.timeouts_ms.status)};
}

pdi::PdiHttpOptions::Timeouts call_timeouts(const EdgeConfig::Pdi& pdi) {
  const session::PdiTimeouts timeouts = timeouts_of(pdi);
  return {.identify = timeouts.identify,
          .calculate = timeouts.calculate,
          .finalize = timeouts.finalize,
          .status = timeouts.status};
}

pdi::BreakerOptions breaker_options(const EdgeConfig::Breaker& breaker) {
  return {.window = seconds(breaker.window_s),
          .min_calls = static_cast<std::size_t>(breaker.min_calls),
          .failure_rate = breaker.failure_rate,
          .slow_rate = breaker.slow_rate,
          .consecutive_failures = static_cast<unsigned>(breaker.consecutive_failures),
          .open_base = Millis(breaker.open_base_ms),
          .open_max = Millis(breaker.open_max_ms),
          .half_open_permits = static_cast<unsigned>(breaker.half_open_permits)};
}

}  // namespace

session::StandIn standin_of(const EdgeConfig& config) {
  return {.enabled = config.standin.enabled,
          .deadline = Millis(config.standin.deadline_ms),
          .limits = {.member_day = Points{config.standin.max_redeem_points_per_member_day},
                     .store_day = Points{config.standin.max_redeem_points_store_day}},
          .timezone = config.timezone};
}

session::FlowOptions flow_options(const EdgeConfig& config) {
  return {.store = StoreId(config.store_id),
          .currency = *find_currency(config.currency),
          .ttl = hours(config.session.ttl_hours),
          .timeouts = timeouts_of(config.pdi),
          .standin = standin_of(config)};
}

pdi_queue::PdiQueueOptions queue_options(const EdgeConfig& config) {
  return {.quiet = Millis(config.pdi.quiet_ms), .timeouts = timeouts_of(config.pdi)};
}

jobs::JobsOptions jobs_options(const EdgeConfig& config) {
  return {.session_keep = days(config.session.keep_days),
          .outbox_keep = days(config.outbox.keep_days),
          .reconcile = {.status_timeout = Millis(config.pdi.timeouts_ms.status)}};
}

pdi::PdiHttpOptions pdi_options(const EdgeConfig& config) {
  const EdgeConfig::Pdi& pdi = config.pdi;
  return {.url = pdi.url,
          .token_url = pdi.token_url,
          .client_id = pdi.client_id,
          .client_secret = pdi.client_secret,
          .ca_file = pdi.ca_file,
          .max_in_flight = static_cast<std::size_t>(pdi.max_in_flight),
          .timeouts = call_timeouts(pdi),
          .token_breaker = breaker_options(config.breaker)};
}

pdi::GuardOptions guard_options(const EdgeConfig& config) {
  const session::PdiTimeouts timeouts = timeouts_of(config.pdi);
  return {.breaker = breaker_options(config.breaker),
          .timeouts = {.identify = timeouts.identify,
                       .calculate = timeouts.calculate,
                       .finalize = timeouts.finalize,
                       .status = timeouts.status},
          .on_change = [](pdi::BreakerState from, pdi::BreakerState to) {
            ops::log(ops::Level::warn, "pdi", "the circuit breaker has changed",
                     {{"from", name_of(from)}, {"to", name_of(to)}});
          }};
}

net::StoreLinkOptions link_options(const EdgeConfig& config) {
  return {.endpoints = config.hub.endpoint,
          .store = StoreId(config.store_id),
          .secret_key = config.hub.secret_key,
          .hub_public_key = config.hub.hub_public_key};
}

net::HttpServerOptions api_options(const EdgeConfig::Api& api) {
  return {.listen = api.listen,
          .unix_socket = api.unix_socket,
          .unix_socket_mode = static_cast<std::uint32_t>(std::stoul(api.unix_socket_mode, nullptr, 8)),
          .tls = {.cert_file = api.tls.cert_file, .key_file = api.tls.key_file},
          .connections_max = static_cast<std::size_t>(api.max_connections)};
}

RateLimiter terminal_rate(const EdgeConfig::Api& api) {
  return RateLimiter({.calls_max = api.rate_per_terminal_s, .window = seconds{1}, .refill = Refill::gradual});
}

}  // namespace perkline::edge
