#include "shared/core/error.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "shared/core/result.hpp"

namespace perkline {
namespace {

TEST(Error, CallersCodesHaveTheContractsStatus) {
  EXPECT_EQ(http_status(Errc::validation_failed), 400);
  EXPECT_EQ(http_status(Errc::refresh_reused), 401);
  EXPECT_EQ(http_status(Errc::receipt_required), 403);
  EXPECT_EQ(http_status(Errc::not_found), 404);
  EXPECT_EQ(http_status(Errc::length_required), 411);
  EXPECT_EQ(http_status(Errc::body_too_large), 413);
  EXPECT_EQ(http_status(Errc::headers_too_large), 431);
  EXPECT_EQ(http_status(Errc::session_busy), 409);
  EXPECT_EQ(http_status(Errc::redemption_limit), 422);
  EXPECT_EQ(http_status(Errc::rate_limited), 429);
  EXPECT_EQ(http_status(Errc::database_unavailable), 503);
  EXPECT_EQ(http_status(Errc::storage_full), 507);
  EXPECT_EQ(wire_code(Errc::pdi_rejected), "PDI_REJECTED");
  EXPECT_EQ(wire_code(Errc::storage_full), "STORAGE_FULL");
}

TEST(Error, OurOwnCodesTellTheOutsideNothing) {
  for (auto code = static_cast<int>(Errc::timed_out); code <= static_cast<int>(Errc::internal); ++code) {
    EXPECT_EQ(wire_code(static_cast<Errc>(code)), "INTERNAL");
    EXPECT_EQ(http_status(static_cast<Errc>(code)), 500);
  }
}

TEST(Error, EveryCodeHasANameOfItsOwnAndTheWireSpellsItInCapitals) {
  std::set<std::string> names;
  for (auto code = static_cast<int>(Errc::validation_failed); code <= static_cast<int>(Errc::internal);
       ++code) {
    const auto errc = static_cast<Errc>(code);
    std::string name(name_of(errc));
    EXPECT_TRUE(names.insert(name).second) << name;
    if (errc >= Errc::timed_out) continue;
    for (char& c : name) c = c == '_' ? c : static_cast<char>(c - 'a' + 'A');
    EXPECT_EQ(wire_code(errc), name);
  }
}

TEST(Result, HandsAnErrorOnWithAllItHolds) {
  Result<int> inner = fail(Error{.code = Errc::pdi_rejected,
                                 .detail = "why",
                                 .retry_after = std::chrono::seconds{2},
                                 .faults = {{"a", "b"}},
                                 .provider = ProviderFault{"BLOCKED", "blocked"}});
  const Result<std::string> outer = failure(inner);
  ASSERT_FALSE(outer);
  EXPECT_EQ(outer.error().code, Errc::pdi_rejected);
  EXPECT_EQ(outer.error().detail, "why");
  EXPECT_EQ(outer.error().retry_after, std::chrono::seconds{2});
  EXPECT_EQ(outer.error().faults.size(), 1u);
  EXPECT_EQ(outer.error().provider->code, "BLOCKED");
}

}  // namespace
}  // namespace perkline
