#include <fmt/format.h>

#include "hub/commands.hpp"
#include "hub/identity/audit_chain.hpp"
#include "hub/ingest/verify_sales.hpp"
#include "hub/ledger/ledger.hpp"
#include "hub/tool_database.hpp"
#include "hub/wheel/verify_spins.hpp"
#include "hub/wheel/verify_stock.hpp"
#include "shared/json/writer.hpp"

namespace perkline::hub {
namespace {

std::string json_of(const ledger::Verification& verified) {
  json::Writer out;
  out.begin_object().field("ok", verified.ok());
  out.field("accounts", verified.accounts).field("entries", verified.entries);
  out.key("mismatches").begin_array();
  for (const std::string& mismatch : verified.mismatches) out.value(mismatch);
  out.end_array().end_object();
  return out.take();
}

std::string text_of(const ledger::Verification& verified) {
  std::string text;
  for (const std::string& mismatch : verified.mismatches) text += mismatch + '\n';
  return text + fmt::format("{} accounts, {} entries: {}", verified.accounts, verified.entries,
                            verified.ok() ? "all agree" : "they do NOT agree");
}

}  // namespace

int migrate(const std::string& config_path) {
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const auto database = open_tool_database(*config, IfMissing::make);
  return database ? exit_ok : report(database.error());
}

int verify(const std::string& config_path, bool json) {
  const auto config = load_config(config_path);
  if (!config) return exit_usage;
  const auto database = open_tool_database(*config, IfMissing::fail);
  if (!database) return report(database.error());
  ledger::Verification verified;
  const auto done = (*database)->read_now([&verified](db::Transaction& transaction) -> Result<void> {
    auto result = ledger::verify(transaction);
    if (!result) return failure(result);
    verified = std::move(*result);
    auto sales = ingest::verify_sales(transaction);
    if (!sales) return failure(sales);
    auto audit = identity::verify_audit(transaction);
    if (!audit) return failure(audit);
    auto stock = wheel::verify_stock(transaction);
    if (!stock) return failure(stock);
    auto spins = wheel::verify_spins(transaction);
    if (!spins) return failure(spins);
    for (const auto* more : {&*sales, &*audit, &*stock, &*spins})
      verified.mismatches.insert(verified.mismatches.end(), more->begin(), more->end());
    return {};
  });
  if (!done) return report(done.error());
  fmt::print("{}\n", json ? json_of(verified) : text_of(verified));
  return verified.ok() ? exit_ok : exit_failed;
}

}  // namespace perkline::hub
