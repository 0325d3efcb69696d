#pragma once

#include <string>
#include <vector>

#include "bench/fleet/web.hpp"

namespace perkline::test {

/// A till that sends what it is told and gives answers as they come. Amounts and points are JSON as they are
/// to be written: `150.00`, `"150.00"`.
class Till {
 public:
  Till(std::string url, std::string key) : url_(std::move(url)), key_(std::move(key)) {}

  bench::WebAnswer post(const std::string& call, const std::string& body) const;
  bench::WebAnswer get(const std::string& call) const;

  bench::WebAnswer identify(const std::string& transaction, const std::string& customer = "CUST-12345") const;
  bench::WebAnswer calculate(const std::string& session, const std::string& amount = "150.00",
                             const std::string& items = "[]") const;
  bench::WebAnswer finalize(const std::string& session, const std::string& transaction,
                            const std::string& amount = "150.00",
                            const std::string& more = R"("applyRewards":true)") const;
  bench::WebAnswer abandon(const std::string& session) const;
  bench::WebAnswer status(const std::string& session) const;

  /// A session that is identified; its id. A failed expectation when it is not.
  std::string open(const std::string& transaction, const std::string& customer = "CUST-12345") const;
  /// One that is priced too.
  std::string price(const std::string& transaction, const std::string& amount = "150.00",
                    const std::string& customer = "CUST-12345") const;

  const std::string& url() const { return url_; }
  const std::string& key() const { return key_; }
  std::uint16_t port() const;

 private:
  std::string url_;
  std::string key_;
};

/// Members of an answer's body; "" or 0 when absent or of another kind.
std::string text_at(const bench::WebAnswer& answer, const std::string& name);
std::int64_t number_at(const bench::WebAnswer& answer, const std::string& name);
bool is_null(const bench::WebAnswer& answer, const std::string& name);
std::string header_of(const bench::WebAnswer& answer, const std::string& name);
bool is_replay(const bench::WebAnswer& answer);

/// What `errors` names, in order.
std::vector<std::string> faulty_fields(const bench::WebAnswer& answer);
/// problem+json in full (contract.md §7).
void expect_problem(const bench::WebAnswer& answer, int status, const std::string& code);
/// The same bytes again, and said so.
void expect_replay(const bench::WebAnswer& again, const bench::WebAnswer& first);

}  // namespace perkline::test
