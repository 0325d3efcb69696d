#include "edge/session/erased.hpp"

#include <algorithm>

#include "edge/session/answers.hpp"
#include "shared/json/value.hpp"

namespace perkline::edge::session {
namespace {

/// Whether a line of the receipt in a till's answer holds the name: a chain's templates may tell it.
bool is_named_in(std::string_view answer, std::string_view name) {
  if (name.empty()) return false;
  const auto document = json::parse(answer);
  const json::Value* lines = document ? document->root().find("receiptLines") : nullptr;
  return lines != nullptr && std::ranges::any_of(lines->items(), [&](const json::Value& line) {
           return line.text().find(name) != std::string_view::npos;
         });
}

}  // namespace

Session without_member(Session session, const CustomerId& token) {
  const std::string name = std::exchange(session.customer_name, {});
  session.customer = token;
  session.identify_answer.body = render_identified(session);
  if (session.receipt_lines)
    std::erase_if(*session.receipt_lines,
                  [&](const std::string& line) { return !name.empty() && line.find(name) != line.npos; });
  if (session.finalize_answer && session.status == Status::finalized &&
      is_named_in(session.finalize_answer->body, name)) {
    session.finalize_answer->body = render_finalized(session, {});
  }
  // Its proof names the member by their card's hash. Whoever asks again without the card is not told.
  if (session.spin) session.spin->answer.body.clear();
  return session;
}

}  // namespace perkline::edge::session
