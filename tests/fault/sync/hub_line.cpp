#include "tests/fault/sync/hub_line.hpp"

#include <algorithm>

#include "bench/fleet/web.hpp"
#include "tests/integration/paths.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {
namespace {

/// Of a dead peer a store learns after 15 s of silence; then it connects anew.
constexpr std::chrono::seconds patience{60};

}  // namespace

void HubLineTest::SetUp() {
  line_.record();
  auto fleet = bench::Fleet::start({.bin_dir = bin_dir(),
                                    .state_dir = folder_.path() / "fleet",
                                    .edges = 1,
                                    .pdi_quiet_ms = 1000,
                                    .edge_hub_ports = {line_.port()}});
  ASSERT_TRUE(fleet) << fleet.error().detail;
  fleet_.emplace(std::move(*fleet));
  line_.lead_to(fleet_->sync_port());
  ASSERT_TRUE(eventually([this] { return standing() == "streaming"; }, patience)) << standing();
}

void HubLineTest::sell(const std::string& transaction) {
  const std::string session = till().price(transaction);
  const auto answer = till().finalize(session, transaction);
  EXPECT_EQ(answer.status, 200) << answer.body;
}

HubLineTest::Outbox HubLineTest::outbox() {
  const auto output = fleet().edge_command(0, {"status", "--json"});
  const auto status = json::parse(output ? output->out : "");
  const json::Value* told = status ? status->root().find("outbox") : nullptr;
  EXPECT_NE(told, nullptr);
  if (told == nullptr) return {};
  return {.tail = bench::integer_at(*told, "tail"), .acked = bench::integer_at(*told, "acked")};
}

std::string HubLineTest::standing() {
  const auto output = fleet().edge_command(0, {"status", "--json"});
  const auto status = json::parse(output ? output->out : "");
  return status ? bench::text_at(status->root(), "hub") : std::string();
}

bool HubLineTest::catches_up() {
  const std::int64_t tail = outbox().tail;
  return eventually([&] { return outbox().acked >= tail; }, patience);
}

std::size_t HubLineTest::booked(const std::string& transaction) {
  const auto sales = books().sales;
  return static_cast<std::size_t>(
      std::ranges::count(sales, transaction, [](const HubBooks::Sale& sale) { return sale.transaction; }));
}

std::size_t HubLineTest::hub_counter(const std::string& name, const std::string& label) {
  const auto answer = bench::call({.origin = fleet().hub_ops_url(), .path = "/metrics"});
  const std::string text = '\n' + answer.value_or(bench::WebAnswer{}).body;
  double sum = 0;
  for (std::size_t at = text.find('\n' + name); at != std::string::npos;
       at = text.find('\n' + name, at + 1)) {
    const std::string line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
    if (line.find(label) != std::string::npos) sum += std::stod(line.substr(line.rfind(' ') + 1));
  }
  return static_cast<std::size_t>(sum);
}

void HubLineTest::expect_hub_verifies() {
  const auto verified = fleet().hub_command({"verify"});
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->status, 0) << verified->out << verified->err;
}

}  // namespace perkline::test
