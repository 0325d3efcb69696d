#pragma once

#include <functional>
#include <memory>
#include <string>

#include "pdi_client/breaker.hpp"
#include "pdi_client/pdi.hpp"
#include "shared/net/http_client.hpp"
#include "shared/net/reactor.hpp"

namespace perkline::pdi {

struct PdiHttpOptions {
  std::string url;        ///< Origin, and a path that goes before the calls' own names.
  std::string token_url;  ///< May be another origin.
  std::string client_id;
  std::string client_secret;
  std::string ca_file;  ///< PEM; empty: the system's store.
  std::size_t max_in_flight = 64;
  struct Timeouts {
    Millis identify{5000};
    Millis calculate{8000};
    Millis finalize{10'000};
    Millis status{3000};
  } timeouts = {};
  BreakerOptions token_breaker = {};  ///< The token endpoint's; as one refresh tells all, it has one permit.
  /// After each call, once: `ok`, Outcome's name, or `malformed` where unavailable is a bad answer's fault.
  std::function<void(std::string_view endpoint, std::string_view outcome, std::chrono::nanoseconds took)>
      on_call = {};
  /// After each refresh of the token: ok, invalid_client, failed.
  std::function<void(std::string_view result)> on_refresh = {};
};

/// What PdiHttp stands on.
struct PdiHttpPorts {
  net::AsyncClock& clock;
  Rng& rng;
  std::unique_ptr<net::HttpOrigin> calls;   ///< PDI's own.
  std::unique_ptr<net::HttpOrigin> tokens;  ///< The token endpoint's.
};

/// PDI over HTTPS: keep-alive connections, a bearer token, answers held to what they must be. A 401 makes the
/// token be refreshed and the call be replayed, once; nothing else is repeated here. Over max_in_flight calls
/// give not_tried, and nothing is sent. Reactor's thread; calls still under way when it goes must not be
/// resumed after (Reactor's own rule).
class PdiHttp final : public Pdi {
 public:
  /// `reactor` must outlive it. Errors: bad_request (unusable URL or CA file).
  static Result<std::unique_ptr<PdiHttp>> make(net::Reactor& reactor, PdiHttpOptions options);
  /// Over whatever answers there; clock and rng must outlive it.
  PdiHttp(PdiHttpPorts ports, PdiHttpOptions options);
  ~PdiHttp() override;

  Task<Reply<Identified>> identify(IdentifyCall call, MonoTime deadline) override;
  Task<Reply<Rewards>> calculate(CalculateCall call, MonoTime deadline) override;
  Task<Reply<Finalized>> finalize(FinalizeCall call, MonoTime deadline) override;
  Task<Reply<SessionStatus>> status(StatusCall call, MonoTime deadline) override;

  /// The token endpoint's breaker.
  BreakerState token_breaker();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace perkline::pdi
