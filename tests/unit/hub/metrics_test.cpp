#include "hub/metrics.hpp"

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include <gtest/gtest.h>

namespace perkline::hub {
namespace {

std::string text_of(const std::string& file) {
  std::ifstream text(std::string(PERKLINE_SOURCE_DIR) + "/" + file);
  EXPECT_TRUE(text) << file;
  return {std::istreambuf_iterator<char>(text), {}};
}

/// What is found there in quotes of that kind.
std::set<std::string> names_in(const std::string& text, const std::string& quote) {
  const std::regex name(quote + "(perkline_hub_[a-z_]+)" + quote);
  std::set<std::string> names;
  for (std::sregex_iterator at(text.begin(), text.end(), name), end; at != end; ++at) names.insert((*at)[1]);
  return names;
}

TEST(HubMetrics, AreAllInTheReadmesTableAndNoOthers) {
  const std::string readme = text_of("hub/README.md");
  const std::size_t table = readme.find("## Metrics");
  ASSERT_NE(table, std::string::npos);
  const std::string rows = readme.substr(table, readme.find("\n## ", table) - table);
  EXPECT_EQ(names_in(rows, "`"), names_in(text_of("hub/metrics.cpp"), "\""));
}

TEST(HubMetrics, TellUnitsThatNobodyDrawsFromUntilTheyAreWrittenOff) {
  ops::Metrics metrics;
  HubMetrics hub(metrics);
  const auto says = [&metrics](const std::string& line) {
    return metrics.text().contains("\nperkline_hub_stranded_lease_units{store=\"store-1\"} " + line + "\n");
  };
  hub.stranded({{StoreId("store-1"), 7}});
  EXPECT_TRUE(says("7")) << metrics.text();
  hub.stranded({});
  EXPECT_TRUE(says("0")) << metrics.text();
}

TEST(HubMetrics, TellHowManyPaymentsWaitAndForHowLong) {
  ops::Metrics metrics;
  HubMetrics hub(metrics);
  const WallTime now{hours{1000}};
  hub.payments({.count = 3, .oldest = now - Millis{2500}, .refunds = 2}, now);
  EXPECT_NE(metrics.text().find("\nperkline_hub_refunds_due 2\n"), std::string::npos) << metrics.text();
  EXPECT_NE(metrics.text().find("\nperkline_hub_payments_pending 3\n"), std::string::npos) << metrics.text();
  EXPECT_NE(metrics.text().find("\nperkline_hub_payments_oldest_pending_age_seconds 2.5\n"),
            std::string::npos)
      << metrics.text();
  hub.payments({.count = 1, .oldest = now + seconds{5}}, now);
  EXPECT_NE(metrics.text().find("\nperkline_hub_payments_oldest_pending_age_seconds 0\n"), std::string::npos)
      << "a clock was put back";
  hub.payments({}, now);
  EXPECT_NE(metrics.text().find("\nperkline_hub_payments_pending 0\n"), std::string::npos);
}

}  // namespace
}  // namespace perkline::hub
