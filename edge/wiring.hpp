#pragma once

#include "edge/config.hpp"
#include "edge/jobs/jobs.hpp"
#include "edge/pdi_queue/pdi_queue.hpp"
#include "edge/session/flows.hpp"
#include "pdi_client/guard.hpp"
#include "pdi_client/pdi_http.hpp"
#include "shared/core/rate_limiter.hpp"
#include "shared/net/http_server.hpp"
#include "shared/net/link.hpp"

/// What the daemon's parts are given of a checked configuration; what they call back is the daemon's to add.
namespace perkline::edge {

session::StandIn standin_of(const EdgeConfig& config);
session::FlowOptions flow_options(const EdgeConfig& config);
pdi_queue::PdiQueueOptions queue_options(const EdgeConfig& config);
jobs::JobsOptions jobs_options(const EdgeConfig& config);
pdi::PdiHttpOptions pdi_options(const EdgeConfig& config);
/// Logs each step of the circuit breaker.
pdi::GuardOptions guard_options(const EdgeConfig& config);
net::StoreLinkOptions link_options(const EdgeConfig& config);
net::HttpServerOptions api_options(const EdgeConfig::Api& api);
RateLimiter terminal_rate(const EdgeConfig::Api& api);

}  // namespace perkline::edge
