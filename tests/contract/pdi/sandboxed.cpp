#include "tests/contract/pdi/sandboxed.hpp"

#include <charconv>

namespace perkline::test {

using pdi::PdiHttp;
using pdi::Reply;

SandboxHost::SandboxHost(RunningReactor& reactor, pdi::sandbox::SandboxConfig config, std::string ca_file)
    : reactor_(reactor), ca_file_(std::move(ca_file)) {
  const std::string scheme = config.tls.cert_file.empty() ? "http" : "https";
  sandbox_ = std::make_unique<pdi::sandbox::Sandbox>(*reactor, std::move(config));
  reactor_.run([&] { ASSERT_TRUE(sandbox_->start()); });
  origin_ = scheme + "://127.0.0.1:" + std::to_string(sandbox_->port());
  control_ =
      net::HttpClient::make(*reactor, {.origin = origin_, .ca_file = ca_file_, .answer_bytes_max = 4 << 20})
          .value();
}

SandboxHost::~SandboxHost() {
  reactor_.run([&] { control_.reset(); });
  reactor_.await(sandbox_->drain(within(seconds{5})));
  reactor_.run([&] { sandbox_.reset(); });
}

net::HttpAnswer SandboxHost::call(net::Method method, std::string target, std::string body,
                                  net::Headers headers, std::string content_type) {
  net::HttpCall call{.method = method,
                     .target = std::move(target),
                     .headers = std::move(headers),
                     .content_type = std::move(content_type),
                     .body = std::move(body)};
  auto answer = reactor_.await(control_->call(std::move(call), within(seconds{20})));
  EXPECT_TRUE(answer) << (answer ? "" : answer.error().error.detail);
  return answer.value_or(net::HttpAnswer{});
}

json::Document SandboxHost::get(std::string target) {
  return json::parse(call(net::Method::get, std::move(target)).body).value();
}

void SandboxHost::fault(std::string body) {
  const auto answer = call(net::Method::put, "/sandbox/faults", std::move(body));
  EXPECT_EQ(answer.status, 204) << answer.body;
}

std::int64_t SandboxHost::arrived(std::string_view endpoint) {
  const auto stats = get("/sandbox/stats");
  const std::string_view text = stats.root().find(endpoint)->text();
  std::int64_t count = -1;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

std::size_t SandboxHost::booked() {
  return get("/sandbox/ledger").root().find("items")->items().size();
}

Sandboxed::Sandboxed() {
  sandbox = std::make_unique<SandboxHost>(reactor, sandbox_config(), certificates.ca_file());
  connect(client_options());
}

Sandboxed::~Sandboxed() {
  sandbox->fault(R"({"endpoint":"*","mode":"ok"})");
  reactor.run([&] { client.reset(); });
  sandbox.reset();
}

pdi::sandbox::SandboxConfig Sandboxed::sandbox_config(const std::string& host) {
  const auto files = certificates.server(host);
  return {.listen = "0",
          .tls = {.cert_file = files.cert_file, .key_file = files.key_file},
          .clients = {{.id = "store one", .secret = "p:w+d %&é"}},
          .members = 20,
          .seed = 1};
}

pdi::PdiHttpOptions Sandboxed::client_options() {
  return {.url = sandbox->origin(),
          .token_url = sandbox->origin() + "/oauth/token",
          .client_id = "store one",
          .client_secret = "p:w+d %&é",
          .ca_file = sandbox->ca_file(),
          .on_call =
              [this](std::string_view endpoint, std::string_view outcome, std::chrono::nanoseconds) {
                ++told_[std::string(endpoint) + ' ' + std::string(outcome)];
              },
          .on_refresh = [this](std::string_view result) { ++refreshed_[std::string(result)]; }};
}

void Sandboxed::connect(pdi::PdiHttpOptions options) {
  reactor.run([&] {
    auto made = PdiHttp::make(*reactor, std::move(options));
    ASSERT_TRUE(made) << made.error().detail;
    client = std::move(*made);
  });
}

Reply<pdi::Identified> Sandboxed::identify(const std::string& customer, Millis deadline) {
  return reactor.await(client->identify({.customer = CustomerId(customer),
                                         .channel = ChannelId("POS-001"),
                                         .transaction = TransactionId("TXN-67890")},
                                        within(deadline)));
}

Reply<pdi::Rewards> Sandboxed::calculate(const ProviderSessionId& session, Millis deadline) {
  return reactor.await(client->calculate(
      {.session = session,
       .transaction_amount = Money{15'000, *find_currency("USD")},
       .items = {{.sku = "SKU-001", .quantity = {2000}, .unit_price = std::nullopt, .category = ""}}},
      within(deadline)));
}

pdi::FinalizeCall Sandboxed::sale(const ProviderSessionId& session) {
  return {.session = session,
          .transaction = TransactionId("TXN-67890"),
          .final_amount = Money{15'000, *find_currency("USD")},
          .redeem = std::nullopt};
}

Reply<pdi::Finalized> Sandboxed::finalize(const ProviderSessionId& session, Millis deadline) {
  return finalize(sale(session), deadline);
}
Reply<pdi::Finalized> Sandboxed::finalize(pdi::FinalizeCall call, Millis deadline) {
  return reactor.await(client->finalize(std::move(call), within(deadline)));
}
Reply<pdi::SessionStatus> Sandboxed::status(const ProviderSessionId& session, Millis deadline) {
  return reactor.await(client->status(session, within(deadline)));
}

ProviderSessionId Sandboxed::calculated() {
  const auto identified = identify();
  EXPECT_TRUE(identified);
  if (!identified) return {};
  EXPECT_TRUE(calculate(identified->session));
  return identified->session;
}

std::size_t Sandboxed::told(const std::string& call) {
  std::size_t count = 0;
  reactor.run([&] { count = told_[call]; });
  return count;
}
std::size_t Sandboxed::refreshed(const std::string& result) {
  std::size_t count = 0;
  reactor.run([&] { count = refreshed_[result]; });
  return count;
}

}  // namespace perkline::test
