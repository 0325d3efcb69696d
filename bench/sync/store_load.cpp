#include "bench/sync/store_load.hpp"

#include <algorithm>
#include <deque>
#include <optional>

#include <zmq.hpp>

#include "bench/load/made_sale.hpp"
#include "shared/net/link.hpp"
#include "shared/net/zap.hpp"
#include "shared/net/zmq_socket.hpp"
#include "shared/ops/open_files.hpp"
#include "shared/sync/cursor.hpp"
#include "shared/sync/event.hpp"
#include "shared/sync/frame.hpp"

namespace perkline::bench {
namespace {

namespace zeromq = net::zeromq;
using std::chrono::steady_clock;

constexpr std::uint64_t epoch = 1;
constexpr seconds welcome_patience{60};
/// More than the hub tries for to have its database take a batch.
constexpr seconds answer_max{10};
constexpr int sockets_max = 4'096;

/// One store's line and its history, which is made up as it goes.
class Store {
 public:
  Store(const SimulatedStore& store, std::uint64_t cards, std::uint64_t seed)
      : id_(store.id),
        socket_(zeromq::make_socket(::zmq::socket_type::dealer)),
        sales_(cards, seed, clock_),
        hash_(sync::first_cursor(id_, epoch).hash) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Errors: validation_failed (a key).
  Result<void> connect(const StoreLoad::Options& options, const std::string& secret_hex) {
    const auto public_hex = net::public_key_of(secret_hex);
    if (!public_hex) return std::unexpected(public_hex.error());
    const auto public_key = zeromq::key_bytes(*public_hex);
    const auto secret_key = zeromq::key_bytes(secret_hex);
    const auto hub_key = zeromq::key_bytes(options.hub_public_key);
    if (!public_key || !secret_key || !hub_key)
      return fail(Errc::validation_failed, "a key is 64 lower-case hex digits");
    namespace option = ::zmq::sockopt;
    socket_.set(option::routing_id, zeromq::make_routing_id(id_));
    socket_.set(option::curve_publickey, *public_key);
    socket_.set(option::curve_secretkey, *secret_key);
    socket_.set(option::curve_serverkey, *hub_key);
    socket_.connect(options.endpoint);
    return send(sync::encode(sync::Hello{.store = id_,
                                         .epoch = epoch,
                                         .boot_id = sales_.next_id(),
                                         .tail = 0,
                                         .tail_hash = hash_,
                                         .status = {.breaker = "CLOSED", .version = PERKLINE_VERSION}}));
  }

  Result<void> send_batch(std::size_t lane, std::size_t count) {
    sync::Batch batch{
        .epoch = epoch, .first_sequence = tail_ + 1, .previous_hash = hash_, .hash = {}, .events = {}};
    const WallTime now = clock_.wall_now();
    for (std::size_t i = 0; i < count; ++i) {
      batch.events.push_back(next_event(now));
      hash_ = sync::chain_next(hash_, batch.events.back());
    }
    batch.hash = hash_;
    on_their_way_.push_back({.lane = lane,
                             .first = batch.first_sequence,
                             .through = tail_,
                             .frame = sync::encode(batch),
                             .sent_at = steady_clock::now()});
    return send(on_their_way_.back().frame);
  }

  /// What has waited for its answer so long that it must be lost: a hub whose database fails says nothing.
  Result<void> send_lost_again() {
    if (on_their_way_.empty() || steady_clock::now() - on_their_way_.front().sent_at < answer_max) return {};
    went_back_to_.reset();
    return send_again(on_their_way_.front().first);
  }

  std::size_t on_their_way() const { return on_their_way_.size(); }
  bool welcomed() const { return welcomed_; }
  ::zmq::pollitem_t poll_item() { return {socket_.handle(), 0, ZMQ_POLLIN, 0}; }

  /// Errors: io_failed (the hub does not take what it was sent).
  Result<void> take_in(std::vector<Ended>& ended) {
    for (auto parts = zeromq::receive_all(socket_); !parts.empty(); parts = zeromq::receive_all(socket_)) {
      const auto frame = sync::decode_frame(parts.back());
      if (!frame) return std::unexpected(frame.error());
      if (const auto* welcome = std::get_if<sync::Welcome>(&*frame)) {
        if (welcome->cursor != 0) return fail(Errc::io_failed, id_.str() + " is known to the hub already");
        welcomed_ = true;
      } else if (const auto* ack = std::get_if<sync::Ack>(&*frame)) {
        take_ack(*ack, ended);
      } else if (const auto* nack = std::get_if<sync::Nack>(&*frame)) {
        if (auto sent = send_again(nack->expected); !sent) return sent;
      } else if (std::holds_alternative<sync::Fork>(*frame) ||
                 std::holds_alternative<sync::ProtocolRefused>(*frame)) {
        return fail(Errc::io_failed, "the hub refuses what " + id_.str() + " tells");
      }
    }
    return {};
  }

 private:
  struct OnItsWay {
    std::size_t lane;
    std::uint64_t first;
    std::uint64_t through;
    std::string frame;
    steady_clock::time_point sent_at;
    bool again = false;
  };

  void take_ack(const sync::Ack& ack, std::vector<Ended>& ended) {
    while (!on_their_way_.empty() && on_their_way_.front().through <= ack.through) {
      const OnItsWay& taken = on_their_way_.front();
      ended.push_back({.lane = taken.lane, .ok = !taken.again, .units = taken.through - taken.first + 1});
      on_their_way_.pop_front();
      went_back_to_.reset();
    }
  }

