#include "bench/edge/till_script.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace perkline::bench {
namespace {

constexpr std::uint64_t members = 5000;  // the sandbox's default
constexpr std::uint64_t stride = 2377;   // prime to it: neighbours are far apart
constexpr std::array paths{"/v1/identify", "/v1/calculateRewards", "/v1/finalize"};
constexpr std::string_view session_name = R"("sessionId":")";
constexpr std::string_view standin_mode = R"("mode":"standin")";

/// Empty: there is none.
std::string_view session_in(std::string_view body) {
  const std::size_t name = body.find(session_name);
  if (name == std::string_view::npos) return {};
  const std::size_t begin = name + session_name.size();
  return body.substr(begin, body.find('"', begin) - begin);
}

}  // namespace

TillScript::TillScript(Options options) : options_(std::move(options)), lanes_(options_.lanes) {}

std::string TillScript::body_of(Lane& lane) {
  switch (lane.step) {
    case 0:
      lane.transaction = fmt::format("{}-{:09}", options_.run, ++begun_);
      return fmt::format(R"({{"customerId":"CUST-{:05}","channelId":"POS-001","transactionId":"{}"}})",
                         begun_ * stride % members + 1, lane.transaction);
    case 1:
      return fmt::format(
          R"({{"sessionId":"{}","transactionAmount":"41.57","items":[{{"sku":"SKU-0001","qty":"2","unitPrice":"12.29","category":"grocery"}},{{"sku":"SKU-0002","qty":"1","unitPrice":"9.99","category":"household"}},{{"sku":"SKU-0003","qty":"1","unitPrice":"7.00","category":"produce"}}]}})",
          lane.session);
    default:
      return fmt::format(
          R"({{"sessionId":"{}","transactionId":"{}","finalAmount":"41.57","applyRewards":true}})",
          lane.session, lane.transaction);
  }
}

std::size_t TillScript::next(std::size_t lane, std::string& request) {
  Lane& at = lanes_[lane];
  const std::string body = body_of(at);
  append_post(request, paths[at.step], options_.key, body);
  return at.step;
}

bool TillScript::answered(std::size_t lane, int status, std::string_view body) {
  Lane& at = lanes_[lane];
  const bool last = at.step + 1 == paths.size();
  bool ok = status == (last ? options_.finalized : 200);
  if (at.step == 0) {
    at.session = session_in(body);
    ok = ok && !at.session.empty() &&
         (!options_.standin || *options_.standin == (body.find(standin_mode) != std::string_view::npos));
  }
  // A sale that went wrong is left where it is: the next begins.
  at.step = ok && !last ? at.step + 1 : 0;
  return ok;
}

}  // namespace perkline::bench
