#include "tests/simulation/hub_line.hpp"

#include "shared/core/limits.hpp"
#include "shared/net/deadline.hpp"
#include "shared/sync/frame.hpp"

namespace perkline::simulation {
namespace {

/// What a store may have on its way to the hub: its window, the Hellos that ask for it, and as much again of
/// what a line that doubles frames makes of them while it is slow.
constexpr std::size_t frames_max = 8 * limits::sync_window_batches;

template <class Inbox>
Task<Result<void>> arrival(std::shared_ptr<Inbox> inbox) {
  co_await inbox->arrived.wait();
  co_return Result<void>{};
}

}  // namespace

class HubLine::Link final : public net::HubLink {
 public:
  Link(HubLine& line, StoreId store, net::AsyncClock& clock, Fate& fate)
      : line_(line), store_(std::move(store)), clock_(clock), fate_(fate) {
    connect();
  }

  Result<void> send(std::string frame) override {
    if (fate_.strikes("before sending a frame")) return {};
    if (line_.plant_ == Plant::sent_is_acknowledged) acknowledge(frame);
    line_.to_hub(store_, std::move(frame), connection_);
    fate_.strikes("after sending a frame");
    return {};
  }
  Task<Result<std::string>> receive(MonoTime deadline) override {
    const auto inbox = inbox_;
    while (inbox->frames.empty()) {
      if (!co_await net::with_deadline(clock_, deadline, arrival(inbox))) co_return fail(Errc::timed_out);
      if (fate_.dead()) co_await wait_for_ever();
    }
    std::string frame = std::move(inbox->frames.front());
    inbox->frames.pop_front();
    co_return frame;
  }
  void reconnect() override { connect(); }
  net::LinkState state() const override { return net::LinkState::connected; }

 private:
  /// What is planted: the line says what only the hub can.
  void acknowledge(const std::string& frame) {
    const auto decoded = sync::decode_frame(frame);
    const auto* batch = decoded ? std::get_if<sync::Batch>(&*decoded) : nullptr;
    if (batch == nullptr) return;
    const std::uint64_t through = batch->first_sequence + batch->events.size() - 1;
    inbox_->frames.push_back(
        sync::encode(sync::Ack{.epoch = batch->epoch, .through = through, .hash = batch->hash}));
    inbox_->arrived.notify();
  }
  /// What is on its way back finds the old connection's inbox, or none.
  void connect() {
    inbox_->frames.clear();
    connection_ = std::shared_ptr<StoreInbox>(inbox_.get(), [kept = inbox_](StoreInbox*) {});
    line_.stores_[store_] = connection_;
  }

  HubLine& line_;
  StoreId store_;
  net::AsyncClock& clock_;
  Fate& fate_;
  std::shared_ptr<StoreInbox> inbox_ = std::make_shared<StoreInbox>();
  std::shared_ptr<StoreInbox> connection_;  ///< Goes with each connection, and is the inbox.
};

class HubLine::Server final : public net::StoreServer {
 public:
  Server(HubLine& line, Fate& fate) : line_(line), fate_(fate) { line_.hub_ = inbox_; }

  Result<void> start() override { return {}; }
  std::string endpoint() const override { return "tcp://hub"; }
  std::uint64_t refused() const override { return 0; }
  Task<Result<Incoming>> receive() override {
    const auto inbox = inbox_;
    while (inbox->frames.empty()) co_await inbox->arrived.wait();
    if (fate_.dead()) co_await wait_for_ever();
    Incoming incoming = std::move(inbox->frames.front());
    inbox->frames.pop_front();
    co_return incoming;
  }
  void send(StoreId store, std::string frame) override {
    if (fate_.strikes("before sending an answer")) return;
    line_.to_store(store, std::move(frame));
    fate_.strikes("after sending an answer");
  }

 private:
  HubLine& line_;
  Fate& fate_;
  std::shared_ptr<HubInbox> inbox_ = std::make_shared<HubInbox>();
};

std::unique_ptr<net::HubLink> HubLine::link_of(StoreId store, net::AsyncClock& clock, Fate& fate) {
  return std::make_unique<Link>(*this, std::move(store), clock, fate);
}
std::unique_ptr<net::StoreServer> HubLine::server(Fate& fate) {
  return std::make_unique<Server>(*this, fate);
}

std::vector<Millis> HubLine::arrivals() {
  const auto delay = [this] {
    return Millis{1 + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(delay_max_.count())))};
  };
  if (rng_.unit() < lost_) return {};
  std::vector<Millis> all{delay()};
  if (rng_.unit() < doubled_) all.push_back(delay());
  return all;
}

void HubLine::to_hub(const StoreId& store, std::string frame, std::weak_ptr<StoreInbox> from) {
  for (const Millis late : arrivals()) {
    trace_.check(++on_their_way_[store] <= frames_max * frames_max_factor_,
                 "a store's frames on their way are bounded", store.str());
    time_.after(late, [this, store, frame, from, to = hub_] {
      --on_their_way_[store];
      const auto hub = to.lock();
      if (!hub || from.expired() || parted_.contains(store)) return;
      stores_[store] = from;
      hub->frames.push_back({.store = store, .frame = frame});
      hub->arrived.notify();
    });
  }
}

void HubLine::to_store(const StoreId& store, std::string frame) {
  for (const Millis late : arrivals()) {
    time_.after(late, [this, store, frame, to = stores_[store]] {
      const auto inbox = to.lock();
      if (!inbox || parted_.contains(store)) return;
      inbox->frames.push_back(frame);
      inbox->arrived.notify();
    });
  }
}

}  // namespace perkline::simulation