  /// From there on; once, as every batch behind a lost one is told the same.
  Result<void> send_again(std::uint64_t from) {
    if (went_back_to_ == from) return {};
    went_back_to_ = from;
    for (OnItsWay& batch : on_their_way_) {
      if (batch.first < from) continue;
      batch.again = true;
      batch.sent_at = steady_clock::now();
      if (auto sent = send(batch.frame); !sent) return sent;
    }
    return {};
  }

  std::string next_event(WallTime now) {
    MadeSale sale = sales_.next();
    return sync::encode(sync::Event{.store = id_,
                                    .epoch = epoch,
                                    .sequence = ++tail_,
                                    .id = sales_.next_id(),
                                    .time = now,
                                    .traceparent = "",
                                    .payload = sync::SaleFinalized{.session = std::move(sale.session),
                                                                   .transaction = std::move(sale.transaction),
                                                                   .customer = std::move(sale.card),
                                                                   .channel = ChannelId("till-1"),
                                                                   .amount = {sale.amount, usd_},
                                                                   .earned = {sale.earned},
                                                                   .redeemed = {sale.redeemed},
                                                                   .new_balance = {sale.balance},
                                                                   .tier = "Gold",
                                                                   .receipt = std::move(sale.receipt),
                                                                   .rules_version = "",
                                                                   .finalized_at = now}});
  }

  Result<void> send(const std::string& frame) {
    if (zeromq::send(socket_, frame, false)) return {};
    return fail(Errc::io_failed, "the line of " + id_.str() + " is full");
  }

  StoreId id_;
  const SystemClock clock_;
  const Currency usd_ = *find_currency("USD");
  ::zmq::socket_t socket_;
  SaleMaker sales_;
  std::uint64_t tail_ = 0;
  Digest hash_;
  std::deque<OnItsWay> on_their_way_;
  std::optional<std::uint64_t> went_back_to_;
  bool welcomed_ = false;
};

}  // namespace

struct StoreLoad::State {
  Options options;
  std::deque<Store> stores = {};
  std::size_t turn = 0;  ///< Whose batch is the next.
  std::uint64_t acknowledged = 0;
  std::vector<::zmq::pollitem_t> items = {};
  std::vector<Store*> polled = {};

  /// Of the stores for which `waits` is so.
  template <class Waits>
  Result<void> poll(std::chrono::milliseconds patience, std::vector<Ended>& ended, Waits waits) {
    items.clear();
    polled.clear();
    for (Store& store : stores) {
      if (!waits(store)) continue;
      items.push_back(store.poll_item());
      polled.push_back(&store);
    }
    ::zmq::poll(items.data(), items.size(), patience);
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].revents == 0) continue;
      if (auto taken = polled[i]->take_in(ended); !taken) return taken;
    }
    return {};
  }
  Result<void> await_welcomes() {
    const auto give_up = steady_clock::now() + welcome_patience;
    const auto waits = [](const Store& store) { return !store.welcomed(); };
    std::vector<Ended> none;
    while (std::ranges::any_of(stores, waits)) {
      if (steady_clock::now() > give_up) return fail(Errc::io_failed, "the hub does not welcome every store");
      if (auto heard = poll(std::chrono::milliseconds(100), none, waits); !heard) return heard;
    }
    return {};
  }
};

StoreLoad::StoreLoad(std::unique_ptr<State> state) : state_(std::move(state)) {}
StoreLoad::~StoreLoad() = default;

Result<std::unique_ptr<StoreLoad>> StoreLoad::connect(const Options& options,
                                                      const std::vector<SimulatedStore>& stores) {
  ops::raise_open_files_limit();
  zeromq::context().set(::zmq::ctxopt::max_sockets, sockets_max);
  std::unique_ptr<StoreLoad> load(new StoreLoad(std::make_unique<State>(State{.options = options})));
  State& state = *load->state_;
  for (const SimulatedStore& store : stores) {
    Store& made = state.stores.emplace_back(store, options.cards, state.stores.size() + 1);
    if (auto connected = made.connect(options, store.secret_key); !connected) return failure(connected);
  }
  if (auto welcomed = state.await_welcomes(); !welcomed) return failure(welcomed);
  return load;
}

std::uint64_t StoreLoad::acknowledged() const {
  return state_->acknowledged;
}

std::size_t StoreLoad::lanes() const {
  return std::min(state_->options.lanes, state_->stores.size() * state_->options.window);
}

Result<void> StoreLoad::begin(std::size_t lane) {
  // There is always one with room: lanes are no more than all windows together.
  std::deque<Store>& stores = state_->stores;
  while (stores[state_->turn % stores.size()].on_their_way() >= state_->options.window) ++state_->turn;
  return stores[state_->turn++ % stores.size()].send_batch(lane, state_->options.batch);
}

Result<void> StoreLoad::poll(std::chrono::nanoseconds patience, std::vector<Ended>& ended) {
  const std::size_t before = ended.size();
  for (Store& store : state_->stores) {
    if (auto sent = store.send_lost_again(); !sent) return sent;
  }
  auto heard = state_->poll(std::chrono::floor<std::chrono::milliseconds>(patience), ended,
                            [](const Store& store) { return store.on_their_way() > 0; });
  for (std::size_t i = before; i < ended.size(); ++i) state_->acknowledged += ended[i].units;
  return heard;
}

}  // namespace perkline::bench
