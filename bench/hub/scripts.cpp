#include "bench/hub/scripts.hpp"

#include <fmt/format.h>

namespace perkline::bench {
namespace {

constexpr int created = 201;
constexpr int ok = 200;

}  // namespace

std::string CallKeys::next() {
  return fmt::format("Idempotency-Key: {:016x}-{}\r\n", run_, ++count_);
}

std::size_t TransferScript::next(std::size_t, std::string& request) {
  const std::size_t payee = hot_ ? 0 : rng_.below(members_.size());
  // Anybody else.
  const std::size_t payer = (payee + 1 + rng_.below(members_.size() - 1)) % members_.size();
  append_post(request, "/api/v1/wallet/transfers", members_[payer].token,
              fmt::format(R"({{"to":"{}","amount":"0.01","currency":"USD"}})", members_[payee].id.str()),
              keys_.next());
  return 0;
}
bool TransferScript::answered(std::size_t, int status, std::string_view) {
  return status == created;
}

std::size_t SpinScript::next(std::size_t, std::string& request) {
  append_post(request, "/api/v1/spin", members_[rng_.below(members_.size())].token, "{}", keys_.next());
  return 0;
}
bool SpinScript::answered(std::size_t, int status, std::string_view) {
  return status == created;
}

void ClaimScript::add(std::vector<MadeAssignment> assignments) {
  left_.insert(left_.begin(), std::make_move_iterator(assignments.begin()),
               std::make_move_iterator(assignments.end()));
}
std::size_t ClaimScript::next(std::size_t, std::string& request) {
  MadeAssignment claimed{.promotion = "00000000-0000-7000-8000-000000000000", .member = 0};
  if (!left_.empty()) {
    claimed = std::move(left_.back());
    left_.pop_back();
  }
  append_post(request, "/api/v1/promotions/claim", members_[claimed.member].token,
              fmt::format(R"({{"promotionId":"{}"}})", claimed.promotion), keys_.next());
  return 0;
}
bool ClaimScript::answered(std::size_t, int status, std::string_view) {
  return status == created || status == ok;
}

std::size_t ReadScript::next(std::size_t, std::string& request) {
  append_get(request, target_, members_[rng_.below(members_.size())].token);
  return 0;
}
bool ReadScript::answered(std::size_t, int status, std::string_view) {
  return status == ok;
}

}  // namespace perkline::bench
