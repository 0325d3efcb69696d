#include "tests/fault/sync/odd_store.hpp"

#include <gtest/gtest.h>

#include "shared/core/assert.hpp"
#include "tests/support/eventually.hpp"

namespace perkline::test {

OddStore::OddStore(Options options)
    : options_(std::move(options)), history_(options_.says_it_is, uuids_, clock_) {
  auto link = net::make_store_link(*reactor_, {.endpoints = {options_.hub},
                                               .store = options_.says_it_is,
                                               .secret_key = options_.keys.secret_key,
                                               .hub_public_key = options_.hub_public_key});
  PERKLINE_ASSERT(link.has_value());
  link_ = std::move(*link);
}

bool OddStore::comes_in() {
  return eventually([this] {
    // Who is refused is not asked again by itself.
    if (state() == net::LinkState::refused) link_->reconnect();
    return state() == net::LinkState::connected;
  });
}

void OddStore::say(const std::string& bytes) {
  EXPECT_TRUE(link_->send(bytes));
}

std::optional<sync::Frame> OddStore::hear(Millis at_most) {
  const auto bytes = reactor_.await(link_->receive(std::chrono::steady_clock::now() + at_most));
  if (!bytes) return std::nullopt;
  auto frame = sync::decode_frame(*bytes);
  EXPECT_TRUE(frame);
  return frame ? std::optional(std::move(*frame)) : std::nullopt;
}

std::optional<sync::Frame> OddStore::ask(const sync::Frame& frame) {
  say(frame);
  return hear();
}

std::optional<std::uint64_t> OddStore::cursor() {
  const auto answer = ask(history_.hello());
  const auto* welcome = answer ? std::get_if<sync::Welcome>(&*answer) : nullptr;
  return welcome == nullptr ? std::nullopt : std::optional(welcome->cursor);
}

}  // namespace perkline::test
